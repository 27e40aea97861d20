//! Tasks to learn symmetries from.
//!
//! - [`RankK`]: the paper's synthetic problems with partial translation symmetry.
//! - [`Equivariant`]: tasks that share the symmetry of any finite group, and nothing else.
//! - [`SteerableConv`]: convolutions whose filters come in turned (and mirrored) copies, C_N or
//!   D_N.
//! - [`Sinusoid`]: curves with an amplitude and a phase each, the classic problem of MAML.
//! - [`NpzProblem`]: `.npz` files, those of the MSR authors and, with [`NpzOptions`], anyone's;
//!   [`export_npz`] writes them.
//! - [`EpisodeSampler`]: draws episodes (support and query sets) for training and testing from any
//!   of them.
//! - [`Omniglot`]: characters of many alphabets, a [`ClassSource`] as anyone's classes may be one;
//!   [`FewShot`] draws N-way k-shot episodes of the classes of a [`ClassSplit`], with query images
//!   augmented ([`Augmentation`]) and classes turned ([`QuarterTurns`]) where that is asked for.
//! - [`ImageClasses`]: anyone's images in classes, from folders and archives, scaled and kept in
//!   one file.
//! - [`tasks`]: a user's own tasks, from arrays, tables and folders of them, as numbers.
//!
//! No task is kept in memory (images are): it is generated when it is asked for, from a random
//! stream derived from (seed, role, index), so the same seed gives the same bits in any order of
//! access.
//!
//! # Example
//! ```
//! use msr_data::{EpisodeSampler, RankK, SamplerConfig};
//! use msr_episodes::{EpisodeSource, Shots, Split};
//!
//! # fn main() -> Result<(), msr_data::Error> {
//! let config = SamplerConfig::new(Split::new(8_000, 2_000), Shots { support: 1, query: 19 }, 32, 1);
//! let sampler = EpisodeSampler::new(RankK::new(2, 0)?, config)?;
//! let episode = sampler.train(0)?;
//! assert_eq!(episode.support.x.dims(), [32, 1, 1, 70]);
//! assert_eq!(episode.query.y.tensor().dims(), [32, 19, 1, 68]);
//! # Ok(())
//! # }
//! ```

mod classes;
mod error;
pub mod images;
mod npz;
mod random;
mod sampler;
mod synthetic;
pub mod tasks;

pub use classes::augment::Augmentation;
pub use classes::few_shot::{FewShot, FewShotConfig};
pub use classes::omniglot::Omniglot;
pub use classes::rotate::QuarterTurns;
pub use classes::{ClassSource, ClassSplit};
pub use error::{Error, Result};
pub use images::{ImageClasses, ImageError, ImageOptions};
pub use npz::read::NpzProblem;
pub use npz::write::export_npz;
pub use npz::{NpzOptions, NpzTargets};
pub use sampler::{EpisodeSampler, SamplerConfig, ValidationSampler};
pub use synthetic::equivariant::{Equivariant, EquivariantConfig, Inputs};
pub use synthetic::rank_k::RankK;
pub use synthetic::sinusoid::{Sinusoid, SinusoidConfig};
pub use synthetic::steerable::{SteerableConv, SteerableConvConfig};
