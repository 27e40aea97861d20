//! Functions of one number, element by element. Gradients are `g · f′(x)`.

use msr_kernels::{Unary, unary};

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct UnaryRule(Unary);

impl Rule for UnaryRule {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let dx = match self.0 {
            Unary::Affine { scale, .. } => g.affine(scale, 0.0)?,
            Unary::Relu => g.mul(&at.input(0).positive()?)?,
            Unary::Positive => return Ok(vec![None]),
            Unary::Exp => g.mul(&at.output(0))?,
            Unary::Log => g.div(&at.input(0))?,
            Unary::Sqrt => g.div(&at.output(0))?.affine(0.5, 0.0)?,
            Unary::Reciprocal => g.mul(&at.output(0).power(2.0)?)?.neg()?,
            Unary::Power(p) => g.mul(&at.input(0).power(p - 1.0)?)?.affine(p, 0.0)?,
            Unary::Tanh => g.mul(&at.output(0).power(2.0)?.affine(-1.0, 1.0)?)?,
            Unary::Sigmoid => {
                let s = at.output(0);
                g.mul(&s.mul(&s.affine(-1.0, 1.0)?)?)?
            }
            Unary::Softplus => g.mul(&at.input(0).sigmoid()?)?,
        };
        Ok(vec![Some(dx)])
    }
}

impl Node {
    fn unary(&self, op: Unary) -> Result<Node> {
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
        self.unary(Unary::Affine { scale, offset })
    }

    /// `−x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn neg(&self) -> Result<Node> {
        self.affine(-1.0, 0.0)
    }

    /// `1` where the element is positive, else `0`. A constant: its derivative is zero.
    fn positive(&self) -> Result<Node> {
        Ok(Node::constant(&unary(Unary::Positive, self.value())?))
    }

    /// `max(x, 0)`. NaN stays NaN. The derivative at zero is taken as zero.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn relu(&self) -> Result<Node> {
        self.unary(Unary::Relu)
    }

    /// `eˣ`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn exp(&self) -> Result<Node> {
        self.unary(Unary::Exp)
    }

    /// The natural logarithm.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn log(&self) -> Result<Node> {
        self.unary(Unary::Log)
    }

    /// `√x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn sqrt(&self) -> Result<Node> {
        self.unary(Unary::Sqrt)
    }

    /// `1 / x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn reciprocal(&self) -> Result<Node> {
        self.unary(Unary::Reciprocal)
    }

    /// `xᵖ` for a constant exponent; integer exponents work for negative `x` too.
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
        self.unary(Unary::Power(exponent))
    }

    /// `tanh x`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn tanh(&self) -> Result<Node> {
        self.unary(Unary::Tanh)
    }

    /// `1 / (1 + e⁻ˣ)`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn sigmoid(&self) -> Result<Node> {
        self.unary(Unary::Sigmoid)
    }

    /// `ln(1 + eˣ)`: a smooth map onto the positive numbers.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn softplus(&self) -> Result<Node> {
        self.unary(Unary::Softplus)
    }
}
