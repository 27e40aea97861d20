//! The `.npz` files of the MSR authors and of others: inputs `(tasks, examples, …)`, targets
//! `(tasks, examples, …)` or labels `(tasks, examples)` and, unused in training, the true weights
//! `(tasks, …)`.

mod array;
mod options;
pub(crate) mod read;
pub(crate) mod write;

pub use options::{NpzOptions, NpzTargets};
