//! Means of columns, and columns of equal numbers.

use candle_core::Tensor;

use crate::error::Result;
use crate::im2col::{col2im, im2col};
use crate::reduce::scaled_sum_keepdim;
use crate::window::Window;

/// The mean under each window of `images (n, h, w)`.
pub(super) fn avg_pool(images: &Tensor, window: Window) -> Result<Tensor> {
    let columns = im2col(&images.unsqueeze(1)?, window)?;
    scaled_sum_keepdim(&columns, &[1], 1.0 / window.taps() as f64)
}

/// The share of each pixel in `windows (n, oh, ow)`.
pub(super) fn spread(windows: &Tensor, window: Window, size: (usize, usize)) -> Result<Tensor> {
    let (n, oh, ow) = windows.dims3()?;
    let shares = (windows.reshape((n, 1, oh * ow))? / window.taps() as f64)?;
    let columns = shares.broadcast_as((n, window.taps(), oh * ow))?;
    col2im(&columns, window, size)
}
