//! Extremes by candle, with NaN put back.

use candle_core::Tensor;

use super::Extreme;
use crate::error::Result;

/// The extreme of a contiguous operand along `dim`, along which there is something.
pub(super) fn extreme(which: Extreme, x: &Tensor, dim: usize) -> Result<Tensor> {
    let found = match which {
        Extreme::Max => x.max_keepdim(dim)?,
        Extreme::Min => x.min_keepdim(dim)?,
    };
    // candle's comparisons lose NaN.
    let nan = x.ne(x)?.max_keepdim(dim)?;
    Ok(nan.where_cond(&found.affine(0.0, f64::NAN)?, &found)?)
}
