//! The loops of a convolution and of its adjoint in the images: both are correlations of a bordered
//! image with packed filters.
#![allow(
    clippy::needless_range_loop,
    reason = "loops over registers, by number, as the compiler unrolls them"
)]

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use super::filters::{Packed, VECTORS};
use crate::lanes::Lanes;

/// The pixels of a row that are computed at once: with two vectors of outputs each, their sums and
/// what they need fill sixteen registers.
const PIXELS: usize = 6;

/// Where the pixels of an image go in a buffer that has zeros around and between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Border {
    pub(super) image: (usize, usize),
    pub(super) channels: usize,
    /// Of the buffer, in pixels.
    pub(super) size: (usize, usize),
    /// Where the first pixel goes; it may be outside.
    pub(super) first: (isize, isize),
    /// The distance between neighbouring pixels.
    pub(super) distance: (usize, usize),
}

impl Border {
    /// Whether the buffer is the image.
    pub(super) fn is_none(&self) -> bool {
        self.size == self.image && self.first == (0, 0) && self.distance == (1, 1)
    }

    /// The numbers of a buffer.
    pub(super) fn len(&self) -> usize {
        self.size.0 * self.size.1 * self.channels
    }

    /// Copies an image into a buffer; what is around and between stays as it is.
    pub(super) fn fill<T: Copy>(&self, image: &[T], buffer: &mut [T]) {
        let c = self.channels;
        let place = |first: isize, i: usize, distance: usize, size: usize| {
            first
                .checked_add_unsigned(i * distance)
                .and_then(|at| usize::try_from(at).ok())
                .filter(|&at| at < size)
        };
        for (i, row) in image.chunks_exact(self.image.1 * c).enumerate() {
            let Some(y) = place(self.first.0, i, self.distance.0, self.size.0) else { continue };
            let to = &mut buffer[y * self.size.1 * c..][..self.size.1 * c];
            if self.distance.1 == 1 {
                // The pixels of the row that are inside, in one piece.
                let before = usize::try_from(-self.first.1).unwrap_or(0).min(self.image.1);
                let x = usize::try_from(self.first.1).unwrap_or(0).min(self.size.1);
                let count = (self.image.1 - before).min(self.size.1 - x);
                to[x * c..][..count * c].copy_from_slice(&row[before * c..][..count * c]);
            } else {
                for (j, pixel) in row.chunks_exact(c).enumerate() {
                    if let Some(x) = place(self.first.1, j, self.distance.1, self.size.1) {
                        to[x * c..][..c].copy_from_slice(pixel);
                    }
                }
            }
        }
    }
}

/// One bordered image and the filters of its task.
pub(super) struct Correlation<'a, T: Lanes> {
    /// `(height, width, inputs)`
    pub(super) buffer: &'a [T],
    /// The width of the buffer, in pixels.
    pub(super) width: usize,
    pub(super) inputs: usize,
    pub(super) kernel: (usize, usize),
    pub(super) stride: (usize, usize),
    pub(super) filters: &'a Packed<T>,
    pub(super) outputs: usize,
    /// Of the result, in pixels.
    pub(super) size: (usize, usize),
    /// `(height, width, outputs)`; all of it is written.
    pub(super) out: &'a mut [MaybeUninit<T>],
}

impl<T: Lanes> Correlation<'_, T> {
    /// M pixels of a row, from `(y, x)` on, and the outputs of one block.
    #[inline(always)]
    fn tile<S: Simd, const M: usize>(&mut self, simd: S, y: usize, x: usize, first: usize, block: &[T]) {
        let (inputs, row) = (self.inputs, self.width * self.inputs);
        let run = self.kernel.1 * inputs;
        let step = self.stride.1 * inputs;
        let start = y * self.stride.0 * row + x * step;
        let filters = T::vectors::<S>(block);
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; M];
        for u in 0..self.kernel.0 {
            let mut pixels = [&[][..]; M];
            for m in 0..M {
                pixels[m] = &self.buffer[start + u * row + m * step..][..run];
            }
            let rows = filters[u * run * VECTORS..][..run * VECTORS].as_chunks::<VECTORS>().0;
            assert_eq!(rows.len(), run);
            for r in 0..run {
                let filter = rows[r];
                for m in 0..M {
                    let pixel = T::splat(simd, pixels[m][r]);
                    for v in 0..VECTORS {
                        sums[m][v] = T::mul_add(simd, pixel, filter[v], sums[m][v]);
                    }
                }
            }
        }
        let count = (VECTORS * T::lanes::<S>()).min(self.outputs - first);
        for m in 0..M {
            let at = (y * self.size.1 + x + m) * self.outputs + first;
            let out = &mut self.out[at..at + count];
            let numbers = T::numbers::<S>(&sums[m]);
            for (out, &number) in out.iter_mut().zip(numbers) {
                out.write(number);
            }
        }
    }

    #[inline(always)]
    fn row<S: Simd>(&mut self, simd: S, y: usize, first: usize, block: &[T]) {
        let mut x = 0;
        while x < self.size.1 {
            // As even as can be: seven pixels are four and three.
            let left = self.size.1 - x;
            let pixels = left.div_ceil(left.div_ceil(PIXELS));
            match pixels {
                1 => self.tile::<S, 1>(simd, y, x, first, block),
                2 => self.tile::<S, 2>(simd, y, x, first, block),
                3 => self.tile::<S, 3>(simd, y, x, first, block),
                4 => self.tile::<S, 4>(simd, y, x, first, block),
                5 => self.tile::<S, 5>(simd, y, x, first, block),
                _ => self.tile::<S, PIXELS>(simd, y, x, first, block),
            }
            x += pixels.min(PIXELS);
        }
    }
}

impl<T: Lanes> WithSimd for Correlation<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let filters = self.filters;
        for (number, block) in filters.blocks().enumerate() {
            for y in 0..self.size.0 {
                self.row(simd, y, number * filters.block, block);
            }
        }
    }
}
