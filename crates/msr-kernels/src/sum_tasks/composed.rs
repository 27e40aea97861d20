//! A sum for each tensor.

use candle_core::Tensor;

use crate::dense::reshape;
use crate::error::Result;
use crate::reduce::sum_keepdim;

pub(super) fn sum(x: &Tensor) -> Result<Tensor> {
    reshape(&sum_keepdim(x, &[0])?, &x.dims()[1..])
}
