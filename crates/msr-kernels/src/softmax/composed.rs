//! Softmax and its logarithm from differences, exponentials and sums.

use candle_core::Tensor;

use crate::elementwise::{Binary, Unary, binary, unary};
use crate::error::Result;
use crate::extreme::{Extreme, extreme};
use crate::reduce::sum_keepdim;

/// `x − ln Σ eˣ` along `dim`, which is there and not empty.
pub(super) fn log_softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    let shifted = shifted(x, dim)?;
    let sum = sum_keepdim(&unary(Unary::Exp, &shifted)?, &[dim])?;
    binary(Binary::Sub, &shifted, &unary(Unary::Log, &sum)?)
}

/// `eˣ / Σ eˣ` along `dim`, which is there and not empty.
pub(super) fn softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    let powers = unary(Unary::Exp, &shifted(x, dim)?)?;
    binary(Binary::Div, &powers, &sum_keepdim(&powers, &[dim])?)
}

/// `x` less its largest element along `dim`.
fn shifted(x: &Tensor, dim: usize) -> Result<Tensor> {
    binary(Binary::Sub, x, &extreme(Extreme::Max, x, dim)?)
}
