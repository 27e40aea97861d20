//! Picking elements by index along the last dimension, and its adjoint.

use candle_core::Tensor;
use msr_kernels::class_index;

use crate::error::Result;
use crate::node::Node;
use crate::node::{Backward, Rule};

struct GatherRule {
    index: Tensor,
}

impl Rule for GatherRule {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let size = at.input(0).dims()[1];
        Ok(vec![Some(scatter_add(at.grad()?, &self.index, size)?)])
    }
}

struct ScatterRule {
    index: Tensor,
}

impl Rule for ScatterRule {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(gather(at.grad()?, &self.index)?)])
    }
}

/// `y[r, j] = x[r, index[r, j]]`; x `(rows, n)`, index `(rows, k)` of `u32`.
pub(super) fn gather(x: &Node, index: &Tensor) -> Result<Node> {
    let value = msr_kernels::gather(x.value(), index)?;
    Ok(Node::apply_one(GatherRule { index: index.clone() }, &[x], value))
}

/// `y[r, index[r, j]] += x[r, j]` into zeros; x and index `(rows, k)`, y `(rows, size)`.
fn scatter_add(x: &Node, index: &Tensor, size: usize) -> Result<Node> {
    let value = msr_kernels::scatter_add(x.value(), index, size)?;
    Ok(Node::apply_one(ScatterRule { index: index.clone() }, &[x], value))
}

impl Node {
    /// The element of the last dimension that each class index names: `y[…] = x[…, index[…]]`, as
    /// the cross-entropy needs it.
    ///
    /// # Shapes
    /// `x (…, classes)`, `index (…)` of an integer dtype `-> (…)`
    ///
    /// # Errors
    /// When the shapes do not fit or an index is not below the number of classes.
    pub fn gather_class(&self, index: &Tensor) -> Result<Node> {
        let rows = class_index(self.value(), index)?;
        let classes = self.dims().last().copied().unwrap_or_default();
        gather(&self.reshape(&[index.elem_count(), classes])?, &rows)?.reshape(index.dims())
    }
}
