//! Functions of one number, element by element. Gradients are `g · f′(x)`, [`Unary::vjp`].

use msr_kernels::{Binary, Elementwise, Unary, unary};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct UnaryRule(Unary);

impl Rule for UnaryRule {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(self.0.vjp(&at.input(0), &at.output(0), at.grad()?)?)])
    }
}

impl Elementwise for Node {
    type Error = Error;

    fn unary(&self, op: Unary) -> Result<Node> {
        match op {
            Unary::Affine { scale, offset } => self.affine(scale, offset),
            Unary::Power(exponent) => self.power(exponent),
            op => self.function(op),
        }
    }

    fn binary(&self, op: Binary, other: &Node) -> Result<Node> {
        Node::binary(self, other, op)
    }
}

impl Node {
    fn function(&self, op: Unary) -> Result<Node> {
        Ok(Node::apply_one(UnaryRule(op), &[self], unary(op, self.value())?))
    }

    /// `scale · x + offset` with constants.
    ///
    /// # Errors
    /// What the tensor library reports; the same for the other functions of one number.
    pub fn affine(&self, scale: f64, offset: f64) -> Result<Node> {
        if scale == 1.0 && offset == 0.0 {
            return Ok(self.clone());
        }
        self.function(Unary::Affine { scale, offset })
    }

    /// `−x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn neg(&self) -> Result<Node> {
        self.affine(-1.0, 0.0)
    }

    /// `max(x, 0)`. NaN stays NaN. The derivative at zero is taken as zero; where `x ≤ 0` a
    /// gradient is dropped, not multiplied by zero, so that it may be infinite.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn relu(&self) -> Result<Node> {
        self.function(Unary::Relu)
    }

    /// `eˣ`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn exp(&self) -> Result<Node> {
        self.function(Unary::Exp)
    }

    /// The natural logarithm.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn log(&self) -> Result<Node> {
        self.function(Unary::Log)
    }

    /// `√x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn sqrt(&self) -> Result<Node> {
        self.function(Unary::Sqrt)
    }

    /// `1 / x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn reciprocal(&self) -> Result<Node> {
        self.function(Unary::Reciprocal)
    }

    /// `xᵖ` for a constant exponent; integer exponents work for negative `x` too. `x⁰` is one for
    /// every x, NaN included, as in IEEE 754.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn power(&self, exponent: f64) -> Result<Node> {
        if exponent == 0.0 {
            return self.ones_like();
        }
        if exponent == 1.0 {
            return Ok(self.clone());
        }
        self.function(Unary::Power(exponent))
    }

    /// `tanh x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn tanh(&self) -> Result<Node> {
        self.function(Unary::Tanh)
    }

    /// `1 / (1 + e⁻ˣ)`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn sigmoid(&self) -> Result<Node> {
        self.function(Unary::Sigmoid)
    }

    /// `ln(1 + eˣ)`: a smooth map onto the positive numbers.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn softplus(&self) -> Result<Node> {
        self.function(Unary::Softplus)
    }
}
