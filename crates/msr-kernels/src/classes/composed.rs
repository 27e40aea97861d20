//! Classes as indices along the last dimension, by candle.

use candle_core::Tensor;

use super::{Classes, with_last};
use crate::error::Result;

/// The value of its class for each element.
pub(super) fn spread(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    Ok(x.contiguous()?.index_select(&classes.index(x.device())?, x.rank() - 1)?)
}

/// The sum over each class.
pub(super) fn sum_by(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    let zeros = Tensor::zeros(with_last(x.dims(), classes.count), x.dtype(), x.device())?;
    Ok(zeros.index_add(&classes.index(x.device())?, &x.contiguous()?, x.rank() - 1)?)
}
