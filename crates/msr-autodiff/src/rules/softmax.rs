//! Log-softmax.

use msr_kernels::log_softmax;

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

impl Node {
    /// `x − ln Σ eˣ` along `dim`, shifted by the maximum so that it cannot overflow. Same shape.
    ///
    /// # Errors
    /// When there is no such dimension or it is empty.
    pub fn log_softmax(&self, dim: usize) -> Result<Node> {
        Ok(Node::apply_one(LogSoftmaxRule { dim }, &[self], log_softmax(self.value(), dim)?))
    }
}
