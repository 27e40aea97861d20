//! The `.npz` files of the MSR authors: `x (tasks, examples, …)`, `y (tasks, examples, …)` and,
//! unused in training, the true weights `w (tasks, …)`, all little-endian `float32` in C order.

mod header;
pub(crate) mod read;
pub(crate) mod write;
