//! Loops over windows.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, WithDType};

use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;
use crate::window::Window;

/// The mean under each of `out` windows of `images (n, h, w)`.
pub(super) fn avg_pool(images: &Tensor, window: Window, out: (usize, usize)) -> Result<Tensor> {
    Ok(images.apply_op1_no_bwd(&Means { window, out })?)
}

/// The share of each of `size` pixels in `windows (n, oh, ow)`.
pub(super) fn spread(windows: &Tensor, window: Window, size: (usize, usize)) -> Result<Tensor> {
    Ok(windows.apply_op1_no_bwd(&Shares { window, size })?)
}

struct Means {
    window: Window,
    out: (usize, usize),
}

struct Shares {
    window: Window,
    size: (usize, usize),
}

impl Means {
    /// In `f64`: a window may be a whole image.
    fn run<T: WithDType>(&self, x: &[T], (h, w): (usize, usize)) -> Vec<T> {
        let Window { kernel, stride, .. } = self.window;
        let share = 1.0 / self.window.taps() as f64;
        let mut out = Vec::with_capacity(x.len() / (h * w) * self.out.0 * self.out.1);
        for image in x.chunks_exact(h * w) {
            for y in 0..self.out.0 {
                for x in 0..self.out.1 {
                    let corner = y * stride.0 * w + x * stride.1;
                    let rows = image[corner..].chunks(w).take(kernel.0);
                    let sum: f64 = rows.flat_map(|row| &row[..kernel.1]).map(|x| x.to_f64()).sum();
                    out.push(T::from_f64(sum * share));
                }
            }
        }
        out
    }
}

impl Shares {
    fn run<T: WithDType>(&self, windows: &[T], (oh, ow): (usize, usize)) -> Vec<T> {
        let (Window { kernel, stride, .. }, (h, w)) = (self.window, self.size);
        let taps = self.window.taps() as f64;
        let mut out = vec![T::zero(); windows.len() / (oh * ow) * h * w];
        for (windows, image) in windows.chunks_exact(oh * ow).zip(out.chunks_exact_mut(h * w)) {
            for (at, window) in windows.iter().enumerate() {
                let share = T::from_f64(window.to_f64() / taps);
                let corner = at / ow * stride.0 * w + at % ow * stride.1;
                for row in image[corner..].chunks_mut(w).take(kernel.0) {
                    row[..kernel.1].iter_mut().for_each(|pixel| *pixel += share);
                }
            }
        }
        out
    }
}

impl CustomOp1 for Means {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, h, w) = layout.shape().dims3()?;
        let means = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout), (h, w))),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout), (h, w))),
            other => return Err(unsupported(other, "avg_pool")),
        };
        Ok((means, (n, self.out.0, self.out.1).into()))
    }
}

impl CustomOp1 for Shares {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, oh, ow) = layout.shape().dims3()?;
        let pixels = match storage {
            CpuStorage::F32(y) => CpuStorage::F32(self.run(dense(y, layout), (oh, ow))),
            CpuStorage::F64(y) => CpuStorage::F64(self.run(dense(y, layout), (oh, ow))),
            other => return Err(unsupported(other, "spread")),
        };
        Ok((pixels, (n, self.size.0, self.size.1).into()))
    }
}
