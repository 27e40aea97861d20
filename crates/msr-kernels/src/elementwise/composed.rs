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
        Binary::Gate => {
            let shape = a.shape().broadcast_shape_binary_op(b.shape(), op.name())?;
            let (a, b) = (a.broadcast_as(&shape)?, b.broadcast_as(&shape)?);
            b.gt(0f64)?.where_cond(&a, &not_positive(&b)?)?
        }
    })
}

/// `f(x)`.
pub(super) fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    Ok(match op {
        Unary::Affine { scale, offset } => x.affine(scale, offset)?,
        Unary::Relu => relu(x)?,
        Unary::Exp => x.exp()?,
        Unary::Log => x.log()?,
        Unary::Sqrt => x.sqrt()?,
        Unary::Reciprocal => x.recip()?,
        Unary::Power(p) => x.powf(p)?,
        Unary::Tanh => x.tanh()?,
        Unary::SechSquared => {
            let e = (x.abs()? * -2.0)?.exp()?;
            ((&e * 4.0)? / (e + 1.0)?.sqr()?)?
        }
        Unary::Sigmoid => {
            let e = x.abs()?.neg()?.exp()?;
            let numerator = x.lt(0f64)?.where_cond(&e, &e.ones_like()?)?;
            (numerator / (e + 1.0)?)?
        }
        // max(x, 0) + ln(1 + e^−|x|)
        Unary::Softplus => (relu(x)? + log_1p(&x.abs()?.neg()?.exp()?)?)?,
    })
}

/// `max(x, 0)` that keeps NaN, which candle's own turns into zero.
fn relu(x: &Tensor) -> Result<Tensor> {
    Ok(x.lt(0f64)?.where_cond(&x.zeros_like()?, x)?)
}

/// Zero where `x ≤ 0`, and x itself elsewhere.
fn not_positive(x: &Tensor) -> Result<Tensor> {
    Ok(x.le(0f64)?.where_cond(&x.zeros_like()?, x)?)
}

/// `ln(1 + e)` for `0 ≤ e ≤ 1`: the logarithm of the rounded sum, corrected by what the rounding
/// did to e. W. Kahan's, as in "What Every Computer Scientist Should Know About Floating-Point
/// Arithmetic" (Goldberg, 1991), theorem 4.
fn log_1p(e: &Tensor) -> Result<Tensor> {
    let sum = (e + 1.0)?;
    let rounded = (&sum - 1.0)?;
    let lost = rounded.le(0f64)?;
    // A divisor of one where nothing of e is left in the sum.
    let divisor = lost.where_cond(&e.ones_like()?, &rounded)?;
    Ok(lost.where_cond(e, &((sum.log()? * e)? / divisor)?)?)
}
