//! The largest element of each window, as the largest entry of its column.

use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::im2col::im2col;
use crate::window::Window;

/// The index of the largest element under each of `out` windows of `images (n, h, w)`.
pub(super) fn max_pool_index(images: &Tensor, window: Window, out: (usize, usize)) -> Result<Tensor> {
    let (n, w) = (images.dims()[0], images.dims()[2]);
    let (taps, positions) = (window.taps(), out.0 * out.1);
    // The winning tap of each window, then the pixel that this tap reads there.
    let columns = im2col(&images.unsqueeze(1)?, window)?.reshape((n, taps, positions))?;
    // The larger, the earlier: which of several equal elements a device's argmax names is its own
    // affair, so each tap gets a number of its own.
    let early = |least: usize| -> Result<Tensor> {
        let numbers: Vec<u32> = (least..least + taps).rev().map(|number| number as u32).collect();
        Ok(Tensor::from_vec(numbers, (1, taps, 1), images.device())?.broadcast_as(columns.shape())?)
    };
    let largest = columns.max_keepdim(1)?.broadcast_as(columns.shape())?;
    let none = Tensor::zeros(columns.shape(), DType::U32, images.device())?;
    let score = columns.eq(&largest)?.where_cond(&early(1)?, &none)?;
    // NaN, which is no number to compare with, wins: it must not be hidden.
    let score = columns.ne(&columns)?.where_cond(&early(taps + 1)?, &score)?;
    let tap = score.argmax_keepdim(1)?.contiguous()?;
    let pixel = |tap: usize, at: usize| {
        let (y, x) = (at / out.1, at % out.1);
        let (ky, kx) = (tap / window.kernel.1, tap % window.kernel.1);
        ((y * window.stride.0 + ky) * w + x * window.stride.1 + kx) as u32
    };
    let table: Vec<u32> = (0..taps * positions).map(|i| pixel(i / positions, i % positions)).collect();
    let table = Tensor::from_vec(table, (1, taps, positions), images.device())?
        .broadcast_as((n, taps, positions))?
        .contiguous()?;
    Ok(table.gather(&tap, 1)?.reshape((n, positions))?)
}
