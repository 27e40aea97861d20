//! Tasks to learn symmetries from.
//!
//! - [`TaskSource`]: a numbered set of tasks, each a number of input–output examples, made on demand.
//! - [`RankK`]: the paper's synthetic problems with partial translation symmetry.
//! - [`Equivariant`]: tasks that share the symmetry of any finite group, and nothing else.
//! - [`SteerableConv`]: convolutions whose filters come in turned (and mirrored) copies, C_N or D_N.
//! - [`NpzProblem`]: the `.npz` files of the MSR authors; [`export_npz`] writes them.
//! - [`EpisodeSampler`]: draws episodes (support and query sets) for training and testing.
//!
//! Nothing here keeps a data set in memory: a task is generated when it is asked for, from a random
//! stream derived from (seed, role, index), so the same seed gives the same bits in any order of access.
//!
//! # Example
//! ```
//! use msr_data::{EpisodeSampler, RankK, Shots, Split};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), msr_data::Error> {
//! let problem = Arc::new(RankK::new(2, 0)?);
//! let sampler = EpisodeSampler::new(problem, Split::new(8_000, 2_000), 1)?;
//! let episodes = sampler.train(0, 32, Shots { support: 1, query: 19 })?;
//! assert_eq!(episodes.x_support.dims(), [32, 1, 1, 70]);
//! assert_eq!(episodes.y_query.dims(), [32, 19, 1, 68]);
//! # Ok(())
//! # }
//! ```

mod episode;
mod error;
mod npz;
mod random;
mod source;
mod synthetic;

pub use episode::{EpisodeSampler, Episodes, Shots, Split};
pub use error::{Error, Result};
pub use npz::read::NpzProblem;
pub use npz::write::export_npz;
pub use source::TaskSource;
pub use synthetic::equivariant::{Equivariant, EquivariantConfig, Inputs};
pub use synthetic::rank_k::RankK;
pub use synthetic::steerable::{SteerableConv, SteerableConvConfig};
