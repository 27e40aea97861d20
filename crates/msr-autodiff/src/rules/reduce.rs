//! Sums, means and broadcasts: broadcasting and summing are each other's adjoint.

use msr_kernels::{element_count, scaled_sum_keepdim};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

/// `scale · Σ x` over dimensions that stay with size one.
struct SumRule {
    scale: f64,
}

impl Rule for SumRule {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.affine(self.scale, 0.0)?.broadcast_to(at.input(0).dims())?)])
    }
}

struct BroadcastRule;

impl Rule for BroadcastRule {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.sum_to(at.input(0).dims())?)])
    }
}

impl Node {
    /// The sum over `dims`, which keep size one. The gradient is broadcast back.
    ///
    /// # Errors
    /// When a dimension is out of range or named twice; the same for the other sums and means.
    pub fn sum_keepdim(&self, dims: &[usize]) -> Result<Node> {
        self.scaled_sum_keepdim(dims, 1.0)
    }

    /// `scale · Σ x` over `dims`, which keep size one. With `scale = 1 / n` this is the mean, which
    /// does not overflow with the sum.
    ///
    /// # Errors
    /// As [`Node::sum_keepdim`].
    pub fn scaled_sum_keepdim(&self, dims: &[usize], scale: f64) -> Result<Node> {
        if let Some((i, d)) =
            dims.iter().enumerate().find(|(i, d)| **d >= self.rank() || dims[..*i].contains(d))
        {
            let problem = if dims[..i].contains(d) { "is named twice" } else { "is out of range" };
            return Err(Error::shape("sum", format!("dimension {d} of {:?} {problem}", self.dims())));
        }
        if dims.iter().all(|&d| self.dims().get(d) == Some(&1)) {
            return self.affine(scale, 0.0);
        }
        let value = scaled_sum_keepdim(self.value(), dims, scale)?;
        Ok(Node::apply_one(SumRule { scale }, &[self], value))
    }

    /// The sum over `dims`, which are removed.
    ///
    /// # Errors
    /// As [`Node::sum_keepdim`].
    pub fn sum(&self, dims: &[usize]) -> Result<Node> {
        self.scaled_sum(dims, 1.0)
    }

    /// `scale · Σ x` over `dims`, which are removed. With `scale = 1 / n` this is the mean, which
    /// does not overflow with the sum.
    ///
    /// # Errors
    /// As [`Node::sum_keepdim`].
    pub fn scaled_sum(&self, dims: &[usize], scale: f64) -> Result<Node> {
        let kept = self.scaled_sum_keepdim(dims, scale)?;
        kept.reshape(&self.dims_without(dims))
    }

    /// The sizes of all dimensions but `dims`.
    pub(super) fn dims_without(&self, dims: &[usize]) -> Vec<usize> {
        self.dims().iter().enumerate().filter(|(d, _)| !dims.contains(d)).map(|(_, &n)| n).collect()
    }

    /// The sum of all elements, shape `[]`.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn sum_all(&self) -> Result<Node> {
        self.sum(&(0..self.rank()).collect::<Vec<_>>())
    }

    /// The mean over `dims`, which are removed.
    ///
    /// # Errors
    /// As [`Node::sum_keepdim`]; when the mean would be over nothing.
    pub fn mean(&self, dims: &[usize]) -> Result<Node> {
        self.scaled_sum(dims, 1.0 / self.count_along("mean", dims)? as f64)
    }

    /// The mean over `dims`, which keep size one.
    ///
    /// # Errors
    /// As [`Node::mean`].
    pub fn mean_keepdim(&self, dims: &[usize]) -> Result<Node> {
        self.scaled_sum_keepdim(dims, 1.0 / self.count_along("mean", dims)? as f64)
    }

    /// The number of elements along `dims`, at least one.
    fn count_along(&self, op: &'static str, dims: &[usize]) -> Result<usize> {
        let sizes: Vec<usize> = dims.iter().filter_map(|&d| self.dims().get(d).copied()).collect();
        match element_count(op, &sizes)? {
            0 => Err(Error::shape(op, format!("no elements along {dims:?} of {:?}", self.dims()))),
            count => Ok(count),
        }
    }

    /// The variance over `dims`, which keep size one, without bias:
    /// `Σ (x − mean)² / (n − 1)` for n elements along `dims`.
    ///
    /// # Errors
    /// As [`Node::sum_keepdim`]; when there are fewer than two elements.
    pub fn var_keepdim(&self, dims: &[usize]) -> Result<Node> {
        let count = self.count_along("var", dims)?;
        if count == 1 {
            return Err(Error::shape("var", format!("one element along {dims:?} of {:?}", self.dims())));
        }
        self.in_single_at_least(|x| {
            x.sub(&x.mean_keepdim(dims)?)?.power(2.0)?.scaled_sum_keepdim(dims, 1.0 / (count - 1) as f64)
        })
    }

    /// The variance over `dims`, which are removed; as [`Node::var_keepdim`].
    ///
    /// # Errors
    /// As [`Node::var_keepdim`].
    pub fn var(&self, dims: &[usize]) -> Result<Node> {
        self.var_keepdim(dims)?.reshape(&self.dims_without(dims))
    }

    /// The mean of all elements, shape `[]`.
    ///
    /// # Errors
    /// When there are no elements.
    pub fn mean_all(&self) -> Result<Node> {
        self.mean(&(0..self.rank()).collect::<Vec<_>>())
    }

    /// Repeats along dimensions of size one and new leading ones to reach `shape`; no data is
    /// copied. The gradient is summed back, [`Node::sum_to`].
    ///
    /// # Errors
    /// When the shape cannot be reached by broadcasting.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Node> {
        if self.dims() == shape {
            return Ok(self.clone());
        }
        element_count("broadcast", shape)?;
        Ok(Node::apply_one(BroadcastRule, &[self], self.value().broadcast_as(shape)?))
    }

    /// Sums over whatever broadcasting `shape` to this node's shape would have repeated: the
    /// adjoint of [`Node::broadcast_to`].
    ///
    /// # Errors
    /// When `shape` does not broadcast to this node's shape.
    pub fn sum_to(&self, shape: &[usize]) -> Result<Node> {
        if self.dims() == shape {
            return Ok(self.clone());
        }
        let extra = self.rank().checked_sub(shape.len());
        let fits = extra.is_some_and(|extra| {
            shape.iter().zip(&self.dims()[extra..]).all(|(&to, &from)| to == from || to == 1)
        });
        let Some(extra) = extra.filter(|_| fits) else {
            return Err(Error::shape("sum_to", format!("{shape:?} does not broadcast to {:?}", self.dims())));
        };
        let dims: Vec<usize> = (0..self.rank()).filter(|&d| d < extra || shape[d - extra] == 1).collect();
        self.sum_keepdim(&dims)?.reshape(shape)
    }
}
