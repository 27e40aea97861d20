//! Sums over dimensions.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};

pub(crate) use cpu::LANES;

/// The sum over `dims`, which stay with size one.
///
/// # Errors
/// [`Error::Shape`] when a dimension is out of range.
pub fn sum_keepdim(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if let Some(d) = dims.iter().find(|&&d| d >= x.rank()) {
        return Err(Error::shape("sum", format!("a dimension {d} to sum over"), x.dims()));
    }
    match Body::of([x]) {
        Body::Cpu => cpu::sum_keepdim(x, dims),
        Body::Composed => composed::sum_keepdim(x, dims),
    }
}
