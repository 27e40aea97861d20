//! Softmax and its logarithm on a GPU: one launch.
#![expect(unsafe_code, reason = "launches a kernel")]

use candle_core::Tensor;

use crate::cuda::{Arg, Kernel, Lines, contiguous, launch};
use crate::error::Result;

/// `x − ln Σ eˣ` along `dim`, or `eˣ / Σ eˣ`; x is not empty.
pub(super) fn softmax(x: &Tensor, dim: usize, shares: bool) -> Result<Tensor> {
    let x = &contiguous(x)?;
    let lines = Lines::along("softmax", x.dims(), dim)?;
    let arguments = [Arg::Result(0), Arg::Of(x), Arg::Count(shares.into()), Arg::Words(&lines.words)];
    let kernel = Kernel { operation: "softmax", name: "softmax", grid: lines.grid };
    // SAFETY: x and the result are contiguous and have the shape of which these are the lines, all
    // of which are written.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(x.dims(), x.dtype())], &arguments) }?;
    Ok(y)
}
