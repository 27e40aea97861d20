//! Columns gathered, and scattered back, run by run.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, WithDType};

use super::IMAGE;
use super::map::Map;
use crate::body::unsupported;
use crate::dense::dense;
use crate::error::{Error, Result};
use crate::window::Window;

/// The columns of `x`, `f32` or `f64` in main memory, in the shape of the result.
pub(super) fn im2col(x: &Tensor, map: Map, shape: Vec<usize>) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1(Im2Col { map })?.reshape(shape)?)
}

/// The images whose columns these are, in the shape of the result.
pub(super) fn col2im(columns: &Tensor, map: Map, shape: Vec<usize>) -> Result<Tensor> {
    Ok(columns.contiguous()?.apply_op1(Col2Im { map })?.reshape(shape)?)
}

/// The columns of one image `(channels, size)` into a buffer of as many entries; those over padding
/// are left as they are.
pub(crate) fn gather_columns<T: WithDType>(
    window: Window,
    size: (usize, usize),
    pixels: &[T],
    channels: usize,
    out: &mut [T],
) -> Result<()> {
    Map::new(window, size)?.gather_one(pixels, channels, out);
    Ok(())
}

impl Map {
    /// The columns of `n` images.
    fn gather<T: WithDType>(&self, images: &[T], n: usize, channels: usize) -> Vec<T> {
        let image = channels * self.size.0 * self.size.1;
        let columns = channels * self.taps() * self.positions();
        let mut out = vec![T::zero(); n * columns];
        for (out, pixels) in out.chunks_exact_mut(columns.max(1)).zip(images.chunks_exact(image.max(1))) {
            self.gather_one(pixels, channels, out);
        }
        out
    }

    /// The columns of one image; entries that lie outside it are left as they are.
    fn gather_one<T: WithDType>(&self, pixels: &[T], channels: usize, out: &mut [T]) {
        let stride = self.window.stride.1;
        self.for_each_run(channels, |column, pixel, count| {
            let out = &mut out[column..column + count];
            if stride == 1 {
                out.copy_from_slice(&pixels[pixel..pixel + count]);
            } else {
                let pixels = pixels[pixel..].iter().step_by(stride);
                out.iter_mut().zip(pixels).for_each(|(out, &x)| *out = x);
            }
        });
    }

    /// The `n` images from their columns.
    fn scatter<T: WithDType>(&self, columns: &[T], n: usize, channels: usize) -> Vec<T> {
        let image = channels * self.size.0 * self.size.1;
        let per_image = channels * self.taps() * self.positions();
        let stride = self.window.stride.1;
        let mut out = vec![T::zero(); n * image];
        for (pixels, columns) in
            out.chunks_exact_mut(image.max(1)).zip(columns.chunks_exact(per_image.max(1)))
        {
            self.for_each_run(channels, |column, pixel, count| {
                let columns = &columns[column..column + count];
                let pixels = pixels[pixel..].iter_mut().step_by(stride);
                pixels.zip(columns).for_each(|(sum, &x)| *sum += x);
            });
        }
        out
    }
}

struct Im2Col {
    map: Map,
}

struct Col2Im {
    map: Map,
}

impl CustomOp1 for Im2Col {
    fn name(&self) -> &'static str {
        "im2col"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let [lead @ .., channels, _, _] = layout.dims() else {
            return Err(Error::shape("im2col", IMAGE, layout.dims()).into());
        };
        let (n, channels) = (lead.iter().product(), *channels);
        let out = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.map.gather(dense(x, layout), n, channels)),
            CpuStorage::F64(x) => CpuStorage::F64(self.map.gather(dense(x, layout), n, channels)),
            other => return Err(unsupported(other, "im2col")),
        };
        let mut shape = layout.dims()[..layout.dims().len() - 3].to_vec();
        shape.extend([channels * self.map.taps(), self.map.positions()]);
        Ok((out, shape.into()))
    }

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(super::col2im(grad, self.map.window, self.map.size)?))
    }
}

impl CustomOp1 for Col2Im {
    fn name(&self) -> &'static str {
        "col2im"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let rank = layout.dims().len();
        let channels = layout.dims()[rank - 2] / self.map.taps();
        let n = layout.dims()[..rank - 2].iter().product();
        let out = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.map.scatter(dense(x, layout), n, channels)),
            CpuStorage::F64(x) => CpuStorage::F64(self.map.scatter(dense(x, layout), n, channels)),
            other => return Err(unsupported(other, "col2im")),
        };
        let mut shape = layout.dims()[..rank - 2].to_vec();
        shape.extend([channels, self.map.size.0, self.map.size.1]);
        Ok((out, shape.into()))
    }

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(super::im2col(grad, self.map.window)?))
    }
}
