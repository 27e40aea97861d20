//! Which symmetry do tasks share? A verdict with its evidence, from data alone.
//!
//! [`discover`] takes regression tasks, [`Tasks`], and answers with a [`Verdict`]: a group with a
//! name and a bound of what breaks it, "at least" one, none, or that these data do not tell. How
//! and why: `docs/derivations/verdict.md`.

#![deny(missing_debug_implementations)]

mod asymmetry;
mod candidates;
mod compare;
mod config;
mod confirm;
mod cost;
mod course;
mod discover;
mod division;
mod error;
mod features;
mod generators;
mod groups;
mod guard;
mod latent;
mod layout;
mod learn;
mod mirrors;
mod moments;
mod prior;
mod said;
mod search;
mod space;
mod statistics;
mod strength;
mod tasks;
mod ties;
mod verdict;

pub use compare::{CompareConfig, Comparison, Model, Scored, Sizes, compare};
pub use config::DiscoverConfig;
pub use cost::Cost;
pub use discover::discover;
pub use error::{Error, Result};
pub use layout::{Layout, words};
pub use strength::strength;
pub use tasks::Tasks;
pub use verdict::{Bounds, Generator, Open, Symmetry, Tested, Verdict, VerdictKind, Why};
