//! Sliding windows as matrix columns (im2col) and the adjoint of that (col2im), in two dimensions;
//! one dimension is the case of height one.
//!
//! Column `(y, x)` of an image holds the `c · kh · kw` numbers under the window at output position
//! `(y, x)`, channel-major, so that a convolution is `weight (o, c·kh·kw) @ columns (c·kh·kw, oh·ow)`.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, WithDType};

use super::{dense, on_cpu, unsupported};

/// The geometry of a sliding window: sizes, stride and zero padding as (height, width), in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The size of the window.
    pub kernel: (usize, usize),
    /// The distance between neighbouring windows.
    pub stride: (usize, usize),
    /// Zeros added on each side of the image.
    pub padding: (usize, usize),
}

impl Window {
    /// A window over one dimension: height one.
    pub fn line(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: (1, kernel), stride: (1, stride), padding: (0, padding) }
    }

    /// A square window.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: (kernel, kernel), stride: (stride, stride), padding: (padding, padding) }
    }

    /// The number of window positions over an image of `size` pixels:
    /// `⌊(size + 2 · padding − kernel) / stride⌋ + 1` in each direction.
    ///
    /// # Errors
    /// When kernel or stride is zero, or the window is larger than the padded image.
    pub fn output(&self, size: (usize, usize)) -> Result<(usize, usize)> {
        let along = |size: usize, kernel: usize, stride: usize, padding: usize, name: &str| {
            if kernel == 0 || stride == 0 {
                candle_core::bail!("window: {name} of kernel and stride must be at least 1");
            }
            let padded = padding.checked_mul(2).and_then(|p| p.checked_add(size));
            let Some(padded) = padded else { candle_core::bail!("window: padding {padding} is too large") };
            if padded < kernel {
                candle_core::bail!(
                    "window: {name} {kernel} of the kernel is larger than the input's {size} with padding {padding}"
                );
            }
            Ok((padded - kernel) / stride + 1)
        };
        Ok((
            along(size.0, self.kernel.0, self.stride.0, self.padding.0, "height")?,
            along(size.1, self.kernel.1, self.stride.1, self.padding.1, "width")?,
        ))
    }
}

/// One geometry applied to images of one size, with the direction left open.
#[derive(Clone, Copy, Debug)]
struct Map {
    window: Window,
    size: (usize, usize),
    out: (usize, usize),
}

impl Map {
    fn new(window: Window, size: (usize, usize)) -> Result<Self> {
        Ok(Self { window, size, out: window.output(size)? })
    }

    fn taps(&self) -> usize {
        self.window.kernel.0 * self.window.kernel.1
    }

    /// For kernel offset `tap` along one direction: the output positions whose input lies inside the
    /// image, and the input position of the first of them.
    fn inside(tap: usize, stride: usize, padding: usize, size: usize, out: usize) -> (usize, usize, usize) {
        let first = padding.saturating_sub(tap).div_ceil(stride).min(out);
        let end = (size + padding).saturating_sub(tap).div_ceil(stride).clamp(first, out);
        (first, end, (first * stride + tap).saturating_sub(padding))
    }

    /// Calls `body(column start, image start, count)` for every run of positions along the width that
    /// lies inside the image; within a run, columns advance by one and pixels by the stride.
    fn for_each_run(&self, channels: usize, mut body: impl FnMut(usize, usize, usize)) {
        let Map { window, size: (h, w), out: (oh, ow) } = *self;
        for channel in 0..channels {
            for ky in 0..window.kernel.0 {
                let (y0, y1, in_y) = Self::inside(ky, window.stride.0, window.padding.0, h, oh);
                for kx in 0..window.kernel.1 {
                    let (x0, x1, in_x) = Self::inside(kx, window.stride.1, window.padding.1, w, ow);
                    if x0 == x1 {
                        continue;
                    }
                    let row = (channel * window.kernel.0 + ky) * window.kernel.1 + kx;
                    for y in y0..y1 {
                        let pixel = (channel * h + in_y + (y - y0) * window.stride.0) * w + in_x;
                        body((row * oh + y) * ow + x0, pixel, x1 - x0);
                    }
                }
            }
        }
    }

