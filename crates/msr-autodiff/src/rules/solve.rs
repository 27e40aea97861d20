//! Systems of linear equations with symmetric positive definite matrices.

use msr_kernels::solve_positive;

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct SolveRule;

impl Rule for SolveRule {
    fn name(&self) -> &'static str {
        "solve"
    }

    /// `X = A⁻¹ B`: `∂B = A⁻¹ g`, `∂A = −∂B Xᵀ`, A being symmetric.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let db = at.input(0).solve_positive(at.grad()?)?;
        let da = if at.needs(0) { Some(db.matmul(&at.output(0).t()?)?.neg()?) } else { None };
        Ok(vec![da, Some(db)])
    }
}

impl Node {
    /// `X` with `A X = B` for each symmetric positive definite matrix A of a batch, by Cholesky's
    /// factorisation in `f64`.
    ///
    /// Only the lower triangles are read; gradients treat A as symmetric, which holds for every
    /// `A = MᵀM + D`.
    ///
    /// # Shapes
    /// `A (…, k, k)`, `B (…, k, r) -> (…, k, r)`, with equal leading dimensions
    ///
    /// # Errors
    /// When the shapes do not fit, or a matrix is not positive definite.
    ///
    /// # Example
    /// The derivative of the solution `x = b / a` with respect to a is `−b / a²`:
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Graph, Node, grad};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let a = Node::leaf(&Tensor::new(&[[2f64]], &Device::Cpu)?);
    /// let b = Node::constant(&Tensor::new(&[[6f64]], &Device::Cpu)?);
    /// let x = a.solve_positive(&b)?;
    /// let slope = grad(&x.sum_all()?, &[&a], Graph::Drop)?.remove(0);
    /// assert!((x.scalar()? - 3.0).abs() < 1e-12 && (slope.scalar()? + 1.5).abs() < 1e-12);
    /// # Ok(())
    /// # }
    /// ```
    pub fn solve_positive(&self, rhs: &Node) -> Result<Node> {
        Ok(Node::apply_one(SolveRule, &[self, rhs], solve_positive(self.value(), rhs.value())?))
    }
}
