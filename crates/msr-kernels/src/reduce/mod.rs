//! Sums and means over dimensions.

mod composed;
mod cpu;
mod cuda;
mod pairwise;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::elementwise::{Unary, unary};
use crate::error::{Error, Result};
use crate::finite::is_finite;

pub(crate) use cuda::sum_of_parts;
pub(crate) use pairwise::{LANES, Pairs, in_blocks};

/// The sum over `dims`, which stay with size one.
///
/// Long sums are added in pairs, half precision in `f32`; a sum in `f32` that overflows on its way
/// is computed again in `f64`.
///
/// # Errors
/// [`Error::Shape`] when a dimension is out of range; [`Error::Size`] for a broadcast view that
/// could not be addressed.
pub fn sum_keepdim(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    scaled_sum_keepdim(x, dims, 1.0)
}

/// `scale · Σ x` over `dims`, which stay with size one: with `scale = 1 / n` the mean. Scaled
/// before it is rounded to the dtype, so that a mean does not overflow with its sum.
///
/// # Errors
/// As [`sum_keepdim`].
pub fn scaled_sum_keepdim(x: &Tensor, dims: &[usize], scale: f64) -> Result<Tensor> {
    if let Some(d) = dims.iter().find(|&&d| d >= x.rank()) {
        return Err(Error::shape("sum", format!("a dimension {d} to sum over"), x.dims()));
    }
    room_for("sum", x.dims())?;
    let x = &tidy(x)?;
    let scaled = |sum: Tensor| match scale {
        1.0 => Ok(sum),
        _ => unary(Unary::Affine { scale, offset: 0.0 }, &sum),
    };
    let sum = match Body::of([x]) {
        Body::Cuda => return cuda::sum_keepdim(x, dims, scale),
        Body::Half => return widened([x], |[x]| scaled_sum_keepdim(x, dims, scale)),
        Body::Cpu => scaled(cpu::sum_keepdim(x, dims)?)?,
        Body::Composed => scaled(composed::sum_keepdim(x, dims)?)?,
    };
    in_double_unless_finite(sum, || scaled_sum_keepdim(&x.to_dtype(DType::F64)?, dims, scale))
}

/// `result`, or when it is in `f32` and not finite what `again` gives in `f64`: a sum may have
/// overflowed on its way.
pub(crate) fn in_double_unless_finite(
    result: Tensor,
    again: impl FnOnce() -> Result<Tensor>,
) -> Result<Tensor> {
    // Other devices would wait for the answer, and need not have double precision.
    if result.dtype() != DType::F32 || !result.device().is_cpu() || is_finite(&result)? {
        return Ok(result);
    }
    Ok(again()?.to_dtype(DType::F32)?)
}
