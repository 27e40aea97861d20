//! Elements that share a value by class, and sums over classes: each is the gradient of the other.

use msr_kernels::classes::{Classes, spread, sum_by};

use crate::error::Result;
use crate::node::Node;
use crate::rule::{Backward, Rule};

struct SpreadRule(Classes);
struct SumByRule(Classes);

impl Rule for SpreadRule {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.sum_by(&self.0)?)])
    }
}

impl Rule for SumByRule {
    fn name(&self) -> &'static str {
        "sum_by"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.spread(&self.0)?)])
    }
}

impl Node {
    /// Gives each element the value of its class: `y[…, i] = x[…, class[i]]`, the product with a
    /// sparse symmetry matrix that has a single one in each row.
    ///
    /// # Shapes
    /// `(…, k) -> (…, n)` for `k` classes of `n` elements
    ///
    /// # Errors
    /// When the last dimension is not the number of classes.
    pub fn spread(&self, classes: &Classes) -> Result<Node> {
        let value = spread(self.value(), classes)?;
        Ok(Node::apply_one(SpreadRule(classes.clone()), &[self], value))
    }

    /// Sums over each class: `y[…, c] = Σ_{i: class[i] = c} x[…, i]`, the adjoint of
    /// [`Node::spread`].
    ///
    /// # Shapes
    /// `(…, n) -> (…, k)` for `k` classes of `n` elements
    ///
    /// # Errors
    /// When the last dimension is not the number of elements.
    pub fn sum_by(&self, classes: &Classes) -> Result<Node> {
        let value = sum_by(self.value(), classes)?;
        Ok(Node::apply_one(SumByRule(classes.clone()), &[self], value))
    }
}
