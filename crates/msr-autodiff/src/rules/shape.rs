//! Changes of shape: reshape, permute, narrow, pad and concatenate.

use candle_core::Tensor;
use msr_kernels::{element_count, room_for};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct ReshapeRule;

impl Rule for ReshapeRule {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.reshape(at.input(0).dims())?)])
    }
}

struct PermuteRule {
    inverse: Vec<usize>,
}

impl Rule for PermuteRule {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.permute(&self.inverse)?)])
    }
}

/// `narrow` and `pad` along one dimension are each other's adjoint.
struct NarrowRule {
    dim: usize,
    start: usize,
}

impl Rule for NarrowRule {
    fn name(&self) -> &'static str {
        "narrow"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let after = at.input(0).dims()[self.dim] - self.start - g.dims()[self.dim];
        Ok(vec![Some(g.pad(self.dim, self.start, after)?)])
    }
}

struct PadRule {
    dim: usize,
    before: usize,
}

impl Rule for PadRule {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let len = at.input(0).dims()[self.dim];
        Ok(vec![Some(at.grad()?.narrow(self.dim, self.before, len)?)])
    }
}

struct ConcatRule {
    dim: usize,
}

impl Rule for ConcatRule {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let g = at.grad()?;
        let mut start = 0;
        (0..at.inputs())
            .map(|i| {
                let len = at.input(i).dims()[self.dim];
                start += len;
                if at.needs(i) { g.narrow(self.dim, start - len, len).map(Some) } else { Ok(None) }
            })
            .collect()
    }
}

/// Joins nodes along an existing dimension: `(…, nᵢ, …) -> (…, Σ nᵢ, …)`. Each gets its slice of
/// the gradient.
///
/// # Errors
/// When there is nothing to join, or the other dimensions differ.
pub fn concat(nodes: &[&Node], dim: usize) -> Result<Node> {
    if nodes.is_empty() {
        return Err(Error::shape("concat", "nothing to join"));
    }
    let values: Vec<&Tensor> = nodes.iter().map(|n| n.value()).collect();
    let size = |n: &&Node| n.dims().get(dim).copied().unwrap_or(0);
    let mut shape = nodes[0].dims().to_vec();
    if let Some(joined) = shape.get_mut(dim) {
        *joined = nodes.iter().map(size).fold(0, usize::saturating_add);
    }
    room_for("concat", &shape)?;
    Ok(Node::apply_one(ConcatRule { dim }, nodes, Tensor::cat(&values, dim)?))
}

impl Node {
    /// The same elements in row-major order under another shape.
    ///
    /// # Errors
    /// When the number of elements differs.
    pub fn reshape(&self, shape: &[usize]) -> Result<Node> {
        if self.dims() == shape {
            return Ok(self.clone());
        }
        // A view without gaps is not copied.
        let copies = !self.value().is_contiguous();
        if copies { room_for("reshape", shape) } else { element_count("reshape", shape) }?;
        Ok(Node::apply_one(ReshapeRule, &[self], self.value().reshape(shape)?))
    }

    /// Reorders the dimensions: dimension `i` of the result is dimension `order[i]` of this node.
    ///
    /// # Errors
    /// When `order` is not a permutation of the dimensions.
    pub fn permute(&self, order: &[usize]) -> Result<Node> {
        let mut inverse = vec![usize::MAX; order.len()];
        for (to, &from) in order.iter().enumerate() {
            if from >= self.rank() || inverse.get(from) != Some(&usize::MAX) || order.len() != self.rank() {
                return Err(Error::shape(
                    "permute",
                    format!("{order:?} is no order of the {} dimensions", self.rank()),
                ));
            }
            inverse[from] = to;
        }
        Ok(Node::apply_one(PermuteRule { inverse }, &[self], self.value().permute(order)?))
    }

    /// Swaps two dimensions.
    ///
    /// # Errors
    /// When a dimension is out of range.
    pub fn transpose(&self, a: usize, b: usize) -> Result<Node> {
        if a.max(b) >= self.rank() {
            return Err(Error::shape("transpose", format!("no dimensions {a} and {b} in {:?}", self.dims())));
        }
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        self.permute(&order)
    }

    /// The matrix transpose: swaps the last two dimensions.
    ///
    /// # Errors
    /// When there are fewer than two dimensions.
    pub fn t(&self) -> Result<Node> {
        if self.rank() < 2 {
            return Err(Error::shape("t", format!("{:?} is no matrix", self.dims())));
        }
        self.transpose(self.rank() - 2, self.rank() - 1)
    }

    /// The slice `start..start + len` along `dim`. The gradient is padded with zeros,
    /// [`Node::pad`].
    ///
    /// # Errors
    /// When the slice leaves the dimension.
    pub fn narrow(&self, dim: usize, start: usize, len: usize) -> Result<Node> {
        if self.dims().get(dim) == Some(&len) && start == 0 {
            return Ok(self.clone());
        }
        Ok(Node::apply_one(NarrowRule { dim, start }, &[self], self.value().narrow(dim, start, len)?))
    }

    /// Puts zeros before and after along `dim`: size `n` becomes `before + n + after`. The gradient
    /// is narrowed.
    ///
    /// # Errors
    /// When there is no such dimension.
    pub fn pad(&self, dim: usize, before: usize, after: usize) -> Result<Node> {
        if before == 0 && after == 0 {
            return Ok(self.clone());
        }
        let mut shape = self.dims().to_vec();
        let Some(size) = shape.get_mut(dim) else {
            return Err(Error::shape("pad", format!("there is no dimension {dim} of {:?}", self.dims())));
        };
        *size = size.saturating_add(before).saturating_add(after);
        room_for("pad", &shape)?;
        let value = self.value().pad_with_zeros(dim, before, after)?;
        Ok(Node::apply_one(PadRule { dim, before }, &[self], value))
    }
}
