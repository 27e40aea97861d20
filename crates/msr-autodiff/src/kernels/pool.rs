//! Where the maximum of each pooling window lies.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::im2col::{Window, im2col};
use super::{on_cpu, unsupported};

/// For each window of a max-pooling without padding, the index into the flattened image (`y · w + x`)
/// of its largest element, the first one in row-major order when several are equal.
///
/// Sizes that are no multiple of the stride lose their last rows and columns, as in
/// `⌊(h − kh) / sh⌋ + 1`.
///
/// # Shapes
/// `(…, h, w) -> (n, oh · ow)` of `u32`, `n` the product of the leading dimensions
///
/// # Errors
/// When the window does not fit or has padding.
pub fn max_pool_index(x: &Tensor, window: Window) -> Result<Tensor> {
    let [lead @ .., h, w] = x.dims() else {
        candle_core::bail!("max_pool: expected (…, height, width), got {:?}", x.dims());
    };
    if window.padding != (0, 0) {
        candle_core::bail!("max_pool: padding {:?} is not supported; pad the input", window.padding);
    }
    let n = lead.iter().product::<usize>();
    let out = window.output((*h, *w))?;
    let images = x.contiguous()?.reshape((n, *h, *w))?;
    if on_cpu(x) {
        return images.apply_op1_no_bwd(&MaxIndex { window, out });
    }
    let taps = window.kernel.0 * window.kernel.1;
    let positions = out.0 * out.1;
    // The winning tap of each window, then the pixel that this tap reads there.
    let tap = im2col(&images.unsqueeze(1)?, window)?
        .reshape((n, taps, positions))?
        .argmax_keepdim(1)?
        .contiguous()?;
    let pixel = |tap: usize, at: usize| {
        let (y, x) = (at / out.1, at % out.1);
        let (ky, kx) = (tap / window.kernel.1, tap % window.kernel.1);
        ((y * window.stride.0 + ky) * w + x * window.stride.1 + kx) as u32
    };
    let table: Vec<u32> = (0..taps * positions).map(|i| pixel(i / positions, i % positions)).collect();
    let table = Tensor::from_vec(table, (1, taps, positions), x.device())?
        .broadcast_as((n, taps, positions))?
        .contiguous()?;
    table.gather(&tap, 1)?.reshape((n, positions))
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

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, h, w) = layout.shape().dims3()?;
        let range = layout.start_offset()..layout.start_offset() + n * h * w;
        let index = match storage {
            CpuStorage::F32(x) => self.find(&x[range], n, h, w),
            CpuStorage::F64(x) => self.find(&x[range], n, h, w),
            other => return Err(unsupported(other, "max_pool")),
        };
        Ok((CpuStorage::U32(index), (n, self.out.0 * self.out.1).into()))
    }
}
