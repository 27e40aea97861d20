//! Mutated input for every reader of this workspace: files, names and definitions.
//!
//! A target takes bytes and gives them to one reader. Whatever they are, it must come back, in
//! time, without a panic and without a flood of memory; what the reader says of them is its own
//! affair. `msr-fuzz` runs all targets on seeds and on what becomes of them, in an order that
//! depends on a number alone; the package in `fuzz/coverage` gives the same targets to libFuzzer,
//! which looks for new paths.

mod mutate;
mod seeds;
mod targets;

pub use mutate::Mutator;
pub use seeds::seeds;
pub use targets::{TARGETS, Target};
