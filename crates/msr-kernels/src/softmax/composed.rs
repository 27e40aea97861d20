//! Log-softmax from differences, exponentials and sums.

use candle_core::Tensor;

use crate::elementwise::{Binary, Unary, binary, unary};
use crate::error::Result;
use crate::reduce::sum_keepdim;

/// `x − ln Σ eˣ` along `dim`, which is there and not empty.
pub(super) fn log_softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    // candle's maximum divides by the stride, which a broadcast dimension of size one has as zero,
    // and refuses empty tensors.
    let largest = if x.dims()[dim] == 1 || x.elem_count() == 0 {
        x.clone()
    } else {
        x.contiguous()?.max_keepdim(dim)?
    };
    let shifted = binary(Binary::Sub, x, &largest)?;
    let sum = sum_keepdim(&unary(Unary::Exp, &shifted)?, &[dim])?;
    binary(Binary::Sub, &shifted, &unary(Unary::Log, &sum)?)
}
