//! Elementwise functions made of candle's operations.

use candle_core::Tensor;

use super::{Binary, Unary};
use crate::error::Result;

/// `a ∘ b`.
pub(super) fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    Ok(match op {
        Binary::Add => a.broadcast_add(b)?,
        Binary::Sub => a.broadcast_sub(b)?,
        Binary::Mul => a.broadcast_mul(b)?,
        Binary::Div => a.broadcast_div(b)?,
    })
}

/// `f(x)`.
pub(super) fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    Ok(match op {
        Unary::Affine { scale, offset } => x.affine(scale, offset)?,
        Unary::Relu => x.relu()?,
        Unary::Positive => x.gt(0f64)?.to_dtype(x.dtype())?,
        Unary::Exp => x.exp()?,
        Unary::Log => x.log()?,
        Unary::Sqrt => x.sqrt()?,
        Unary::Reciprocal => x.recip()?,
        Unary::Power(p) => x.powf(p)?,
        Unary::Tanh => x.tanh()?,
        Unary::Sigmoid => (x.neg()?.exp()? + 1.0)?.recip()?,
        // ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)
        Unary::Softplus => (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?,
    })
}
