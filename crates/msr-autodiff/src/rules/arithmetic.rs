//! Functions of two numbers with broadcasting: sums, differences, products, quotients, powers, the
//! larger and the smaller.

use candle_core::Tensor;
use msr_kernels::{Binary, binary};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct BinaryRule(Binary);

impl Rule for BinaryRule {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let (a, b) = (at.input(0), at.input(1));
        let to = |i: usize, value: &dyn Fn() -> Result<Node>| -> Result<Option<Node>> {
            if at.needs(i) { Ok(Some(value()?.sum_to(at.input(i).dims())?)) } else { Ok(None) }
        };
        let copy = || Ok(g.clone());
        Ok(match self.0 {
            Binary::Add => vec![to(0, &copy)?, to(1, &copy)?],
            // The sign is applied after the sum over broadcast dimensions: fewer elements.
            Binary::Sub => {
                let negated = to(1, &copy)?.map(|g| g.neg()).transpose()?;
                vec![to(0, &copy)?, negated]
            }
            Binary::Mul => vec![to(0, &|| g.mul(&b))?, to(1, &|| g.mul(&a))?],
            // ∂(a/b)/∂b = −(a/b)/b
            Binary::Div => {
                vec![to(0, &|| g.div(&b))?, to(1, &|| g.mul(&at.output(0))?.div(&b)?.neg())?]
            }
            // Which elements pass does not depend on how large they are.
            Binary::Gate => vec![to(0, &|| g.binary(&b, Binary::Gate))?, None],
            Binary::Weigh => vec![to(0, &|| g.weigh(&b))?, to(1, &|| g.mul(&a))?],
            Binary::Maximum => vec![to(0, &|| g.weigh(&step(&a, &b)?))?, to(1, &|| g.weigh(&step(&b, &a)?))?],
            Binary::Minimum => vec![to(0, &|| g.weigh(&step(&b, &a)?))?, to(1, &|| g.weigh(&step(&a, &b)?))?],
            // Flat wherever it has a derivative.
            Binary::Step => vec![None, None],
            // ∂a = g b aᵇ⁻¹, ∂b = g aᵇ ln a; a factor of zero is zero, whatever the other.
            Binary::Pow => vec![
                to(0, &|| g.mul(&a.pow(&b.affine(1.0, -1.0)?)?)?.weigh(&b))?,
                to(1, &|| g.mul(&a.log()?)?.weigh(&at.output(0)))?,
            ],
        })
    }
}

/// The share of `a` in the larger of two: a constant.
fn step(a: &Node, b: &Node) -> Result<Node> {
    Ok(Node::constant(&binary(Binary::Step, a.value(), b.value())?))
}

impl Node {
    /// `self ∘ other`.
    pub(super) fn binary(&self, other: &Node, op: Binary) -> Result<Node> {
        let value = binary(op, self.value(), other.value())?;
        Ok(Node::apply_one(BinaryRule(op), &[self, other], value))
    }

    /// `self + other`, broadcast as numpy does; each gradient is summed over what its operand was
    /// repeated along. The same for the other three.
    ///
    /// # Errors
    /// When the shapes do not broadcast, or dtype or device differ. The same for the other three.
    pub fn add(&self, other: &Node) -> Result<Node> {
        self.binary(other, Binary::Add)
    }

    /// `self − other`, broadcast as numpy does.
    ///
    /// # Errors
    /// As [`Node::add`].
    pub fn sub(&self, other: &Node) -> Result<Node> {
        self.binary(other, Binary::Sub)
    }

    /// `self · other` element by element, broadcast as numpy does.
    ///
    /// # Errors
    /// As [`Node::add`].
    pub fn mul(&self, other: &Node) -> Result<Node> {
        self.binary(other, Binary::Mul)
    }

    /// `self / other` element by element, broadcast as numpy does.
    ///
    /// # Errors
    /// As [`Node::add`].
    pub fn div(&self, other: &Node) -> Result<Node> {
        self.binary(other, Binary::Div)
    }

    /// `self · weight`, and zero where the weight is zero, however large the number is.
    pub(super) fn weigh(&self, weight: &Node) -> Result<Node> {
        self.binary(weight, Binary::Weigh)
    }

    /// The larger of two numbers, element by element, broadcast as numpy does; NaN where either is.
    /// The gradient goes to the larger; where they are equal, half of it goes to each.
    ///
    /// # Errors
    /// As [`Node::add`].
    pub fn maximum(&self, other: &Node) -> Result<Node> {
        self.binary(other, Binary::Maximum)
    }

    /// The smaller of two numbers, element by element, broadcast as numpy does; NaN where either
    /// is. The gradient goes to the smaller; where they are equal, half of it goes to each.
    ///
    /// # Errors
    /// As [`Node::add`].
    pub fn minimum(&self, other: &Node) -> Result<Node> {
        self.binary(other, Binary::Minimum)
    }

    /// `min(max(x, low), high)`; NaN stays NaN. The gradient is let through between the bounds,
    /// half of it at a bound, and none outside.
    ///
    /// # Errors
    /// When `low ≤ high` does not hold, or as [`Node::add`].
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Graph, Node, grad};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[-3f64, 0.5, 1.], &Device::Cpu)?);
    /// let y = x.clamp(-1.0, 1.0)?;
    /// assert_eq!(y.value().to_vec1::<f64>()?, [-1., 0.5, 1.]);
    /// let slope = grad(&y.sum_all()?, &[&x], Graph::Drop)?.remove(0);
    /// assert_eq!(slope.value().to_vec1::<f64>()?, [0., 1., 0.5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clamp(&self, low: f64, high: f64) -> Result<Node> {
        if low.partial_cmp(&high).is_none_or(|order| order.is_gt()) {
            return Err(Error::shape(
                "clamp",
                format!("the bounds {low} and {high} have nothing between them"),
            ));
        }
        let number = |x: f64| -> Result<Node> {
            Ok(Node::constant(&Tensor::new(x, self.device())?.to_dtype(self.dtype())?))
        };
        self.maximum(&number(low)?)?.minimum(&number(high)?)
    }

    /// `aᵇ` element by element, broadcast as numpy does, with `a` this node: NaN where `a < 0` and
    /// b is no integer; one where `b = 0` or `a = 1`, as in IEEE 754.
    ///
    /// The gradient of b is `aᵇ ln a`, NaN where `a < 0` and zero where `aᵇ = 0`; that of a is
    /// `b aᵇ⁻¹`, and zero where `b = 0`. A constant exponent is [`Node::power`].
    ///
    /// # Errors
    /// As [`Node::add`].
    pub fn pow(&self, exponent: &Node) -> Result<Node> {
        self.binary(exponent, Binary::Pow)
    }
}
