//! Sliding windows as matrix columns (im2col) and the adjoint of that (col2im), in two dimensions;
//! one dimension is the case of height one.
//!
//! Column `(y, x)` of an image holds the `c · kh · kw` numbers under the window at output position
//! `(y, x)`, channel-major, so that a convolution is
//! `weight (o, c·kh·kw) @ columns (c·kh·kw, oh·ow)`.

mod composed;
mod cpu;
mod cuda;
mod map;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};
use crate::window::Window;
use map::Map;

pub(crate) use cpu::gather_columns;

/// What [`im2col`] expects.
const IMAGE: &str = "(…, channels, height, width)";

/// The windows of each image as columns. Linear; its adjoint is [`col2im`]. candle's own `backward`
/// can differentiate it once.
///
/// # Shapes
/// `(…, c, h, w) -> (…, c · kh · kw, oh · ow)`
///
/// # Errors
/// [`Error::Shape`] when there are fewer than three dimensions; as [`Window::output`] when the
/// window does not fit.
pub fn im2col(x: &Tensor, window: Window) -> Result<Tensor> {
    let &[ref lead @ .., c, h, w] = x.dims() else {
        return Err(Error::shape("im2col", IMAGE, x.dims()));
    };
    let map = Map::new(window, (h, w))?;
    let mut shape = lead.to_vec();
    shape.extend([c.saturating_mul(map.taps()), map.positions()]);
    room_for("im2col", &shape)?;
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Cpu => cpu::im2col(x, map, shape),
        Body::Cuda => cuda::im2col(x, map, &shape),
        // Numbers are only moved.
        Body::Half | Body::Composed => composed::im2col(x, map, shape),
    }
}

/// Adds columns back onto the pixels they were read from: the adjoint of [`im2col`].
///
/// # Shapes
/// `(…, c · kh · kw, oh · ow) -> (…, c, h, w)`, with `size = (h, w)`
///
/// # Errors
/// [`Error::Shape`] when the columns do not fit `size` and the window; as [`Window::output`] when
/// the window does not fit `size`.
pub fn col2im(columns: &Tensor, window: Window, size: (usize, usize)) -> Result<Tensor> {
    let map = Map::new(window, size)?;
    let (taps, positions) = (map.taps(), map.positions());
    let (lead, rows) = match columns.dims() {
        [lead @ .., rows, cols] if *cols == positions && rows.is_multiple_of(taps) => (lead, *rows),
        dims => {
            let expected = format!("(…, channels · {taps}, {positions}) for {window:?} over {size:?}");
            return Err(Error::shape("col2im", expected, dims));
        }
    };
    let mut shape = lead.to_vec();
    shape.extend([rows / taps, size.0, size.1]);
    room_for("col2im", &shape)?;
    let columns = &tidy(columns)?;
    match Body::of([columns]) {
        Body::Half => widened([columns], |[columns]| col2im(columns, window, size)),
        Body::Cpu => cpu::col2im(columns, map, shape),
        Body::Cuda => cuda::col2im(columns, map, &shape),
        Body::Composed => composed::col2im(columns, map, shape),
    }
}
