//! Sums, differences, products and quotients with broadcasting.

use msr_kernels::{Binary, binary};

use crate::error::Result;
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
        })
    }
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
}
