//! Running sums on a GPU: one launch.
#![expect(unsafe_code, reason = "launches a kernel")]

use candle_core::Tensor;

use crate::cuda::{Arg, Kernel, Lines, contiguous, launch};
use crate::error::Result;

/// The running sums of an operand that is not empty.
pub(super) fn cumsum(x: &Tensor, dim: usize) -> Result<Tensor> {
    let x = &contiguous(x)?;
    let lines = Lines::along("cumsum", x.dims(), dim)?;
    let arguments = [Arg::Result(0), Arg::Of(x), Arg::Words(&lines.words)];
    let kernel = Kernel { operation: "cumsum", name: "cumsum", grid: lines.grid };
    // SAFETY: x and the result are contiguous and have the shape of which these are the lines, all
    // of which are written.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(x.dims(), x.dtype())], &arguments) }?;
    Ok(y)
}
