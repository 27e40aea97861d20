//! One of two nodes, element by element.

use candle_core::Tensor;
use msr_kernels::select;

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct SelectRule {
    condition: Tensor,
}

impl Rule for SelectRule {
    fn name(&self) -> &'static str {
        "where_cond"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (g, zero) = (at.grad()?, at.grad()?.zero()?);
        let to = |i: usize, chosen: Result<Node>| {
            if at.needs(i) { chosen?.sum_to(at.input(i).dims()).map(Some) } else { Ok(None) }
        };
        Ok(vec![to(0, where_cond(&self.condition, g, &zero))?, to(1, where_cond(&self.condition, &zero, g))?])
    }
}

/// `on_true` where the condition is not zero, `on_false` where it is, all three broadcast as numpy
/// does. The condition is a tensor, such as `x.value().gt(0f64)?`, through which no gradient flows.
///
/// The gradient goes to what was chosen; what was not is not looked at, and may be infinite or NaN.
///
/// # Errors
/// When the condition is not of `u8`, `u32` or `i64`, the shapes do not broadcast, or dtype or
/// device of the two nodes differ.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_autodiff::{Graph, Node, grad, where_cond};
///
/// # fn main() -> Result<(), msr_autodiff::Error> {
/// let x = Node::leaf(&Tensor::new(&[-1f64, 4.], &Device::Cpu)?);
/// let y = where_cond(&x.value().gt(0f64)?, &x.sqrt()?, &x.affine(2.0, 0.0)?)?;
/// assert_eq!(y.value().to_vec1::<f64>()?, [-2., 2.]);
/// # Ok(())
/// # }
/// ```
pub fn where_cond(condition: &Tensor, on_true: &Node, on_false: &Node) -> Result<Node> {
    let value = select(condition, on_true.value(), on_false.value())?;
    let condition = condition.detach();
    Ok(Node::apply_one(SelectRule { condition }, &[on_true, on_false], value))
}

impl Node {
    /// The number zero with dtype and device of this node.
    fn zero(&self) -> Result<Node> {
        Ok(Node::constant(&Tensor::zeros((), self.dtype(), self.device())?))
    }
}
