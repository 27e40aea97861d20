//! The same from differences, products and sums: for views and other devices.

use candle_core::Tensor;

use crate::elementwise::{Binary, Unary, binary, unary};
use crate::error::Result;
use crate::reduce::scaled_sum_keepdim;

/// `scale · Σ (a − b)²` of each task.
pub(super) fn squared_distance(a: &Tensor, b: &Tensor, scale: f64) -> Result<Tensor> {
    let difference = binary(Binary::Sub, a, b)?;
    let square = binary(Binary::Mul, &difference, &difference)?;
    let (tasks, per_task) = (a.dims()[0], a.dims()[1..].iter().product::<usize>());
    Ok(scaled_sum_keepdim(&square.reshape((tasks, per_task))?, &[1], scale)?.reshape(tasks)?)
}

/// `(a − b) · scale · s`.
pub(super) fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor, scale: f64) -> Result<Tensor> {
    let mut shape = vec![1; a.rank()];
    shape[0] = a.dims()[0];
    let factors = unary(Unary::Affine { scale, offset: 0.0 }, &s.reshape(shape)?)?;
    binary(Binary::Mul, &binary(Binary::Sub, a, b)?, &factors)
}
