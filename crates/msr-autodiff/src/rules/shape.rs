//! Changes of shape: reshape, permute, narrow, pad, join, cut and repeat.

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

/// Joins nodes of one shape along a new dimension: n nodes `(…, …)` become `(…, n, …)`.
///
/// # Errors
/// When there is nothing to join, the shapes differ, or `dim` is beyond the end.
pub fn stack(nodes: &[&Node], dim: usize) -> Result<Node> {
    let shape = nodes.first().map_or(&[][..], |node| node.dims());
    if let Some(other) = nodes.iter().find(|node| node.dims() != shape) {
        return Err(Error::shape("stack", format!("{shape:?} and {:?} differ", other.dims())));
    }
    if dim > shape.len() || nodes.is_empty() {
        let problem = format!("{} nodes of shape {shape:?} along dimension {dim}", nodes.len());
        return Err(Error::shape("stack", problem));
    }
    let mut wide = shape.to_vec();
    wide.insert(dim, 1);
    let parts = nodes.iter().map(|node| node.reshape(&wide)).collect::<Result<Vec<_>>>()?;
    concat(&parts.iter().collect::<Vec<_>>(), dim)
}

impl Node {
    /// The size along `dim`.
    pub(super) fn size_of(&self, op: &'static str, dim: usize) -> Result<usize> {
        let found = self.dims().get(dim).copied();
        found.ok_or_else(|| Error::shape(op, format!("there is no dimension {dim} of {:?}", self.dims())))
    }

    /// Whether there is room for this shape with another size along `dim`.
    pub(super) fn has_room(&self, op: &'static str, dim: usize, size: usize) -> Result<()> {
        let mut shape = self.dims().to_vec();
        shape[dim] = size;
        room_for(op, &shape)?;
        Ok(())
    }

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
        Ok(Node::apply_one(ReshapeRule, &[self], msr_kernels::reshape(self.value(), shape)?))
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

    /// Cuts into pieces along `dim`, as equal as can be, the larger ones first: `count` of them, or
    /// as many as there are elements if that is fewer. [`concat()`] puts them together again.
    ///
    /// # Errors
    /// When there is no such dimension, or no piece is asked for.
    pub fn chunk(&self, count: usize, dim: usize) -> Result<Vec<Node>> {
        let size = self.size_of("chunk", dim)?;
        if count == 0 {
            return Err(Error::shape("chunk", format!("no pieces of {:?}", self.dims())));
        }
        let count = count.min(size);
        let length = |i: usize| size / count + usize::from(i < size % count);
        let start = |i: usize| i * (size / count) + i.min(size % count);
        (0..count).map(|i| self.narrow(dim, start(i), length(i))).collect()
    }

    /// Repeats the whole along each dimension, as often as `times` says; more entries than
    /// dimensions add leading dimensions. The gradient is summed over the copies.
    ///
    /// # Errors
    /// When there are fewer entries than dimensions, or no room for the result.
    pub fn repeat(&self, times: &[usize]) -> Result<Node> {
        let Some(extra) = times.len().checked_sub(self.rank()) else {
            let problem = format!("{times:?} for the {} dimensions of {:?}", self.rank(), self.dims());
            return Err(Error::shape("repeat", problem));
        };
        let sizes: Vec<usize> = vec![1; extra].into_iter().chain(self.dims().iter().copied()).collect();
        let result: Vec<usize> = sizes.iter().zip(times).map(|(n, t)| n.saturating_mul(*t)).collect();
        room_for("repeat", &result)?;
        let one: Vec<usize> = sizes.iter().flat_map(|&n| [1, n]).collect();
        let all: Vec<usize> = sizes.iter().zip(times).flat_map(|(&n, &t)| [t, n]).collect();
        self.reshape(&one)?.broadcast_to(&all)?.reshape(&result)
    }

    /// Puts `source` in place of the slice `start..start + len` along `dim`, len being its own size
    /// there.
    ///
    /// # Errors
    /// When the slice leaves the dimension, or the other dimensions differ.
    pub fn slice_scatter(&self, source: &Node, dim: usize, start: usize) -> Result<Node> {
        let size = self.size_of("slice_scatter", dim)?;
        let end = source.dims().get(dim).and_then(|len| start.checked_add(*len)).filter(|&end| end <= size);
        let Some(end) = end.filter(|_| source.dims_without(&[dim]) == self.dims_without(&[dim])) else {
            let problem =
                format!("{:?} at {start} of {:?} along dimension {dim}", source.dims(), self.dims());
            return Err(Error::shape("slice_scatter", problem));
        };
        concat(&[&self.narrow(dim, 0, start)?, source, &self.narrow(dim, end, size - end)?], dim)
    }
}
