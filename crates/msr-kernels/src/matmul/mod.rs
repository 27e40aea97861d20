//! Batched matrix products with broadcast batch dimensions and operands of any strides.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};

/// `a @ b` over the last two dimensions, with numpy's broadcasting of the leading ones. candle's
/// own `backward` can differentiate it once.
///
/// # Shapes
/// `(…, m, k) @ (…, k, n) -> (…, m, n)`
///
/// # Errors
/// [`Error::Mismatch`] when an operand has fewer than two dimensions or the inner sizes differ;
/// when the batch dimensions do not broadcast, or dtype or device differ.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (&[.., _, k], &[.., k2, _]) = (a.dims(), b.dims()) else {
        return Err(Error::mismatch("matmul", a.dims(), b.dims(), "both need two dimensions"));
    };
    if k != k2 {
        let problem = format!("inner sizes {k} and {k2} differ");
        return Err(Error::mismatch("matmul", a.dims(), b.dims(), problem));
    }
    match Body::of([a, b]) {
        Body::Cpu => cpu::matmul(a, b),
        Body::Composed => composed::matmul(a, b),
    }
}
