//! Episodes made in the background, while the learner is at work.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::episode::Episode;
use crate::error::Result;
use crate::source::{EpisodeSource, NumberedTasks};

/// A source whose next training episode is made by another thread while the last one is used. The
/// episodes are those of the source, bit by bit: an episode depends on its step alone.
///
/// # Example
/// ```
/// use std::ops::Range;
/// # use candle_core::{DType, Device, Tensor};
/// use msr_episodes::{Episode, EpisodeSource, Examples, Prefetch, Result};
///
/// struct Steps;
/// impl EpisodeSource for Steps {
///     fn name(&self) -> String {
///         "steps".into()
///     }
///     fn train(&self, step: u64) -> Result<Episode> {
///         let set = || {
///             let x = Tensor::full(step as f32, (1, 2, 3), &Device::Cpu)?;
///             Examples::values(x, Tensor::zeros((1, 2, 1), DType::F32, &Device::Cpu)?)
///         };
///         Episode::new(vec![step as usize], set()?, set()?)
///     }
///     fn held_out(&self) -> usize {
///         1
///     }
///     fn test(&self, _: Range<usize>) -> Result<Episode> {
///         self.train(0)
///     }
/// }
/// # fn main() -> Result<()> {
/// let source = Prefetch::new(Steps);
/// for step in [0, 1, 2, 7] {
///     assert_eq!(source.train(step)?.tasks, [step as usize]);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Prefetch<S> {
    source: Arc<S>,
    /// The step that is being made, and who makes it.
    next: Mutex<Option<(u64, JoinHandle<Result<Episode>>)>>,
}

impl<S: EpisodeSource> std::fmt::Debug for Prefetch<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prefetch").field("source", &self.source.name()).finish_non_exhaustive()
    }
}

impl<S: EpisodeSource + 'static> Prefetch<S> {
    /// Episodes of `source`.
    pub fn new(source: S) -> Self {
        Self { source: Arc::new(source), next: Mutex::new(None) }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<S: EpisodeSource + 'static> EpisodeSource for Prefetch<S> {
    fn name(&self) -> String {
        self.source.name()
    }

    fn train(&self, step: u64) -> Result<Episode> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match next.take() {
            Some((of, maker)) if of == step => match maker.join() {
                Ok(made) => made,
                // What it panicked with is the caller's to see.
                Err(panic) => std::panic::resume_unwind(panic),
            },
            // Another step was asked for: what was made is dropped, whenever it is ready.
            _ => self.source.train(step),
        }?;
        let (source, following) = (self.source.clone(), step.wrapping_add(1));
        let maker = std::thread::Builder::new().name("episodes".into());
        // Where no thread can be had, the episode is made when it is asked for.
        *next = maker.spawn(move || source.train(following)).ok().map(|maker| (following, maker));
        Ok(made)
    }

    fn held_out(&self) -> usize {
        self.source.held_out()
    }

    fn test(&self, tasks: Range<usize>) -> Result<Episode> {
        self.source.test(tasks)
    }

    fn numbered(&self) -> Option<&dyn NumberedTasks> {
        self.source.numbered()
    }
}
