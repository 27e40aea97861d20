//! Whether a tensor holds NaN or infinite numbers.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::body::Body;
use crate::dense::{room_for, tidy};
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
        Body::Half => is_finite(&x.to_dtype(DType::F32)?),
        Body::Composed => composed::is_finite(x),
    }
}
