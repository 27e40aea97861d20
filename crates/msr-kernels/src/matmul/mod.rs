//! Batched matrix products with broadcast batch dimensions and operands of any strides.

mod composed;
mod cpu;
mod cuda;
mod dots;
mod general;
mod panels;
mod shared_left;
#[cfg(test)]
mod tests;
mod vectors;

use candle_core::{Shape, Tensor};

use crate::body::{Body, widened};
use crate::dense::room_for;
use crate::error::{Error, Result};

/// `a @ b` over the last two dimensions, with numpy's broadcasting of the leading ones. candle's
/// own `backward` can differentiate it once.
///
/// # Shapes
/// `(…, m, k) @ (…, k, n) -> (…, m, n)`
///
/// # Errors
/// [`Error::Mismatch`] when an operand has fewer than two dimensions or the inner sizes differ;
/// [`Error::Size`] and [`Error::Memory`] when there is no room for the result; when the batch
/// dimensions do not broadcast, or dtype or device differ.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (&[.., _, k], &[.., k2, _]) = (a.dims(), b.dims()) else {
        return Err(Error::mismatch("matmul", a.dims(), b.dims(), "both need two dimensions"));
    };
    if k != k2 {
        let problem = format!("inner sizes {k} and {k2} differ");
        return Err(Error::mismatch("matmul", a.dims(), b.dims(), problem));
    }
    let (rows, columns) = (a.dims()[a.rank() - 2], b.dims()[b.rank() - 1]);
    let (lead_a, lead_b) = (&a.dims()[..a.rank() - 2], &b.dims()[..b.rank() - 2]);
    let mut shape = match lead_a == lead_b {
        true => lead_a.to_vec(),
        false => Shape::from(lead_a).broadcast_shape_binary_op(&Shape::from(lead_b), "matmul")?.into_dims(),
    };
    shape.extend([rows, columns]);
    if (room_for("matmul", &shape)? == 0 || k == 0) && a.dtype() == b.dtype() {
        return Ok(Tensor::zeros(shape, a.dtype(), a.device())?);
    }
    room_for("matmul", a.dims())?;
    room_for("matmul", b.dims())?;
    match Body::of([a, b]) {
        Body::Cpu => cpu::matmul(a, b),
        Body::Cuda => cuda::matmul(a, b, &shape),
        Body::Half => widened([a, b], |[a, b]| matmul(a, b)),
        Body::Composed => composed::matmul(a, b),
    }
}
