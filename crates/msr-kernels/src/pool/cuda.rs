//! The largest element of each window, on a GPU.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use crate::cuda::{Arg, Geometry, Grid, Kernel, contiguous, count, launch};
use crate::error::Result;
use crate::window::Window;

/// The index of the largest element under each of `out` windows of `x (…, h, w)`, which is not
/// empty: `(n, oh · ow)`.
pub(super) fn max_pool_index(x: &Tensor, window: Window, out: (usize, usize)) -> Result<Tensor> {
    const OP: &str = "max_pool_index";
    let x = &contiguous(x)?;
    let size = (x.dims()[x.rank() - 2], x.dims()[x.rank() - 1]);
    let geometry = Geometry::new(OP, window, size, out)?;
    let shape = [x.elem_count() / (size.0 * size.1), out.0 * out.1];
    let windows = shape[0] * shape[1];
    let arguments =
        [Arg::Result(0), Arg::Of(x), Arg::Count(count(OP, windows)?), Arg::Words(geometry.words())];
    let kernel = Kernel { operation: "pool", name: OP, grid: Grid::over(windows) };
    // SAFETY: the windows lie inside the images of x, and each has its place in the result.
    let [index] = unsafe { launch(kernel, x.device(), x.dtype(), [(&shape, DType::U32)], &arguments) }?;
    Ok(index)
}