    /// The columns of `n` images.
    fn gather<T: WithDType>(&self, images: &[T], n: usize, channels: usize) -> Vec<T> {
        let image = channels * self.size.0 * self.size.1;
        let columns = channels * self.taps() * self.out.0 * self.out.1;
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
        let per_image = channels * self.taps() * self.out.0 * self.out.1;
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

    /// For devices without a body of their own: for each (tap, position), the pixel under it, with
    /// one extra index `h · w` that stands for the padding.
    fn pixel_index(&self) -> Vec<u32> {
        let (h, w) = self.size;
        let outside = (h * w) as u32;
        let mut index = vec![outside; self.taps() * self.out.0 * self.out.1];
        self.for_each_run(1, |column, pixel, count| {
            for i in 0..count {
                index[column + i] = (pixel + i * self.window.stride.1) as u32;
            }
        });
        index
    }
}

/// The columns of one image `(channels, size)` into a buffer of as many entries; those over padding are left as they are.
pub(super) fn gather_columns<T: WithDType>(
    window: Window,
    size: (usize, usize),
    pixels: &[T],
    channels: usize,
    out: &mut [T],
) -> Result<()> {
    Map::new(window, size)?.gather_one(pixels, channels, out);
    Ok(())
}

/// Splits the last three dimensions, (channels, height, width), from the leading ones.
fn split_image(dims: &[usize]) -> Result<(usize, usize, usize, usize)> {
    let [lead @ .., c, h, w] = dims else {
        candle_core::bail!("im2col: expected (…, channels, height, width), got {dims:?}");
    };
    Ok((lead.iter().product(), *c, *h, *w))
}

/// The windows of each image as columns. Linear; its adjoint is [`col2im`]. candle's own `backward`
/// can differentiate it once.
///
/// # Shapes
/// `(…, c, h, w) -> (…, c · kh · kw, oh · ow)`
///
/// # Errors
/// When there are fewer than three dimensions or the window does not fit.
pub fn im2col(x: &Tensor, window: Window) -> Result<Tensor> {
    let (n, c, h, w) = split_image(x.dims())?;
    let map = Map::new(window, (h, w))?;
    let positions = map.out.0 * map.out.1;
    let mut shape = x.dims()[..x.rank() - 3].to_vec();
    shape.extend([c * map.taps(), positions]);
    if on_cpu(x) {
        return x.contiguous()?.apply_op1(Im2Col { map })?.reshape(shape);
    }
    let index = Tensor::from_vec(map.pixel_index(), map.taps() * positions, x.device())?;
    x.reshape((n * c, h * w))?.pad_with_zeros(1, 0, 1)?.index_select(&index, 1)?.reshape(shape)
}

/// Adds columns back onto the pixels they were read from: the adjoint of [`im2col`].
///
/// # Shapes
/// `(…, c · kh · kw, oh · ow) -> (…, c, h, w)`, with `size = (h, w)`
///
/// # Errors
/// When the columns do not fit `size` and the window.
pub fn col2im(columns: &Tensor, window: Window, size: (usize, usize)) -> Result<Tensor> {
    let map = Map::new(window, size)?;
    let positions = map.out.0 * map.out.1;
    let [lead @ .., rows, cols] = columns.dims() else {
        candle_core::bail!("col2im: expected (…, c·kh·kw, oh·ow), got {:?}", columns.dims());
    };
    if *cols != positions || rows % map.taps() != 0 {
        candle_core::bail!(
            "col2im: columns {:?} do not fit {window:?} over {size:?} ({positions} positions)",
            columns.dims()
        );
    }
    let channels = rows / map.taps();
    let mut shape = lead.to_vec();
    shape.extend([channels, size.0, size.1]);
    if on_cpu(columns) {
        return columns.contiguous()?.apply_op1(Col2Im { map })?.reshape(shape);
    }
    let n = lead.iter().product::<usize>() * channels;
    let pixels = size.0 * size.1;
    let index = Tensor::from_vec(map.pixel_index(), map.taps() * positions, columns.device())?;
    Tensor::zeros((n, pixels + 1), columns.dtype(), columns.device())?
        .index_add(&index, &columns.contiguous()?.reshape((n, map.taps() * positions))?, 1)?
        .narrow(1, 0, pixels)?
        .contiguous()?
        .reshape(shape)
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

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, ..) = split_image(layout.dims())?;
        let out = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.map.gather(dense(x, layout), n, channels)),
            CpuStorage::F64(x) => CpuStorage::F64(self.map.gather(dense(x, layout), n, channels)),
            other => return Err(unsupported(other, "im2col")),
        };
        let mut shape = layout.dims()[..layout.dims().len() - 3].to_vec();
        shape.extend([channels * self.map.taps(), self.map.out.0 * self.map.out.1]);
        Ok((out, shape.into()))
    }

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        col2im(grad, self.map.window, self.map.size).map(Some)
    }
}

impl CustomOp1 for Col2Im {
    fn name(&self) -> &'static str {
        "col2im"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
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

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        im2col(grad, self.map.window).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// The composition used on other devices, run on the CPU, must equal the CPU body.
    #[test]
    fn the_index_map_agrees_with_the_body() -> Result<()> {
        for (window, size) in [
            (Window::square(3, 1, 0), (5, 6)),
            (Window::square(3, 2, 1), (7, 4)),
            (Window { kernel: (2, 5), stride: (3, 1), padding: (0, 2) }, (8, 3)),
            (Window::line(3, 2, 4), (1, 1)),
        ] {
            let map = Map::new(window, size)?;
            let pixels: Vec<f64> = (0..size.0 * size.1).map(|i| i as f64 + 1.0).collect();
            let columns = map.gather(&pixels, 1, 1);
            let mut padded = pixels.clone();
            padded.push(0.0);
            let by_index: Vec<f64> = map.pixel_index().iter().map(|&i| padded[i as usize]).collect();
            assert_eq!(columns, by_index, "{window:?} over {size:?}");
        }
        Ok(())
    }

    #[test]
    fn a_window_that_does_not_fit_is_an_error() -> Result<()> {
        let x = Tensor::zeros((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu)?;
        assert!(im2col(&x, Window::square(3, 1, 0)).is_err());
        assert!(im2col(&x, Window::square(1, 0, 0)).is_err());
        assert!(im2col(&x.flatten_all()?, Window::square(1, 1, 0)).is_err());
        Ok(())
    }
}
