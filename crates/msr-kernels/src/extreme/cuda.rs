//! Extremes and their shares on a GPU: one launch each.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use super::Extreme;
use crate::cuda::{Arg, Kernel, Lines, contiguous, launch};
use crate::error::Result;

/// The extreme along `dim`, which stays with size one; x is not empty.
pub(super) fn extreme(which: Extreme, x: &Tensor, dim: usize) -> Result<Tensor> {
    let x = &contiguous(x)?;
    let lines = Lines::along(which.name(), x.dims(), dim)?;
    let mut shape = x.dims().to_vec();
    shape[dim] = 1;
    let smallest = Arg::Count((which == Extreme::Min).into());
    let arguments = [Arg::Result(0), Arg::Of(x), smallest, Arg::Words(&lines.words)];
    let kernel = Kernel { operation: "extreme", name: "extreme", grid: lines.grid };
    // SAFETY: x is contiguous and has the shape of which these are the lines; the result has a
    // number for each, which is written.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(&shape, x.dtype())], &arguments) }?;
    Ok(y)
}

/// The share of each element in its extreme `y`, which has size one along `dim`; x is not empty.
pub(super) fn shares(x: &Tensor, y: &Tensor, dim: usize) -> Result<Tensor> {
    let (x, y) = (&contiguous(x)?, &contiguous(y)?);
    let lines = Lines::along("extreme_shares", x.dims(), dim)?;
    let arguments = [Arg::Result(0), Arg::Of(x), Arg::Of(y), Arg::Words(&lines.words)];
    let kernel = Kernel { operation: "extreme", name: "extreme_shares", grid: lines.grid };
    // SAFETY: as in `extreme`, with a number of y for each line; the result has the shape of x.
    let [shares] = unsafe { launch(kernel, x.device(), x.dtype(), [(x.dims(), x.dtype())], &arguments) }?;
    Ok(shares)
}
