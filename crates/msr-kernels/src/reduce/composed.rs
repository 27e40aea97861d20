//! Sums by candle.

use candle_core::Tensor;

use crate::error::Result;

/// The sum over `dims`, which stay with size one.
pub(super) fn sum_keepdim(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    Ok(x.sum_keepdim(dims)?)
}
