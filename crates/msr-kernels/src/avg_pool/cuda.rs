//! Means of windows, and their adjoint, on a GPU.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use crate::cuda::{Arg, Geometry, Grid, Kernel, contiguous, count, launch};
use crate::error::Result;
use crate::window::Window;

/// Pixels of a window from which a block adds them.
const MANY: usize = 64;

/// Blocks of a grid, which go on until all windows are done.
const MOST_BLOCKS: usize = 1 << 20;

/// The mean under each window of `x`, neither of which is empty, in the shape of the result.
pub(super) fn avg_pool(x: &Tensor, window: Window, shape: &[usize]) -> Result<Tensor> {
    let windows: usize = shape.iter().product();
    let (name, grid) = match window.taps() {
        0..MANY => ("avg_pool_few", Grid::over(windows)),
        taps => ("avg_pool_many", Grid::blocks(windows.min(MOST_BLOCKS) as u32, (taps / 4).min(256))),
    };
    run(name, grid, x, window, [x.dims(), shape], shape)
}

/// The share of each pixel in `y`, in the shape of the result.
pub(super) fn spread(y: &Tensor, window: Window, shape: &[usize]) -> Result<Tensor> {
    let grid = Grid::over(shape.iter().product());
    run("avg_pool_spread", grid, y, window, [shape, y.dims()], shape)
}

/// The kernel of that name, for images and windows of these shapes.
fn run(
    name: &'static str,
    grid: Grid,
    operand: &Tensor,
    window: Window,
    [images, windows]: [&[usize]; 2],
    shape: &[usize],
) -> Result<Tensor> {
    let x = &contiguous(operand)?;
    let size = |shape: &[usize]| (shape[shape.len() - 2], shape[shape.len() - 1]);
    let geometry = Geometry::new("avg_pool", window, size(images), size(windows))?;
    let elements = count("avg_pool", shape.iter().product())?;
    let arguments = [Arg::Result(0), Arg::Of(x), Arg::Count(elements), Arg::Words(geometry.words())];
    let kernel = Kernel { operation: "avg_pool", name, grid };
    // SAFETY: there are as many images as groups of windows, which lie inside them; all elements of
    // the result are written.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(shape, x.dtype())], &arguments) }?;
    Ok(y)
}
