//! Sums over the tasks of several tensors at once.

mod composed;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};

const OP: &str = "sum_tasks";

/// `Σ_t x[t, …]` of each of several tensors: the gradients of values that all tasks have in common.
/// On a GPU in one launch for each few of them.
///
/// # Shapes
/// `(t, …) -> (…)` for each, with the same number of tasks t
///
/// # Errors
/// [`Error::Shape`] for a tensor without dimensions, [`Error::Mismatch`] when numbers of tasks
/// differ.
pub fn sum_tasks(tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
    for t in tensors {
        if t.rank() == 0 {
            return Err(Error::shape(OP, "a dimension of tasks", t.dims()));
        }
        if t.dims()[0] != tensors[0].dims()[0] {
            return Err(Error::mismatch(OP, tensors[0].dims(), t.dims(), "the numbers of tasks differ"));
        }
    }
    match sum_tasks_is_one_pass(tensors) {
        true => cuda::sum(tensors),
        false => tensors.iter().map(|t| composed::sum(t)).collect(),
    }
}

/// Whether these are added up in a few launches.
pub fn sum_tasks_is_one_pass(tensors: &[&Tensor]) -> bool {
    let Some(first) = tensors.first() else { return false };
    let alike = |t: &Tensor| Body::of([first, t]) == Body::Cuda && first.device().same_device(t.device());
    tensors.iter().all(|t| alike(t) && t.elem_count() > 0)
}
