//! Changes of the element type.

use candle_core::DType;

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
}
