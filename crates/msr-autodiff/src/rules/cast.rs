//! Changes of the element type and of the device.

use candle_core::{DType, Device};

use crate::error::{Error, Result};
use crate::node::Node;
use crate::node::{Backward, Rule};

struct CastRule;

impl Rule for CastRule {
    fn name(&self) -> &'static str {
        "to_dtype"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.to_dtype(at.input(0).dtype())?)])
    }
}

struct MoveRule;

impl Rule for MoveRule {
    fn name(&self) -> &'static str {
        "to_device"
    }

    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(at.grad()?.to_device(at.input(0).device())?)])
    }
}

impl Node {
    /// The same numbers, rounded to another floating-point type. The gradient is rounded back.
    ///
    /// # Errors
    /// For types that are not `f64`, `f32`, `f16` or `bf16`: integers have no gradient.
    ///
    /// # Example
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use msr_autodiff::{Graph, Node, grad};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(3f32, &Device::Cpu)?);
    /// let square = x.to_dtype(DType::F64)?.power(2.0)?;
    /// let slope = grad(&square, &[&x], Graph::Drop)?.remove(0);
    /// assert_eq!((square.dtype(), slope.dtype(), slope.scalar()?), (DType::F64, DType::F32, 6.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_dtype(&self, dtype: DType) -> Result<Node> {
        let real = |t| matches!(t, DType::F64 | DType::F32 | DType::F16 | DType::BF16);
        if !real(dtype) || !real(self.dtype()) {
            return Err(Error::shape(
                "to_dtype",
                format!("no gradient from {:?} to {dtype:?}", self.dtype()),
            ));
        }
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        Ok(Node::apply_one(CastRule, &[self], self.value().to_dtype(dtype)?))
    }

    /// The same numbers on another device. The gradient is moved back.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_device(&self, device: &Device) -> Result<Node> {
        if self.device().same_device(device) {
            return Ok(self.clone());
        }
        Ok(Node::apply_one(MoveRule, &[self], self.value().to_device(device)?))
    }

    /// What `f` makes of this node, computed in `f32` and rounded once when it is in half
    /// precision.
    pub(super) fn in_single_at_least(&self, f: impl FnOnce(&Node) -> Result<Node>) -> Result<Node> {
        match self.dtype() {
            half @ (DType::F16 | DType::BF16) => f(&self.to_dtype(DType::F32)?)?.to_dtype(half),
            _ => f(self),
        }
    }
}
