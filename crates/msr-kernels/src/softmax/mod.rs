//! Softmax and its logarithm.

mod composed;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};

/// `x − ln Σ eˣ` along `dim`, shifted by the maximum so that it cannot overflow. Same shape.
///
/// # Errors
/// [`Error::Shape`] when there is no such dimension or it is empty.
pub fn log_softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    checked("log_softmax", x, dim)?;
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Half => widened([x], |[x]| log_softmax(x, dim)),
        Body::Cuda if x.elem_count() > 0 => cuda::softmax(x, dim, false),
        // One body: made of kernels that choose theirs.
        Body::Cpu | Body::Cuda | Body::Composed => composed::log_softmax(x, dim),
    }
}

/// `eˣ / Σ eˣ` along `dim`, shifted by the maximum so that it cannot overflow. Same shape.
///
/// # Errors
/// [`Error::Shape`] when there is no such dimension or it is empty.
pub fn softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    checked("softmax", x, dim)?;
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Half => widened([x], |[x]| softmax(x, dim)),
        Body::Cuda if x.elem_count() > 0 => cuda::softmax(x, dim, true),
        // One body: made of kernels that choose theirs.
        Body::Cpu | Body::Cuda | Body::Composed => composed::softmax(x, dim),
    }
}

/// Refuses a dimension along which there is nothing.
fn checked(op: &'static str, x: &Tensor, dim: usize) -> Result<()> {
    if x.dims().get(dim).is_none_or(|&n| n == 0) {
        return Err(Error::shape(op, format!("elements along dimension {dim}"), x.dims()));
    }
    room_for(op, x.dims())?;
    Ok(())
}
