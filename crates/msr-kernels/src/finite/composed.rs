//! Zero times NaN or infinity is NaN, and so is any sum with it. Sums by candle.

use candle_core::{DType, Tensor};

use crate::error::Result;

/// Whether `Σ 0 · x` is a number.
pub(super) fn is_finite(x: &Tensor) -> Result<bool> {
    let sum: f64 = x.affine(0.0, 0.0)?.sum_all()?.to_dtype(DType::F64)?.to_scalar()?;
    Ok(sum.is_finite())
}

/// `Σ x²`: as the square of the largest number times a sum of ratios, which cannot overflow.
pub(super) fn squared_norm(x: &Tensor) -> Result<f64> {
    let number = |t: Tensor| -> Result<f64> { Ok(t.to_dtype(DType::F64)?.to_scalar()?) };
    if !is_finite(x)? {
        return Ok(f64::NAN);
    }
    let largest = number(x.abs()?.max_all()?)?;
    if largest == 0.0 {
        return Ok(0.0);
    }
    Ok(largest * largest * number((x / largest)?.sqr()?.sum_all()?)?)
}
