//! Convolutions from windows as columns and products.

use candle_core::Tensor;

use super::Sizes;
use crate::error::Result;
use crate::im2col::{col2im, im2col};
use crate::matmul::matmul;

/// Filters as matrices, `(t, 1, o, c · taps)`.
fn matrices(w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let fan_in = sizes.inputs * sizes.window.taps();
    Ok(w.contiguous()?.reshape((sizes.tasks, 1, sizes.outputs, fan_in))?)
}

/// Results as matrices, `(t, b, o, positions)`.
fn positions(g: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let positions = sizes.result.0 * sizes.result.1;
    Ok(g.contiguous()?.reshape((sizes.tasks, sizes.examples, sizes.outputs, positions))?)
}

pub(super) fn conv2d(x: &Tensor, w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let columns = im2col(x, sizes.window)?;
    Ok(matmul(&matrices(w, sizes)?, &columns)?.reshape(&sizes.results())?)
}

pub(super) fn conv2d_input_grad(g: &Tensor, w: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let turned = matrices(w, sizes)?.transpose(2, 3)?;
    let columns = matmul(&turned, &positions(g, sizes)?)?;
    Ok(col2im(&columns, sizes.window, sizes.image)?.reshape(&sizes.images())?)
}

pub(super) fn conv2d_weight_grad(x: &Tensor, g: &Tensor, sizes: Sizes) -> Result<Tensor> {
    let columns = im2col(x, sizes.window)?;
    // One product over all examples and positions of a task.
    let (rows, fan_in) = (sizes.examples * sizes.result.0 * sizes.result.1, columns.dims()[2]);
    let columns = columns.transpose(2, 3)?.contiguous()?.reshape((sizes.tasks, rows, fan_in))?;
    let g = positions(g, sizes)?.transpose(1, 2)?.contiguous()?;
    let g = g.reshape((sizes.tasks, sizes.outputs, rows))?;
    Ok(matmul(&g, &columns)?.reshape(&sizes.filters())?)
}
