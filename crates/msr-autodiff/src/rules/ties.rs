//! Elements that are tied to one free parameter, and sums over what is tied: each is the gradient
//! of the other.

use msr_kernels::ties::{self, Ties};

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct ExpandTiedRule(Ties);
struct SumTiedRule(Ties);

impl Rule for ExpandTiedRule {
    fn name(&self) -> &'static str {
        "expand_tied"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.sum_tied(&self.0)?)])
    }
}

impl Rule for SumTiedRule {
    fn name(&self) -> &'static str {
        "sum_tied"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.expand_tied(&self.0)?)])
    }
}

impl Node {
    /// Gives each element the value of the parameter that it is tied to,
    /// `y[…, i] = x[…, parameter[i]]`: the product with a sparse symmetry matrix that has a single
    /// one in each row.
    ///
    /// # Shapes
    /// `(…, k) -> (…, n)` for `n` elements tied to `k` parameters
    ///
    /// # Errors
    /// When the last dimension is not the number of parameters.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Node, Ties};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let ties = Ties::new(&[0, 1, 1, 0], 2)?;
    /// let filter = Node::leaf(&Tensor::new(&[5f64, 7.], &Device::Cpu)?);
    /// let weights = filter.expand_tied(&ties)?;
    /// assert_eq!(weights.value().to_vec1::<f64>()?, [5., 7., 7., 5.]);
    /// assert_eq!(weights.sum_tied(&ties)?.value().to_vec1::<f64>()?, [10., 14.]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expand_tied(&self, ties: &Ties) -> Result<Node> {
        let value = ties::expand(self.value(), ties)?;
        Ok(Node::apply_one(ExpandTiedRule(ties.clone()), &[self], value))
    }

    /// Sums over what is tied to each parameter, `y[…, p] = Σ_{i: parameter[i] = p} x[…, i]`: the
    /// adjoint of [`Node::expand_tied`].
    ///
    /// # Shapes
    /// `(…, n) -> (…, k)` for `n` elements tied to `k` parameters
    ///
    /// # Errors
    /// When the last dimension is not the number of elements.
    pub fn sum_tied(&self, ties: &Ties) -> Result<Node> {
        let value = ties::sum(self.value(), ties)?;
        Ok(Node::apply_one(SumTiedRule(ties.clone()), &[self], value))
    }
}
