//! One of two operands, element by element.

mod composed;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::body::Body;
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};

/// `a` where the condition is not zero, `b` where it is, all three broadcast as numpy does. What is
/// not chosen is not looked at, and may be infinite or NaN.
///
/// # Errors
/// [`Error::Dtype`] when the condition is not of `u8`, `u32` or `i64`; when the shapes do not
/// broadcast, or dtype or device of a and b differ; [`Error::Size`] when the result could not be
/// addressed.
pub fn select(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !matches!(condition.dtype(), DType::U8 | DType::U32 | DType::I64) {
        let expected = "a condition of u8, u32 or i64".into();
        return Err(Error::Dtype { op: "where_cond", expected, got: condition.dtype() });
    }
    let shape = a.shape().broadcast_shape_binary_op(b.shape(), "where_cond")?;
    let shape = condition.shape().broadcast_shape_binary_op(&shape, "where_cond")?;
    if a.dtype() == b.dtype() && room_for("where_cond", shape.dims())? == 0 {
        return Ok(Tensor::zeros(shape, a.dtype(), a.device())?);
    }
    match Body::of([a, b]) {
        Body::Cuda if condition.device().same_device(a.device()) => cuda::select(condition, a, b, &shape),
        // One body: numbers are only moved.
        _ => composed::select(&tidy(condition)?, &tidy(a)?, &tidy(b)?, &shape),
    }
}
