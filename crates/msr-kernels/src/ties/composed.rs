//! Ties as indices along the last dimension, by candle.

use candle_core::Tensor;

use super::{Ties, with_last};
use crate::error::Result;

/// The value of its parameter for each element.
pub(super) fn expand(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    Ok(x.contiguous()?.index_select(&ties.index(x.device())?, x.rank() - 1)?)
}

/// The sum over what is tied to each parameter.
pub(super) fn sum(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    let zeros = Tensor::zeros(with_last(x.dims(), ties.count), x.dtype(), x.device())?;
    Ok(zeros.index_add(&ties.index(x.device())?, &x.contiguous()?, x.rank() - 1)?)
}
