//! The derivative of each function of one number, in terms of the others: one formula for tensors,
//! where candle asks for it, and for whatever else can be computed with.

use candle_core::Tensor;

use super::{Binary, Unary, binary, unary};

/// `2 √(2 / π)`, twice what [`Unary::Gelu`] multiplies x by.
pub(super) const GELU_LINEAR: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

/// Twice what [`Unary::Gelu`] multiplies x³ by.
pub(super) const GELU_CUBIC: f64 = 0.044715 * GELU_LINEAR;

/// `1 / √(2π)`: the normal density at zero.
pub(super) const INVERSE_SQRT_TAU: f64 =
    0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

/// The distance from zero at which SiLU and both kinds of GELU, their slopes too, have reached
/// their limits in every digit of every floating-point type: `e^−800 = 0`.
pub(super) const FLAT: f64 = 800.0;

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
        let bracket = |scale: f64, offset: f64| Unary::Affine { scale, offset };
        let scaled = |x: &E, scale: f64| x.unary(bracket(scale, 0.0));
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
            Unary::Sin => g.binary(Binary::Mul, &x.unary(Unary::Cos)?),
            Unary::Cos => scaled(&g.binary(Binary::Mul, &x.unary(Unary::Sin)?)?, -1.0),
            Unary::Abs => g.binary(Binary::Weigh, &x.unary(Unary::Sign)?),
            Unary::Sign => g.binary(Binary::Weigh, &scaled(y, 0.0)?),
            Unary::Erf => {
                let density = scaled(&x.unary(Unary::Gaussian)?, std::f64::consts::FRAC_2_SQRT_PI)?;
                g.binary(Binary::Mul, &density)
            }
            Unary::Gaussian => scaled(&g.binary(Binary::Mul, &y.binary(Binary::Mul, x)?)?, -2.0),
            Unary::Silu => g.binary(Binary::Mul, &x.unary(Unary::SiluSlope)?),
            // ¼ sech²(x / 2) (2 − x tanh(x / 2))
            Unary::SiluSlope => {
                let half = scaled(x, 0.5)?;
                let bend = x.binary(Binary::Mul, &half.unary(Unary::Tanh)?)?.unary(bracket(-0.25, 0.5))?;
                g.binary(Binary::Mul, &half.unary(Unary::SechSquared)?.binary(Binary::Mul, &bend)?)
            }
            Unary::Gelu => g.binary(Binary::Mul, &x.unary(Unary::GeluSlope)?),
            // ¼ sech²(v / 2) (2 v′ + x v″ − x v′² tanh(v / 2)) for x σ(v)
            Unary::GeluSlope => {
                let square = x.unary(Unary::Power(2.0))?;
                let half =
                    x.binary(Binary::Mul, &square.unary(bracket(0.5 * GELU_CUBIC, 0.5 * GELU_LINEAR))?)?;
                let slope = square.unary(bracket(3.0 * GELU_CUBIC, GELU_LINEAR))?;
                let turn = x.binary(Binary::Mul, &slope.unary(Unary::Power(2.0))?)?;
                let turn = turn.binary(Binary::Mul, &half.unary(Unary::Tanh)?)?;
                let bend = square.unary(bracket(12.0 * GELU_CUBIC, 2.0 * GELU_LINEAR))?;
                let bend = bend.binary(Binary::Sub, &turn)?;
                scaled(
                    &g.binary(Binary::Mul, &half.unary(Unary::SechSquared)?.binary(Binary::Mul, &bend)?)?,
                    0.25,
                )
            }
            Unary::GeluErf => g.binary(Binary::Mul, &x.unary(Unary::GeluErfSlope)?),
            // Φ′(x) (2 − x²)
            Unary::GeluErfSlope => {
                let density = scaled(x, std::f64::consts::FRAC_1_SQRT_2)?.unary(Unary::Gaussian)?;
                let bend =
                    x.unary(Unary::Power(2.0))?.unary(bracket(-INVERSE_SQRT_TAU, 2.0 * INVERSE_SQRT_TAU))?;
                g.binary(Binary::Mul, &density.binary(Binary::Mul, &bend)?)
            }
            Unary::Elu(alpha) => g.binary(Binary::Mul, &x.unary(Unary::EluSlope(alpha))?),
            // α eˣ where x < 0: of the exponent nothing but its negative part is looked at, so that
            // what is left out does not overflow.
            Unary::EluSlope(alpha) => {
                let below = scaled(x, -1.0)?;
                let power = scaled(&below.unary(Unary::Relu)?, -1.0)?.unary(Unary::Exp)?;
                g.binary(Binary::Gate, &below)?.binary(Binary::Mul, &scaled(&power, alpha)?)
            }
        }
    }
}
