//! The largest and the smallest element along a dimension.

use msr_kernels::{Extreme, extreme, extreme_shares};

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct ExtremeRule {
    which: Extreme,
    dim: usize,
}

impl Rule for ExtremeRule {
    fn name(&self) -> &'static str {
        self.which.name()
    }

    /// `∂x = g / k` for the k elements that are equal to the extreme.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let shares = extreme_shares(at.input(0).value(), at.output(0).value(), self.dim)?;
        Ok(vec![Some(at.grad()?.weigh(&Node::constant(&shares))?)])
    }
}

impl Node {
    /// The largest element along `dim`, which stays with size one; NaN where there is one.
    ///
    /// The gradient goes to the largest element; what is equal shares it equally, so that the
    /// shares add up to the gradient. (candle gives each of them the whole.) The same for the other
    /// three.
    ///
    /// # Errors
    /// When there is no such dimension or it is empty; the same for the other three.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Graph, Node, grad};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[[1f64, 7., 7.], [5., 2., 3.]], &Device::Cpu)?);
    /// let largest = x.max(1)?;
    /// assert_eq!(largest.value().to_vec1::<f64>()?, [7., 5.]);
    /// let share = grad(&largest.sum_all()?, &[&x], Graph::Drop)?.remove(0);
    /// assert_eq!(share.value().to_vec2::<f64>()?, [[0., 0.5, 0.5], [1., 0., 0.]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_keepdim(&self, dim: usize) -> Result<Node> {
        self.extreme(Extreme::Max, dim)
    }

    /// The largest element along `dim`, which is removed.
    ///
    /// # Errors
    /// As [`Node::max_keepdim`].
    pub fn max(&self, dim: usize) -> Result<Node> {
        self.max_keepdim(dim)?.reshape(&self.dims_without(&[dim]))
    }

    /// The smallest element along `dim`, which stays with size one.
    ///
    /// # Errors
    /// As [`Node::max_keepdim`].
    pub fn min_keepdim(&self, dim: usize) -> Result<Node> {
        self.extreme(Extreme::Min, dim)
    }

    /// The smallest element along `dim`, which is removed.
    ///
    /// # Errors
    /// As [`Node::max_keepdim`].
    pub fn min(&self, dim: usize) -> Result<Node> {
        self.min_keepdim(dim)?.reshape(&self.dims_without(&[dim]))
    }

    fn extreme(&self, which: Extreme, dim: usize) -> Result<Node> {
        let value = extreme(which, self.value(), dim)?;
        Ok(Node::apply_one(ExtremeRule { which, dim }, &[self], value))
    }
}
