//! Zero times NaN or infinity is NaN, and so is any sum with it.

use candle_core::{DType, Tensor};

use crate::error::Result;

/// Whether `Σ 0 · x` is a number.
pub(super) fn is_finite(x: &Tensor) -> Result<bool> {
    let sum: f64 = x.affine(0.0, 0.0)?.sum_all()?.to_dtype(DType::F64)?.to_scalar()?;
    Ok(sum.is_finite())
}
