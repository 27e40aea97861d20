//! Where the maximum of each pooling window lies.

mod composed;
mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::body::Body;
use crate::dense::room_for;
use crate::error::{Error, Result};
use crate::window::Window;

/// For each window of a max-pooling without padding, the index into the flattened image
/// (`y · w + x`) of its largest element, the first one in row-major order when several are equal.
///
/// Sizes that are no multiple of the stride lose their last rows and columns, as in
/// `⌊(h − kh) / sh⌋ + 1`.
///
/// # Shapes
/// `(…, h, w) -> (n, oh · ow)` of `u32`, `n` the product of the leading dimensions
///
/// # Errors
/// [`Error::Shape`] when `x` is no image; [`Error::Padding`] when the window has padding; as
/// [`Window::output`] when it does not fit.
pub fn max_pool_index(x: &Tensor, window: Window) -> Result<Tensor> {
    let &[ref lead @ .., h, w] = x.dims() else {
        return Err(Error::shape("max_pool", "(…, height, width)", x.dims()));
    };
    if window.padding != (0, 0) {
        return Err(Error::Padding { op: "max_pool", padding: window.padding });
    }
    let out = window.output((h, w))?;
    let empty = room_for("max_pool", x.dims())? == 0;
    let images = lead.iter().product::<usize>();
    if empty {
        return Ok(Tensor::zeros((images, out.0 * out.1), DType::U32, x.device())?);
    }
    let images = || x.contiguous()?.reshape((images, h, w));
    match Body::of([x]) {
        Body::Cpu => cpu::max_pool_index(&images()?, window, out),
        Body::Cuda => cuda::max_pool_index(x, window, out),
        Body::Half | Body::Composed => composed::max_pool_index(&images()?, window, out),
    }
}
