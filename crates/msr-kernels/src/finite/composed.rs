//! Zero times NaN or infinity is NaN, and so is any sum with it.

use candle_core::{DType, Tensor};

use crate::elementwise::{Unary, unary};
use crate::error::Result;
use crate::reduce::sum_keepdim;

/// Whether `Σ 0 · x` is a number.
pub(super) fn is_finite(x: &Tensor) -> Result<bool> {
    let zeros = unary(Unary::Affine { scale: 0.0, offset: 0.0 }, x)?;
    let sum = sum_keepdim(&zeros, &(0..x.rank()).collect::<Vec<_>>())?;
    let sum: f64 = sum.flatten_all()?.to_dtype(DType::F64)?.get(0)?.to_scalar()?;
    Ok(sum.is_finite())
}
