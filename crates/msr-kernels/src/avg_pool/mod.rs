//! The mean under each pooling window, and the adjoint of that.

mod composed;
mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};
use crate::window::Window;

/// The mean of each window of an average pooling without padding. Linear; its adjoint is
/// [`spread`].
///
/// Sizes that are no multiple of the stride lose their last rows and columns, as in
/// `⌊(h − kh) / sh⌋ + 1`.
///
/// # Shapes
/// `(…, h, w) -> (…, oh, ow)`
///
/// # Errors
/// [`Error::Shape`] when `x` is no image; [`Error::Padding`] when the window has padding; as
/// [`Window::output`] when it does not fit.
pub fn avg_pool(x: &Tensor, window: Window) -> Result<Tensor> {
    let &[ref lead @ .., h, w] = x.dims() else {
        return Err(Error::shape("avg_pool", "(…, height, width)", x.dims()));
    };
    let out = checked(window, (h, w))?;
    let mut shape = lead.to_vec();
    shape.extend([out.0, out.1]);
    room_for("avg_pool", x.dims())?;
    if room_for("avg_pool", &shape)? == 0 {
        return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
    }
    let images = || tidy(x)?.contiguous()?.reshape((lead.iter().product::<usize>(), h, w));
    let means = match Body::of([x]) {
        Body::Half => widened([x], |[x]| avg_pool(x, window))?,
        Body::Cpu => cpu::avg_pool(&images()?, window, out)?,
        Body::Cuda => return cuda::avg_pool(x, window, &shape),
        Body::Composed => composed::avg_pool(&images()?, window)?,
    };
    Ok(means.reshape(shape)?)
}

/// Gives each pixel an equal share of what belongs to the windows that it lies under, `1 / (kh ·
/// kw)` of each: the adjoint of [`avg_pool`].
///
/// # Shapes
/// `(…, oh, ow) -> (…, h, w)`, with `size = (h, w)`
///
/// # Errors
/// [`Error::Shape`] when `y` does not fit the window and size; as [`avg_pool`] for the window.
pub fn spread(y: &Tensor, window: Window, size: (usize, usize)) -> Result<Tensor> {
    let out = checked(window, size)?;
    let lead = match y.dims() {
        [lead @ .., oh, ow] if (*oh, *ow) == out => lead,
        dims => return Err(Error::shape("spread", format!("(…, {}, {})", out.0, out.1), dims)),
    };
    let mut shape = lead.to_vec();
    shape.extend([size.0, size.1]);
    room_for("spread", y.dims())?;
    if room_for("spread", &shape)? == 0 {
        return Ok(Tensor::zeros(shape, y.dtype(), y.device())?);
    }
    let windows = || tidy(y)?.contiguous()?.reshape((lead.iter().product::<usize>(), out.0, out.1));
    let pixels = match Body::of([y]) {
        Body::Half => widened([y], |[y]| spread(y, window, size))?,
        Body::Cpu => cpu::spread(&windows()?, window, size)?,
        Body::Cuda => return cuda::spread(y, window, &shape),
        Body::Composed => composed::spread(&windows()?, window, size)?,
    };
    Ok(pixels.reshape(shape)?)
}

/// The number of windows over an image of `size` pixels.
fn checked(window: Window, size: (usize, usize)) -> Result<(usize, usize)> {
    if window.padding != (0, 0) {
        return Err(Error::Padding { op: "avg_pool", padding: window.padding });
    }
    window.output(size)
}
