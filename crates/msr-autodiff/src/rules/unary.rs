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

    /// `sin x`, x in radians.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn sin(&self) -> Result<Node> {
        self.function(Unary::Sin)
    }

    /// `cos x`, x in radians.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn cos(&self) -> Result<Node> {
        self.function(Unary::Cos)
    }

    /// `|x|`. The derivative at zero is taken as zero; a gradient that arrives there is dropped, so
    /// that it may be infinite.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn abs(&self) -> Result<Node> {
        self.function(Unary::Abs)
    }

    /// The error function, `2 / √π ∫₀ˣ e^−t² dt`.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn erf(&self) -> Result<Node> {
        self.function(Unary::Erf)
    }

    /// The sigmoid-weighted linear unit, `x / (1 + e⁻ˣ)`. S. Elfwing, E. Uchibe, K. Doya,
    /// "Sigmoid-weighted linear units for neural network function approximation in reinforcement
    /// learning" (Neural Networks 107, 2018).
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn silu(&self) -> Result<Node> {
        self.function(Unary::Silu)
    }

    /// The Gaussian error linear unit in its tanh form, `x (1 + tanh(√(2 / π) (x + 0.044715 x³))) /
    /// 2`. D. Hendrycks, K. Gimpel, "Gaussian error linear units" (2016), arXiv:1606.08415.
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn gelu(&self) -> Result<Node> {
        self.function(Unary::Gelu)
    }

    /// The Gaussian error linear unit as it is defined, `x Φ(x) = x (1 + erf(x / √2)) / 2`, without
    /// loss for very negative x. Source as [`Node::gelu`].
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn gelu_erf(&self) -> Result<Node> {
        self.function(Unary::GeluErf)
    }

    /// The exponential linear unit: `x` where `x > 0` and `α (eˣ − 1)` elsewhere. Its derivative at
    /// zero is taken from the left, `α`; the second derivative there as zero. D.-A. Clevert, T.
    /// Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential linear
    /// units" (ICLR 2016).
    ///
    /// # Errors
    /// As [`Node::affine`].
    pub fn elu(&self, alpha: f64) -> Result<Node> {
        self.function(Unary::Elu(alpha))
    }
}
