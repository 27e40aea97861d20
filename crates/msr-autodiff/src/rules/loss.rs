//! The mean squared error as one operation.

use crate::error::{Error, Result};
use crate::kernels::elementwise::{Binary, Unary, binary, unary};
use crate::kernels::reduce::sum_keepdim;
use crate::node::Node;
use crate::rule::{Backward, Rule};

struct MseRule {
    per_task: usize,
}

impl Rule for MseRule {
    fn name(&self) -> &'static str {
        "mse"
    }

    /// `∂prediction = (2 g / N) (prediction − target) = −∂target`.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let mut shape = vec![1; at.input(0).rank()];
        shape[0] = g.dims()[0];
        let scale = g.affine(2.0 / self.per_task as f64, 0.0)?.reshape(&shape)?;
        let gradient = at.input(0).sub(&at.input(1))?.mul(&scale)?;
        let target = if at.needs(1) { Some(gradient.neg()?) } else { None };
        Ok(vec![Some(gradient), target])
    }
}

/// The mean squared error of each task: the mean of `(prediction − target)²` over all dimensions but
/// the first.
///
/// # Shapes
/// `prediction (t, …)`, `target (t, …) -> (t)`
///
/// # Errors
/// When the shapes differ or a task has no elements.
pub fn mse(prediction: &Node, target: &Node) -> Result<Node> {
    let dims = prediction.dims();
    let per_task = dims.iter().skip(1).product::<usize>();
    if dims != target.dims() || dims.is_empty() || per_task == 0 {
        return Err(Error::shape(
            "mse",
            format!("prediction {dims:?} and target {:?} must be equal and not empty", target.dims()),
        ));
    }
    let difference = binary(Binary::Sub, prediction.value(), target.value())?;
    let square = binary(Binary::Mul, &difference, &difference)?;
    let sum = sum_keepdim(&square, &(1..dims.len()).collect::<Vec<_>>())?;
    let value = unary(Unary::Affine { scale: 1.0 / per_task as f64, offset: 0.0 }, &sum)?;
    Ok(Node::apply_one(MseRule { per_task }, &[prediction, target], value.flatten_all()?))
}
