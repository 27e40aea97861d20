//! Matrix products by candle.

use candle_core::Tensor;

use crate::error::Result;

/// `a @ b`; sizes fit. Other devices take plain layouts only.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    Ok(a.contiguous()?.broadcast_matmul(&b.contiguous()?)?)
}
