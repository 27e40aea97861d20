//! The loops of the adjoint in the filters: sums over all pixels of products of what lies under a
//! tap and what came out there.
#![allow(
    clippy::needless_range_loop,
    reason = "loops over registers, by number, as the compiler unrolls them"
)]

use pulp::{Simd, WithSimd};

use super::filters::VECTORS;
use crate::lanes::Lanes;

/// The filter entries of one tile: with two vectors of outputs each, their sums and what they need
/// fill sixteen registers.
const ENTRIES: usize = 6;

/// The pixels whose products are added one after the other in a register.
pub(super) const PIECE: usize = 128;

/// Bordered images of one task, side by side, and the gradient of what came out.
pub(super) struct Products<'a, T: Lanes> {
    /// `(images, height, width, inputs)`
    pub(super) buffer: &'a [T],
    /// The height and width of a buffer, in pixels.
    pub(super) buffer_size: (usize, usize),
    pub(super) inputs: usize,
    pub(super) kernel: (usize, usize),
    pub(super) stride: (usize, usize),
    /// `(images, oh, ow, outputs)`, with as many outputs as whole blocks have.
    pub(super) results: &'a [T],
    pub(super) size: (usize, usize),
    pub(super) outputs: usize,
    pub(super) images: usize,
    /// `(taps, inputs, outputs)`; added to.
    pub(super) sums: &'a mut [T],
}

/// Rows of results from image `from.0`, row `from.1` up to another place.
#[derive(Clone, Copy)]
struct Rows {
    from: usize,
    to: usize,
}

impl<T: Lanes> Products<'_, T> {
    /// R entries of the filters' row `u`, from `entry` on, and one block of outputs from `first`
    /// on.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, rows: Rows, u: usize, entry: usize, first: usize) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let width = self.buffer_size.1 * inputs;
        let step = self.stride.1 * inputs;
        let block = VECTORS * T::lanes::<S>();
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; R];
        for row in rows.from..rows.to {
            let (image, y) = (row / self.size.0, row % self.size.0);
            let start = (image * self.buffer_size.0 + y * self.stride.0 + u) * width + entry;
            let pixels = &self.buffer[start..][..(self.size.1 - 1) * step + R];
            let results = &self.results[row * self.size.1 * outputs + first..];
            for x in 0..self.size.1 {
                let result = T::vectors::<S>(&results[x * outputs..][..block]);
                let Some((result, _)) = result.split_first_chunk::<VECTORS>() else { return };
                let pixels = &pixels[x * step..][..R];
                for r in 0..R {
                    let pixel = T::splat(simd, pixels[r]);
                    for v in 0..VECTORS {
                        sums[r][v] = T::mul_add(simd, pixel, result[v], sums[r][v]);
                    }
                }
            }
        }
        let run = self.kernel.1 * inputs;
        for r in 0..R {
            let at = (u * run + entry + r) * outputs + first;
            let slot = T::vectors_mut::<S>(&mut self.sums[at..][..block]);
            for v in 0..VECTORS {
                slot[v] = T::plus(simd, slot[v], sums[r][v]);
            }
        }
    }
}

impl<T: Lanes> WithSimd for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let run = self.kernel.1 * self.inputs;
        let all = self.images * self.size.0;
        let step = (PIECE / self.size.1).max(1);
        for from in (0..all).step_by(step) {
            let rows = Rows { from, to: all.min(from + step) };
            for first in (0..self.outputs).step_by(VECTORS * T::lanes::<S>()) {
                for u in 0..self.kernel.0 {
                    for entry in (0..run).step_by(ENTRIES) {
                        match run - entry {
                            1 => self.tile::<S, 1>(simd, rows, u, entry, first),
                            2 => self.tile::<S, 2>(simd, rows, u, entry, first),
                            3 => self.tile::<S, 3>(simd, rows, u, entry, first),
                            4 => self.tile::<S, 4>(simd, rows, u, entry, first),
                            5 => self.tile::<S, 5>(simd, rows, u, entry, first),
                            _ => self.tile::<S, ENTRIES>(simd, rows, u, entry, first),
                        }
                    }
                }
            }
        }
    }
}
