//! The mean squared error as one operation.

use msr_kernels::{scaled_difference, squared_distance};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct MseRule {
    per_task: usize,
}

impl Rule for MseRule {
    fn name(&self) -> &'static str {
        "mse"
    }

    /// `∂prediction = (2 g / N) (prediction − target) = −∂target`.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (g, scale) = (at.grad()?, 2.0 / self.per_task as f64);
        let (a, b) = (at.input(0), at.input(1));
        let value = scaled_difference(a.value(), b.value(), g.value(), scale)?;
        let gradient = Node::apply_one(ScaledDifferenceRule { scale }, &[&a, &b, g], value);
        let target = if at.needs(1) { Some(gradient.neg()?) } else { None };
        Ok(vec![Some(gradient), target])
    }
}

/// `y = (a − b) · scale · s`, one factor s for each task.
struct ScaledDifferenceRule {
    scale: f64,
}

impl Rule for ScaledDifferenceRule {
    fn name(&self) -> &'static str {
        "scaled_difference"
    }

    /// `∂a = g · scale · s = −∂b`, `∂s = scale · Σ g (a − b)`.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (g, s) = (at.grad()?, at.input(2));
        let mut shape = vec![1; g.rank()];
        shape[0] = s.dims()[0];
        let to_a = if at.needs(0) || at.needs(1) {
            Some(g.mul(&s.affine(self.scale, 0.0)?.reshape(&shape)?)?)
        } else {
            None
        };
        let to_b = match &to_a {
            Some(to_a) if at.needs(1) => Some(to_a.neg()?),
            _ => None,
        };
        let to_s = if at.needs(2) {
            let along = g.mul(&at.input(0).sub(&at.input(1))?)?;
            Some(along.scaled_sum(&(1..g.rank()).collect::<Vec<_>>(), self.scale)?)
        } else {
            None
        };
        Ok(vec![to_a, to_b, to_s])
    }
}

/// The mean squared error of each task: the mean of `(prediction − target)²` over all dimensions
/// but the first.
///
/// # Shapes
/// `prediction (t, …)`, `target (t, …) -> (t)`
///
/// # Errors
/// When shapes, dtypes or devices differ, or a task has no elements.
pub fn mse(prediction: &Node, target: &Node) -> Result<Node> {
    let dims = prediction.dims();
    let per_task = dims.iter().skip(1).product::<usize>();
    if dims != target.dims() || dims.is_empty() || per_task == 0 {
        return Err(Error::shape(
            "mse",
            format!("prediction {dims:?} and target {:?} must be equal and not empty", target.dims()),
        ));
    }
    let value = squared_distance(prediction.value(), target.value(), 1.0 / per_task as f64)?;
    Ok(Node::apply_one(MseRule { per_task }, &[prediction, target], value))
}
