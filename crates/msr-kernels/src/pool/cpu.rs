//! The largest element of each window, by comparison.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;
use crate::window::Window;

/// The index of the largest element under each of `out` windows of `images (n, h, w)`.
pub(super) fn max_pool_index(images: &Tensor, window: Window, out: (usize, usize)) -> Result<Tensor> {
    Ok(images.apply_op1_no_bwd(&MaxIndex { window, out })?)
}

struct MaxIndex {
    window: Window,
    out: (usize, usize),
}

impl MaxIndex {
    fn find<T: PartialOrd + Copy>(&self, x: &[T], n: usize, h: usize, w: usize) -> Vec<u32> {
        let Window { kernel, stride, .. } = self.window;
        let mut index = Vec::with_capacity(n * self.out.0 * self.out.1);
        for image in x.chunks_exact((h * w).max(1)).take(n) {
            for y in 0..self.out.0 {
                for x in 0..self.out.1 {
                    let corner = y * stride.0 * w + x * stride.1;
                    let mut best = corner;
                    for ky in 0..kernel.0 {
                        for kx in 0..kernel.1 {
                            let here = corner + ky * w + kx;
                            // NaN, which is no number to compare with, wins: it must not be hidden.
                            let (x, y) = (image[here], image[best]);
                            if x > y || (x.partial_cmp(&x).is_none() && y.partial_cmp(&y).is_some()) {
                                best = here;
                            }
                        }
                    }
                    index.push(best as u32);
                }
            }
        }
        index
    }
}

impl CustomOp1 for MaxIndex {
    fn name(&self) -> &'static str {
        "max_pool_index"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (n, h, w) = layout.shape().dims3()?;
        let index = match storage {
            CpuStorage::F32(x) => self.find(dense(x, layout), n, h, w),
            CpuStorage::F64(x) => self.find(dense(x, layout), n, h, w),
            other => return Err(unsupported(other, "max_pool")),
        };
        Ok((CpuStorage::U32(index), (n, self.out.0 * self.out.1).into()))
    }
}
