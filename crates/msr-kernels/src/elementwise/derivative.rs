//! The derivative of each function of one number, in terms of the others: one formula for tensors,
//! where candle asks for it, and for whatever else can be computed with.

use candle_core::Tensor;

use super::{Binary, Unary, binary, unary};

/// Numbers that elementwise functions can be applied to.
pub trait Elementwise: Sized {
    /// What can go wrong.
    type Error;

    /// `f(x)`.
    ///
    /// # Errors
    /// Whatever the implementation reports.
    fn unary(&self, op: Unary) -> Result<Self, Self::Error>;

    /// `x ∘ other`.
    ///
    /// # Errors
    /// Whatever the implementation reports.
    fn binary(&self, op: Binary, other: &Self) -> Result<Self, Self::Error>;
}

impl Elementwise for Tensor {
    type Error = crate::Error;

    fn unary(&self, op: Unary) -> Result<Self, Self::Error> {
        unary(op, self)
    }

    fn binary(&self, op: Binary, other: &Self) -> Result<Self, Self::Error> {
        binary(op, self, other)
    }
}

impl Unary {
    /// `g · f′(x)` for `y = f(x)`. No difference of nearly equal numbers is formed where the
    /// derivative is small, and what a mask blocks is left out, not multiplied by zero.
    ///
    /// # Errors
    /// What the functions that it is made of report.
    pub fn vjp<E: Elementwise>(self, x: &E, y: &E, g: &E) -> Result<E, E::Error> {
        let scaled = |x: &E, scale: f64| x.unary(Unary::Affine { scale, offset: 0.0 });
        match self {
            Unary::Affine { scale, .. } => scaled(g, scale),
            Unary::Relu => g.binary(Binary::Gate, x),
            Unary::Exp => g.binary(Binary::Mul, y),
            Unary::Log => g.binary(Binary::Div, x),
            Unary::Sqrt => scaled(&g.binary(Binary::Div, y)?, 0.5),
            Unary::Reciprocal => scaled(&g.binary(Binary::Mul, &y.unary(Unary::Power(2.0))?)?, -1.0),
            Unary::Power(p) => scaled(&g.binary(Binary::Mul, &x.unary(Unary::Power(p - 1.0))?)?, p),
            Unary::Tanh => g.binary(Binary::Mul, &x.unary(Unary::SechSquared)?),
            Unary::SechSquared => {
                scaled(&g.binary(Binary::Mul, &y.binary(Binary::Mul, &x.unary(Unary::Tanh)?)?)?, -2.0)
            }
            // σ′(x) = sech²(x / 2) / 4
            Unary::Sigmoid => {
                scaled(&g.binary(Binary::Mul, &scaled(x, 0.5)?.unary(Unary::SechSquared)?)?, 0.25)
            }
            Unary::Softplus => g.binary(Binary::Mul, &x.unary(Unary::Sigmoid)?),
        }
    }
}
