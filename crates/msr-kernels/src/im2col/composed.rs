//! Columns as a selection of pixels, and back as a sum over that selection, by candle.

use candle_core::{Device, Tensor};

use super::map::Map;
use crate::error::Result;

/// The columns of `x`, `(…, c, h, w)`, in the shape of the result.
pub(super) fn im2col(x: &Tensor, map: Map, shape: Vec<usize>) -> Result<Tensor> {
    let (h, w) = map.size;
    let images = x.dims()[..x.rank() - 2].iter().product::<usize>();
    let index = pixel_index(&map, x.device())?;
    let padded = x.reshape((images, h * w))?.pad_with_zeros(1, 0, 1)?;
    Ok(padded.index_select(&index, 1)?.reshape(shape)?)
}

/// The images whose columns these are, in the shape of the result, `(…, c, h, w)`.
pub(super) fn col2im(columns: &Tensor, map: Map, shape: Vec<usize>) -> Result<Tensor> {
    let images = shape[..shape.len() - 2].iter().product::<usize>();
    let pixels = map.size.0 * map.size.1;
    let index = pixel_index(&map, columns.device())?;
    let flat = columns.contiguous()?.reshape((images, map.taps() * map.positions()))?;
    let padded = Tensor::zeros((images, pixels + 1), columns.dtype(), columns.device())?;
    Ok(padded.index_add(&index, &flat, 1)?.narrow(1, 0, pixels)?.contiguous()?.reshape(shape)?)
}

/// For each (tap, position), the pixel under it, with one extra index `h · w` that stands for the
/// padding.
fn pixel_index(map: &Map, device: &Device) -> Result<Tensor> {
    let (h, w) = map.size;
    let outside = (h * w) as u32;
    let mut index = vec![outside; map.taps() * map.positions()];
    map.for_each_run(1, |column, pixel, count| {
        for i in 0..count {
            index[column + i] = (pixel + i * map.window.stride.1) as u32;
        }
    });
    Ok(Tensor::from_vec(index, map.taps() * map.positions(), device)?)
}
