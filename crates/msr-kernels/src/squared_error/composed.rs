//! The same from differences, products and sums: for views and other devices.

use candle_core::Tensor;

use crate::elementwise::{Binary, binary};
use crate::error::Result;
use crate::reduce::sum_keepdim;

/// `Σ (a − b)²` of each task.
pub(super) fn squared_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let difference = binary(Binary::Sub, a, b)?;
    let square = binary(Binary::Mul, &difference, &difference)?;
    let (tasks, per_task) = (a.dims()[0], a.dims()[1..].iter().product::<usize>());
    Ok(sum_keepdim(&square.reshape((tasks, per_task))?, &[1])?.reshape(tasks)?)
}

/// `(a − b) · s`.
pub(super) fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; a.rank()];
    shape[0] = a.dims()[0];
    binary(Binary::Mul, &binary(Binary::Sub, a, b)?, &s.reshape(shape)?)
}
