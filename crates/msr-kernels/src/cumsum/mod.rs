//! Running sums along a dimension.

mod composed;
mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::room_for;
use crate::error::{Error, Result};

/// The sums of the elements up to each one along `dim`, it included: `y_i = Σ_{j ≤ i} x_j`. Added
/// in `f64`, in pairs by the composition.
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
    match Body::of([x]) {
        Body::Half => widened([x], |[x]| cumsum(x, dim)),
        Body::Cpu => cpu::cumsum(&x.contiguous()?, dim),
        Body::Cuda => cuda::cumsum(x, dim),
        Body::Composed => composed::cumsum(&x.contiguous()?, dim),
    }
}
