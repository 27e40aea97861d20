//! The choice by candle.

use candle_core::{Shape, Tensor};

use crate::error::Result;

/// `a` where the condition is not zero, `b` where it is.
pub(super) fn select(condition: &Tensor, a: &Tensor, b: &Tensor, shape: &Shape) -> Result<Tensor> {
    Ok(condition.broadcast_as(shape)?.where_cond(&a.broadcast_as(shape)?, &b.broadcast_as(shape)?)?)
}
