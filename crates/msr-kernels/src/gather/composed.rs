//! Picking by candle's own gather and scatter.

use candle_core::Tensor;

use crate::error::Result;

/// `y[r, j] = x[r, index[r, j]]`.
pub(super) fn gather(x: &Tensor, index: &Tensor) -> Result<Tensor> {
    Ok(x.contiguous()?.gather(index, 1)?)
}

/// `y[r, index[r, j]] += x[r, j]` into zeros of `size` columns.
pub(super) fn scatter_add(x: &Tensor, index: &Tensor, size: usize) -> Result<Tensor> {
    let zeros = Tensor::zeros((x.dims()[0], size), x.dtype(), x.device())?;
    Ok(zeros.scatter_add(index, &x.contiguous()?, 1)?)
}
