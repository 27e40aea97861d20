//! Columns on a GPU: gathered, and back with each pixel gathering from its windows.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use super::map::Map;
use crate::cuda::{Arg, Geometry, Grid, Kernel, contiguous, count, launch};
use crate::error::Result;

/// Positions of neighbouring windows that a thread writes, at least.
const EACH: usize = 2;

/// The columns of `x`, in the shape of the result.
pub(super) fn im2col(x: &Tensor, map: Map, shape: &[usize]) -> Result<Tensor> {
    if shape.contains(&0) || x.elem_count() == 0 {
        return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
    }
    let x = &contiguous(x)?;
    // Of all channels.
    let positions = x.elem_count() / (map.size.0 * map.size.1) * map.positions();
    run("im2col", x, map, shape, positions, Grid::over(positions.div_ceil(EACH)))
}

/// The images whose columns these are, in the shape of the result.
pub(super) fn col2im(columns: &Tensor, map: Map, shape: &[usize]) -> Result<Tensor> {
    let pixels = shape.iter().product();
    if pixels == 0 || columns.elem_count() == 0 {
        return Ok(Tensor::zeros(shape, columns.dtype(), columns.device())?);
    }
    run("col2im", &contiguous(columns)?, map, shape, pixels, Grid::over(pixels))
}

fn run(name: &'static str, x: &Tensor, map: Map, shape: &[usize], work: usize, grid: Grid) -> Result<Tensor> {
    let geometry = Geometry::new(name, map.window, map.size, map.out)?;
    let arguments =
        [Arg::Result(0), Arg::Of(x), Arg::Count(count(name, work)?), Arg::Words(geometry.words())];
    let kernel = Kernel { operation: "im2col", name, grid };
    // SAFETY: images are `(planes, h, w)` and columns `(planes, taps, positions)` for the same
    // number of planes; `work` is that number times the positions, or the pixels, of one.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(shape, x.dtype())], &arguments) }?;
    Ok(y)
}
