//! Elementwise functions of one and two tensors, the latter with broadcasting.

mod composed;
mod cpu;
mod cuda;
mod derivative;
mod real;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::Result;

pub use derivative::Elementwise;

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a − b`
    Sub,
    /// `a · b`
    Mul,
    /// `a / b`
    Div,
    /// `a` where `b > 0`, zero where `b ≤ 0`, NaN where b is NaN: a choice, so that what is left
    /// out may be infinite.
    Gate,
    /// `a · b`, and zero where b is zero, whatever a is: what has no weight is left out, and may be
    /// infinite or NaN.
    Weigh,
    /// `max(a, b)`
    Maximum,
    /// `min(a, b)`
    Minimum,
    /// One where `a > b`, one half where they are equal, zero where `a < b`
    Step,
    /// `aᵇ`: NaN where `a < 0` and b is no integer, and one where `b = 0` or `a = 1`, as in IEEE
    /// 754
    Pow,
}

impl Binary {
    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
            Binary::Gate => "gate",
            Binary::Weigh => "weigh",
            Binary::Maximum => "maximum",
            Binary::Minimum => "minimum",
            Binary::Step => "step",
            Binary::Pow => "pow",
        }
    }
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `scale · x + offset`
    Affine {
        /// The factor.
        scale: f64,
        /// The summand.
        offset: f64,
    },
    /// `max(x, 0)`
    Relu,
    /// `eˣ`
    Exp,
    /// `ln x`
    Log,
    /// `√x`
    Sqrt,
    /// `1 / x`
    Reciprocal,
    /// `xᵖ`
    Power(f64),
    /// `sin x`
    Sin,
    /// `cos x`
    Cos,
    /// `tanh x`
    Tanh,
    /// `1 / cosh² x = 1 − tanh² x`, without the difference
    SechSquared,
    /// `1 / (1 + e⁻ˣ)`, without overflow
    Sigmoid,
    /// `ln(1 + eˣ)`, without overflow for large `x` and without loss for very negative ones
    Softplus,
    /// `|x|`
    Abs,
    /// `−1`, `0` or `1`; its derivative is taken as zero
    Sign,
    /// `2 / √π ∫₀ˣ e^−t² dt`
    Erf,
    /// `e^−x²`
    Gaussian,
    /// `x σ(x)`
    Silu,
    /// The derivative of [`Unary::Silu`], `σ(x) + x σ′(x)`
    SiluSlope,
    /// `x (1 + tanh u) / 2 = x σ(2u)` with `u = √(2 / π) (x + 0.044715 x³)`
    Gelu,
    /// The derivative of [`Unary::Gelu`]
    GeluSlope,
    /// `x Φ(x)` with the normal distribution function `Φ(x) = (1 + erf(x / √2)) / 2`, without loss
    /// for very negative `x`
    GeluErf,
    /// The derivative of [`Unary::GeluErf`], `Φ(x) + x Φ′(x)`
    GeluErfSlope,
    /// `x` where `x > 0` and `α (eˣ − 1)` elsewhere
    Elu(f64),
    /// The derivative of [`Unary::Elu`]: one where `x > 0` and `α eˣ` elsewhere, at zero too
    EluSlope(f64),
}

impl Unary {
    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Affine { .. } => "affine",
            Unary::Relu => "relu",
            Unary::Exp => "exp",
            Unary::Log => "log",
            Unary::Sqrt => "sqrt",
            Unary::Reciprocal => "reciprocal",
            Unary::Power(_) => "power",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Tanh => "tanh",
            Unary::SechSquared => "sech²",
            Unary::Sigmoid => "sigmoid",
            Unary::Softplus => "softplus",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Erf => "erf",
            Unary::Gaussian => "gaussian",
            Unary::Silu => "silu",
            Unary::SiluSlope => "silu′",
            Unary::Gelu => "gelu",
            Unary::GeluSlope => "gelu′",
            Unary::GeluErf => "gelu_erf",
            Unary::GeluErfSlope => "gelu_erf′",
            Unary::Elu(_) => "elu",
            Unary::EluSlope(_) => "elu′",
        }
    }
}

/// `a ∘ b` with numpy's broadcasting. NaN stays NaN.
///
/// # Errors
/// When the shapes cannot be broadcast together, or dtype or device differ;
/// [`Error::Size`](crate::Error::Size) when the result could not be addressed.
pub fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let empty = match a.dims() == b.dims() {
        true => (room_for(op.name(), a.dims())? == 0).then(|| a.shape().clone()),
        false => {
            let shape = a.shape().broadcast_shape_binary_op(b.shape(), op.name())?;
            (room_for(op.name(), shape.dims())? == 0).then_some(shape)
        }
    };
    if let Some(shape) = empty.filter(|_| a.dtype() == b.dtype()) {
        return Ok(Tensor::zeros(shape, a.dtype(), a.device())?);
    }
    match Body::of([a, b]) {
        Body::Cpu => cpu::binary(op, a, b),
        Body::Cuda => cuda::binary(op, a, b),
        Body::Half if op == Binary::Pow => widened([a, b], |[a, b]| binary(op, a, b)),
        // One operation is rounded once as it is.
        Body::Half | Body::Composed => composed::binary(op, a, b),
    }
}

/// The elements of `x`, which lies on a GPU, side by side.
pub(crate) fn copy_on_device(x: &Tensor) -> Result<Tensor> {
    cuda::copy(x)
}

/// `f(x)`, element by element. NaN stays NaN. candle's own `backward` can differentiate it once.
///
/// # Errors
/// What the tensor library reports (dtypes without this function);
/// [`Error::Size`](crate::Error::Size) for a broadcast view that could not be addressed.
pub fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    room_for(op.name(), x.dims())?;
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Cpu => cpu::unary(op, x),
        Body::Cuda => cuda::unary(op, x),
        Body::Half => widened([x], |[x]| unary(op, x)),
        Body::Composed => composed::unary(op, x),
    }
}
