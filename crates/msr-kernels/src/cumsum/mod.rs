//! Running sums along a dimension.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};

/// The sums of the elements up to each one along `dim`, it included: `y_i = Σ_{j ≤ i} x_j`. Added
/// in `f64` in main memory; in pairs elsewhere.
///
/// # Errors
/// [`Error::Shape`] when there is no such dimension; [`Error::Size`] for a broadcast view that
/// could not be addressed.
pub fn cumsum(x: &Tensor, dim: usize) -> Result<Tensor> {
    if dim >= x.rank() {
        return Err(Error::shape("cumsum", format!("a dimension {dim}"), x.dims()));
    }
    if room_for("cumsum", x.dims())? == 0 {
        return Ok(Tensor::zeros(x.dims(), x.dtype(), x.device())?);
    }
    let x = &tidy(x)?.contiguous()?;
    match Body::of([x]) {
        Body::Half => widened([x], |[x]| cumsum(x, dim)),
        Body::Cpu => cpu::cumsum(x, dim),
        Body::Cuda | Body::Composed => composed::cumsum(x, dim),
    }
}
