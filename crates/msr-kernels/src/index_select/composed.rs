//! Slices by candle.

use candle_core::Tensor;

use crate::error::Result;

/// The slices that `index` names.
pub(super) fn index_select(x: &Tensor, index: &Tensor, dim: usize) -> Result<Tensor> {
    Ok(x.contiguous()?.index_select(index, dim)?)
}

/// The sums of slices at the places that `index` names, in zeros of a shape.
pub(super) fn index_add(x: &Tensor, index: &Tensor, dim: usize, shape: &[usize]) -> Result<Tensor> {
    let zeros = Tensor::zeros(shape, x.dtype(), x.device())?;
    Ok(zeros.index_add(index, &x.contiguous()?, dim)?)
}
