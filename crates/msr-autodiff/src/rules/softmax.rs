//! Softmax, its logarithm, and the logarithm of a sum of exponentials.

use candle_core::Tensor;
use msr_kernels::{Binary, Extreme, Unary, binary, extreme, log_softmax, softmax, unary};

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct LogSoftmaxRule {
    dim: usize,
}

impl Rule for LogSoftmaxRule {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    /// `y = x − ln Σ eˣ`: `∂x = g − eʸ Σ g`.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let total = g.sum_keepdim(&[self.dim])?;
        Ok(vec![Some(g.sub(&at.output(0).exp()?.mul(&total)?)?)])
    }
}

struct SoftmaxRule {
    dim: usize,
}

impl Rule for SoftmaxRule {
    fn name(&self) -> &'static str {
        "softmax"
    }

    /// `∂x = y ∘ (g − Σ g ∘ y)`.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (g, y) = (at.grad()?, at.output(0));
        let mean = g.mul(&y)?.sum_keepdim(&[self.dim])?;
        Ok(vec![Some(y.mul(&g.sub(&mean)?)?)])
    }
}

/// What an exponent is shifted by: the largest one along `dims`, or zero where that is infinite.
fn shift(x: &Tensor, dims: &[usize]) -> Result<Node> {
    let largest = dims.iter().try_fold(x.clone(), |largest, &dim| extreme(Extreme::Max, &largest, dim))?;
    // Zero for what is infinite alone.
    let is_finite = unary(Unary::Reciprocal, &unary(Unary::Abs, &largest)?)?;
    Ok(Node::constant(&binary(Binary::Gate, &largest, &is_finite)?))
}

impl Node {
    /// `x − ln Σ eˣ` along `dim`, shifted by the maximum so that it cannot overflow. Same shape.
    ///
    /// # Errors
    /// When there is no such dimension or it is empty.
    pub fn log_softmax(&self, dim: usize) -> Result<Node> {
        Ok(Node::apply_one(LogSoftmaxRule { dim }, &[self], log_softmax(self.value(), dim)?))
    }

    /// `eˣ / Σ eˣ` along `dim`, shifted by the maximum so that it cannot overflow. Same shape.
    ///
    /// # Errors
    /// When there is no such dimension or it is empty.
    pub fn softmax(&self, dim: usize) -> Result<Node> {
        Ok(Node::apply_one(SoftmaxRule { dim }, &[self], softmax(self.value(), dim)?))
    }

    /// `ln Σ eˣ` over `dims`, which are removed, shifted by the maximum so that it cannot overflow.
    /// The gradient is `g eˣ / Σ eˣ`.
    ///
    /// # Errors
    /// When a dimension is out of range, named twice or empty.
    pub fn log_sum_exp(&self, dims: &[usize]) -> Result<Node> {
        self.in_single_at_least(|x| {
            let shift = shift(x.value(), dims)?;
            let sum = x.sub(&shift)?.exp()?.sum_keepdim(dims)?;
            sum.log()?.add(&shift)?.reshape(&self.dims_without(dims))
        })
    }
}
