//! Episodes: what a meta-learner learns from.
//!
//! - [`Examples`]: inputs with their [`Targets`], values or class labels, for a number of tasks.
//! - [`Episode`]: the support and query sets of a number of tasks.
//! - [`EpisodeSource`]: where episodes come from. A learner never knows whether that is a
//!   generator, a file, or images that are augmented on the way.
//! - [`Prefetch`]: the next episode made in the background.
//! - [`NumberedTasks`]: the training tasks of a source that draws from the same ones again and
//!   again.
//! - [`TaskSource`]: numbered tasks with examples of one shape each, from which episodes can be
//!   drawn.
//!
//! # Example
//! A source of your own: tasks `y = a x` with another a for each task.
//! ```
//! use std::ops::Range;
//! use candle_core::{Device, Tensor};
//! use msr_episodes::{Episode, EpisodeSource, Examples, Result};
//!
//! struct Slopes;
//! impl Slopes {
//!     fn episode(&self, tasks: Range<usize>) -> Result<Episode> {
//!         let examples = |from: usize| -> Result<Examples> {
//!             let x = |task: usize| (0..5).map(move |i| ((task * 31 + i + from) % 7) as f32 - 3.0);
//!             let y = |task: usize| x(task).map(move |x| (task % 4) as f32 * x);
//!             let tensor = |numbers: Vec<f32>| Tensor::from_vec(numbers, (tasks.len(), 5, 1), &Device::Cpu);
//!             Examples::values(tensor(tasks.clone().flat_map(x).collect())?, tensor(tasks.clone().flat_map(y).collect())?)
//!         };
//!         Episode::new(tasks.clone().collect(), examples(0)?, examples(5)?)
//!     }
//! }
//! impl EpisodeSource for Slopes {
//!     fn name(&self) -> String {
//!         "lines through zero".into()
//!     }
//!     fn train(&self, step: u64) -> Result<Episode> {
//!         let first = 8 * step as usize;
//!         self.episode(first..first + 8)
//!     }
//!     fn held_out(&self) -> usize {
//!         100
//!     }
//!     fn test(&self, tasks: Range<usize>) -> Result<Episode> {
//!         self.episode(tasks.start + 1_000_000..tasks.end + 1_000_000)
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let episode = Slopes.train(3)?;
//! assert_eq!(episode.support.x.dims(), [8, 5, 1]);
//! assert_eq!(episode.tasks[0], 24);
//! # Ok(())
//! # }
//! ```

mod episode;
mod error;
mod examples;
mod prefetch;
mod shots;
mod source;

pub use episode::Episode;
pub use error::{Error, Result};
pub use examples::{Examples, Targets};
pub use prefetch::Prefetch;
pub use shots::{Shots, Split};
pub use source::{Draw, EpisodeSource, NumberedTasks, TaskSource, numbers};
