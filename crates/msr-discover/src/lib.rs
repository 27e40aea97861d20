//! Which symmetry do tasks share? A verdict with its evidence, from data alone.
//!
//! [`discover`] takes regression tasks, [`Tasks`], and answers with a [`Verdict`]: a group with a
//! name and a bound of what breaks it, "at least" one, none, or that these data do not tell. How
//! and why: `docs/derivations/verdict.md`.

#![deny(missing_debug_implementations)]

mod candidates;
mod config;
mod confirm;
mod discover;
mod error;
mod groups;
mod guard;
mod latent;
mod learn;
mod moments;
mod search;
mod statistics;
mod tasks;
mod ties;
mod verdict;

pub use config::DiscoverConfig;
pub use discover::discover;
pub use error::{Error, Result};
pub use tasks::Tasks;
pub use verdict::{Bounds, Symmetry, Tested, Verdict, VerdictKind, Why};
