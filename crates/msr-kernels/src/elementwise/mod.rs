//! Elementwise functions of one and two tensors, the latter with broadcasting.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::Result;

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
}

impl Binary {
    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
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
    /// `1` where `x > 0`, else `0`
    Positive,
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
    /// `tanh x`
    Tanh,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// `ln(1 + eˣ)`, without overflow for large `x` and, on the CPU, without loss for very negative
    /// ones
    Softplus,
}

impl Unary {
    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Affine { .. } => "affine",
            Unary::Relu => "relu",
            Unary::Positive => "positive",
            Unary::Exp => "exp",
            Unary::Log => "log",
            Unary::Sqrt => "sqrt",
            Unary::Reciprocal => "reciprocal",
            Unary::Power(_) => "power",
            Unary::Tanh => "tanh",
            Unary::Sigmoid => "sigmoid",
            Unary::Softplus => "softplus",
        }
    }
}

/// `a ∘ b` with numpy's broadcasting.
///
/// # Errors
/// When the shapes cannot be broadcast together, or dtype or device differ.
pub fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match Body::of([a, b]) {
        Body::Cpu => cpu::binary(op, a, b),
        Body::Composed => composed::binary(op, a, b),
    }
}

/// `f(x)`, element by element.
///
/// # Errors
/// What the tensor library reports (dtypes without this function).
pub fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    match Body::of([x]) {
        Body::Cpu => cpu::unary(op, x),
        Body::Composed => composed::unary(op, x),
    }
}
