//! Whether a tensor holds NaN or infinite numbers, and how large they are.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::adam::squared_norm_on_device;
use crate::body::Body;
use crate::dense::{room_for, tidy};
use crate::elementwise::{Unary, unary};
use crate::error::Result;

/// Whether no element of `x` is NaN or infinite; true when there are none.
///
/// # Errors
/// What the tensor library reports.
pub fn is_finite(x: &Tensor) -> Result<bool> {
    if room_for("is_finite", x.dims())? == 0 || x.dtype().is_int() {
        return Ok(true);
    }
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Cpu => cpu::is_finite(x),
        // Zero times what is not finite is NaN, and squares of zeros do not overflow.
        Body::Cuda => {
            Ok(squared_norm_on_device(&unary(Unary::Affine { scale: 0.0, offset: 0.0 }, x)?)? == 0.0)
        }
        Body::Half => is_finite(&x.to_dtype(DType::F32)?),
        Body::Composed => composed::is_finite(x),
    }
}

/// `Σ x²` as an `f64`: NaN or infinite when an element is, and in `f32` and half precision only
/// then. One pass says whether a gradient is finite and how long it is.
///
/// # Errors
/// What the tensor library reports.
pub fn squared_norm(x: &Tensor) -> Result<f64> {
    if room_for("squared_norm", x.dims())? == 0 {
        return Ok(0.0);
    }
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Cpu => cpu::squared_norm(x),
        Body::Cuda => squared_norm_on_device(x),
        Body::Half => squared_norm(&x.to_dtype(DType::F32)?),
        Body::Composed => composed::squared_norm(x),
    }
}
