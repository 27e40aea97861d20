//! Log-softmax.

use crate::error::{Error, Result};
use crate::kernels::elementwise::{Binary, Unary, binary, unary};
use crate::kernels::reduce::sum_keepdim;
use crate::node::Node;
use crate::rule::{Backward, Rule};

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
        if self.dims().get(dim).is_none_or(|&n| n == 0) {
            return Err(Error::shape("log_softmax", format!("nothing along {dim} of {:?}", self.dims())));
        }
        let x = self.value();
        // candle's maximum divides by the stride, which a broadcast dimension of size one has as zero, and
        // refuses empty tensors.
        let largest = if self.dims()[dim] == 1 || self.elem_count() == 0 {
            x.clone()
        } else {
            x.contiguous()?.max_keepdim(dim)?
        };
        let shifted = binary(Binary::Sub, x, &largest)?;
        let sum = sum_keepdim(&unary(Unary::Exp, &shifted)?, &[dim])?;
        let value = binary(Binary::Sub, &shifted, &unary(Unary::Log, &sum)?)?;
        Ok(Node::apply_one(LogSoftmaxRule { dim }, &[self], value))
    }
}
