//! Picking elements by index along the last dimension, and its adjoint.

use candle_core::{DType, Tensor};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::rule::{Backward, Rule};

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
    let value = x.value().contiguous()?.gather(index, 1)?;
    Ok(Node::apply_one(GatherRule { index: index.clone() }, &[x], value))
}

/// `y[r, index[r, j]] += x[r, j]` into zeros; x and index `(rows, k)`, y `(rows, size)`.
fn scatter_add(x: &Node, index: &Tensor, size: usize) -> Result<Node> {
    let zeros = Tensor::zeros((x.dims()[0], size), x.dtype(), x.device())?;
    let value = zeros.scatter_add(index, &x.value().contiguous()?, 1)?;
    Ok(Node::apply_one(ScatterRule { index: index.clone() }, &[x], value))
}

impl Node {
    /// The element of the last dimension that each class index names: `y[…] = x[…, index[…]]`, as the
    /// cross-entropy needs it.
    ///
    /// # Shapes
    /// `x (…, classes)`, `index (…)` of an integer dtype `-> (…)`
    ///
    /// # Errors
    /// When the shapes do not fit or an index is not below the number of classes.
    pub fn gather_class(&self, index: &Tensor) -> Result<Node> {
        let [lead @ .., classes] = self.dims() else {
            return Err(Error::shape("gather_class", "expected (…, classes), got a scalar"));
        };
        if index.dims() != lead {
            return Err(Error::shape(
                "gather_class",
                format!("index {:?} does not fit scores {:?}", index.dims(), self.dims()),
            ));
        }
        if !index.dtype().is_int() {
            return Err(Error::shape(
                "gather_class",
                format!("class indices must be integers, got {:?}", index.dtype()),
            ));
        }
        let rows: usize = lead.iter().product();
        let largest = index.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
        if let Some(bad) = largest.iter().find(|&&i| i < 0 || i >= *classes as i64) {
            return Err(Error::shape("gather_class", format!("class {bad} is not below {classes}")));
        }
        let index = index.to_dtype(DType::U32)?.contiguous()?.reshape((rows, 1))?;
        gather(&self.reshape(&[rows, *classes])?, &index)?.reshape(lead)
    }
}
