//! Correlations with 3 × 3 filters, stride one, by Winograd's F(2 × 2, 3 × 3): the four results of
//! a tile take 16 products for each pair of channels, instead of 36.
//!
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` for 4 × 4 pixels d, a filter g and 2 × 2 results Y. What is
//! between A and B is added up over the input channels before A is applied, which makes 16 products
//! of matrices (tiles, inputs) · (inputs, outputs).
//!
//! Its rounding is another than that of plain sums, see [`Winograd`]. Results depend neither on how
//! tiles are grouped nor on threads.
//!
//! Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016), section
//! 4.1.
#![allow(
    clippy::needless_range_loop,
    reason = "loops over registers, by number, as the compiler unrolls them"
)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, Ordering};

use pulp::{Simd, WithSimd};

use super::filters::{Packed, VECTORS};
use crate::lanes::Lanes;

/// The numbers of a transformed tile, for each channel.
const PLACES: usize = 16;
/// The tiles that are multiplied at once: with two vectors of outputs each, their sums and what
/// they need fill sixteen registers.
const ROWS: usize = 6;
/// The most tiles between two transforms.
const TILES: usize = 3 * ROWS;

/// When 3 × 3 convolutions with stride one, and their adjoints in the images, are computed by
/// Winograd's F(2 × 2, 3 × 3) in main memory: faster, with other rounding.
///
/// For standard normal numbers and up to 128 channels, the error is below 1e-6 of the norm of the
/// whole result in single precision, and below 4e-15 in double precision, as without it. With few
/// channels it is up to four times that of plain sums, since neighbouring pixels are subtracted
/// first; with many it is smaller, since the sums are shorter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Winograd {
    /// As sums of products over windows alone.
    Never,
    /// Where a count of operations says that it is faster.
    #[default]
    WhereItPays,
    /// For all of them: to compare with.
    Always,
}

static CHOSEN: AtomicU8 = AtomicU8::new(Winograd::WhereItPays as u8);

/// Sets when Winograd's form is used from now on, in the whole process: a setting for its start. It
/// changes rounding, so a run that is to be repeated bit for bit needs the same one.
pub fn use_winograd(when: Winograd) {
    CHOSEN.store(when as u8, Ordering::Relaxed);
}

/// Whether a correlation that has this form is computed in it.
pub(super) fn is_chosen(pays: impl FnOnce() -> bool) -> bool {
    match CHOSEN.load(Ordering::Relaxed) {
        chosen if chosen == Winograd::Never as u8 => false,
        chosen if chosen == Winograd::Always as u8 => true,
        _ => pays(),
    }
}

/// Tiles over an image of results.
fn tiles(size: (usize, usize)) -> (usize, usize) {
    (size.0.div_ceil(2), size.1.div_ceil(2))
}

/// The pixels that the tiles of a result of `size` reach, with the image's border.
pub(super) fn reach(size: (usize, usize)) -> (usize, usize) {
    let (down, across) = tiles(size);
    (2 * down + 2, 2 * across + 2)
}

/// Whether `examples` images of `inputs` channels, with results of `size` pixels and `outputs`
/// channels in blocks of `block`, are faster this way.
///
/// In multiply–adds, or what takes as long: for each tile 16 products a pair of channels and
/// [`TRANSFORM`] for each channel in and out; for each task [`FILTER`] a pair of channels; beside
/// nine for each pixel and pair.
pub(super) fn pays(
    examples: usize,
    (inputs, outputs): (usize, usize),
    size: (usize, usize),
    block: usize,
) -> bool {
    /// Reading, transforming and writing 16 numbers.
    const TRANSFORM: usize = 96;
    /// Transforming a filter.
    const FILTER: usize = 64;
    let outputs = outputs.next_multiple_of(block);
    let (down, across) = tiles(size);
    // In wide numbers: sizes are any.
    let [examples, inputs, outputs, tiles, pixels] =
        [examples, inputs, outputs, down * across, size.0 * size.1].map(|n| n as f64);
    let each = (PLACES as f64) * inputs * outputs + TRANSFORM as f64 * (inputs + outputs);
    let winograd = examples * tiles * each + FILTER as f64 * inputs * outputs;
    winograd < examples * pixels * 9.0 * inputs * outputs
}

/// The filters of one task, `G g Gᵀ`: for each block of outputs, `(places, inputs, block)`.
pub(super) struct Transformed<T> {
    numbers: Vec<T>,
    block: usize,
    /// Of a place of a block: inputs · block.
    run: usize,
}

impl<T: Lanes> Transformed<T> {
    /// Of 3 × 3 filters.
    pub(super) fn new(packed: &Packed<T>) -> Self {
        let run = packed.size / 9;
        let mut numbers = vec![T::zero(); packed.blocks().len() * PLACES * run];
        pulp::Arch::new().dispatch(Filters { packed, run, numbers: &mut numbers });
        Self { numbers, block: packed.block, run }
    }

    fn blocks(&self) -> std::slice::ChunksExact<'_, T> {
        self.numbers.chunks_exact(PLACES * self.run)
    }

    /// The outputs of all blocks.
    fn outputs(&self) -> usize {
        self.blocks().len() * self.block
    }
}

// The three matrices. Functions, and loops in place of closures over arrays: all of it has to be
// inlined to be compiled for the processor's vectors.

/// `G x`
#[inline(always)]
fn filter_side<T: Lanes, S: Simd>(simd: S, x: [T::Vector<S>; 3]) -> [T::Vector<S>; 4] {
    let (half, zero) = (T::splat(simd, T::from_f64(0.5)), T::splat(simd, T::zero()));
    let outer = T::plus(simd, x[0], x[2]);
    let sum = T::mul_add(simd, half, T::plus(simd, outer, x[1]), zero);
    let difference = T::mul_add(simd, half, T::minus(simd, outer, x[1]), zero);
    [x[0], sum, difference, x[2]]
}

/// `Bᵀ x`
#[inline(always)]
fn pixel_side<T: Lanes, S: Simd>(simd: S, x: [T::Vector<S>; 4]) -> [T::Vector<S>; 4] {
    [
        T::minus(simd, x[0], x[2]),
        T::plus(simd, x[1], x[2]),
        T::minus(simd, x[2], x[1]),
        T::minus(simd, x[1], x[3]),
    ]
}

/// `Aᵀ x`
#[inline(always)]
fn result_side<T: Lanes, S: Simd>(simd: S, x: [T::Vector<S>; 4]) -> [T::Vector<S>; 2] {
    let sum = T::plus(simd, T::plus(simd, x[0], x[1]), x[2]);
    [sum, T::minus(simd, T::minus(simd, x[1], x[2]), x[3])]
}

/// The transform of filters.
struct Filters<'a, T> {
    packed: &'a Packed<T>,
    run: usize,
    numbers: &'a mut [T],
}

impl<T: Lanes> WithSimd for Filters<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = self.run / T::lanes::<S>();
        let zero = T::splat(simd, T::zero());
        for (from, to) in self.packed.blocks().zip(self.numbers.chunks_exact_mut(PLACES * self.run)) {
            let (from, to) = (T::vectors::<S>(from), T::vectors_mut::<S>(to));
            for at in 0..vectors {
                let mut columns = [[zero; 4]; 3];
                for v in 0..3 {
                    let column =
                        [from[v * vectors + at], from[(3 + v) * vectors + at], from[(6 + v) * vectors + at]];
                    columns[v] = filter_side::<T, S>(simd, column);
                }
                for i in 0..4 {
                    let row = filter_side::<T, S>(simd, [columns[0][i], columns[1][i], columns[2][i]]);
                    for j in 0..4 {
                        to[(4 * i + j) * vectors + at] = row[j];
                    }
                }
            }
        }
    }
}

/// Where the tiles of an image are kept between the transforms.
pub(super) struct Room<T> {
    /// `(places, tiles, inputs)`, inputs as whole vectors.
    pixels: Vec<T>,
    /// `(places, tiles, outputs)`, outputs as whole blocks.
    sums: Vec<T>,
}

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self { pixels: Vec::new(), sums: Vec::new() }
    }
}

/// One bordered image, of [`reach`] pixels, and the filters of its task.
pub(super) struct Tiles<'a, T: Lanes> {
    /// `(height, width, inputs)`
    pub(super) buffer: &'a [T],
    pub(super) inputs: usize,
    pub(super) filters: &'a Transformed<T>,
    pub(super) outputs: usize,
    /// Of the result, in pixels.
    pub(super) size: (usize, usize),
    pub(super) room: &'a mut Room<T>,
    /// `(height, width, outputs)`; all of it is written.
    pub(super) out: &'a mut [MaybeUninit<T>],
}

impl<T: Lanes> Tiles<'_, T> {
    /// `Bᵀ d B` of the tile at `(y, x)`, as tile `k` of those that are multiplied together.
    #[inline(always)]
    fn before<S: Simd>(&mut self, simd: S, (y, x): (usize, usize), k: usize, wide: usize) {
        let (inputs, lanes, width) = (self.inputs, T::lanes::<S>(), reach(self.size).1);
        let mut rows = [&[][..]; 4];
        for i in 0..4 {
            rows[i] = &self.buffer[((y + i) * width + x) * inputs..][..4 * inputs];
        }
        let mut channel = 0;
        while channel < inputs {
            let count = lanes.min(inputs - channel);
            let mut columns = [[T::splat(simd, T::zero()); 4]; 4];
            for j in 0..4 {
                let mut column = columns[j];
                for i in 0..4 {
                    column[i] = T::first(simd, &rows[i][j * inputs + channel..][..count]);
                }
                columns[j] = pixel_side::<T, S>(simd, column);
            }
            for i in 0..4 {
                let row = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                let row = pixel_side::<T, S>(simd, row);
                for j in 0..4 {
                    let at = ((4 * i + j) * TILES + k) * wide + channel;
                    T::vectors_mut::<S>(&mut self.room.pixels[at..at + lanes])[0] = row[j];
                }
            }
            channel += lanes;
        }
    }

    /// M tiles from `first` on times a block of filters, at one place.
    #[inline(always)]
    fn product<S: Simd, const M: usize>(
        &mut self,
        simd: S,
        from: usize,
        wide: usize,
        to: usize,
        block: &[T],
    ) {
        let (inputs, outputs) = (self.inputs, self.filters.outputs());
        let filters = T::vectors::<S>(block).as_chunks::<VECTORS>().0;
        assert_eq!(filters.len(), inputs);
        let mut pixels = [&[][..]; M];
        for m in 0..M {
            pixels[m] = &self.room.pixels[from + m * wide..][..inputs];
        }
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; M];
        for r in 0..inputs {
            let filter = filters[r];
            for m in 0..M {
                let pixel = T::splat(simd, pixels[m][r]);
                for v in 0..VECTORS {
                    sums[m][v] = T::mul_add(simd, pixel, filter[v], sums[m][v]);
                }
            }
        }
        for m in 0..M {
            let slot = &mut self.room.sums[to + m * outputs..][..VECTORS * T::lanes::<S>()];
            T::vectors_mut::<S>(slot)[..VECTORS].copy_from_slice(&sums[m]);
        }
    }

    /// `Aᵀ m A` of tile `k`, whose results begin at `(y, x)`.
    #[inline(always)]
    fn after<S: Simd>(&mut self, simd: S, (y, x): (usize, usize), k: usize) {
        let (outputs, all, lanes) = (self.outputs, self.filters.outputs(), T::lanes::<S>());
        let mut channel = 0;
        while channel < outputs {
            let zero = T::splat(simd, T::zero());
            let mut columns = [[zero; 2]; 4];
            for j in 0..4 {
                let mut column = [zero; 4];
                for i in 0..4 {
                    let at = ((4 * i + j) * TILES + k) * all + channel;
                    column[i] = T::vectors::<S>(&self.room.sums[at..at + lanes])[0];
                }
                columns[j] = result_side::<T, S>(simd, column);
            }
            let count = lanes.min(outputs - channel);
            for i in 0..2.min(self.size.0 - y) {
                let row = [columns[0][i], columns[1][i], columns[2][i], columns[3][i]];
                let row = result_side::<T, S>(simd, row);
                for j in 0..2.min(self.size.1 - x) {
                    let at = ((y + i) * self.size.1 + x + j) * outputs + channel;
                    let out = &mut self.out[at..at + count];
                    for (out, &number) in out.iter_mut().zip(T::numbers::<S>(&row[j..j + 1])) {
                        out.write(number);
                    }
                }
            }
            channel += lanes;
        }
    }
}

impl<T: Lanes> WithSimd for Tiles<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let filters = self.filters;
        let (wide, outputs) = (self.inputs.next_multiple_of(T::lanes::<S>()), filters.outputs());
        // Nothing is read before it is written.
        self.room.pixels.resize(PLACES * TILES * wide, T::zero());
        self.room.sums.resize(PLACES * TILES * outputs, T::zero());
        let (down, across) = tiles(self.size);
        let count = down * across;
        // As even as can be.
        let step = count.div_ceil(count.div_ceil(TILES).max(1)).max(1);
        for first in (0..count).step_by(step) {
            let together = step.min(count - first);
            let at = |k: usize| (2 * ((first + k) / across), 2 * ((first + k) % across));
            for k in 0..together {
                self.before(simd, at(k), k, wide);
            }
            for (number, block) in filters.blocks().enumerate() {
                for (place, block) in block.chunks_exact(filters.run).enumerate() {
                    let mut k = 0;
                    while k < together {
                        let left = together - k;
                        let rows = left.div_ceil(left.div_ceil(ROWS));
                        let from = (place * TILES + k) * wide;
                        let to = (place * TILES + k) * outputs + number * filters.block;
                        match rows {
                            1 => self.product::<S, 1>(simd, from, wide, to, block),
                            2 => self.product::<S, 2>(simd, from, wide, to, block),
                            3 => self.product::<S, 3>(simd, from, wide, to, block),
                            4 => self.product::<S, 4>(simd, from, wide, to, block),
                            5 => self.product::<S, 5>(simd, from, wide, to, block),
                            _ => self.product::<S, ROWS>(simd, from, wide, to, block),
                        }
                        k += rows.min(ROWS);
                    }
                }
            }
            for k in 0..together {
                self.after(simd, at(k), k);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pays;

    /// Where it pays and where it does not: channels, pixels, examples.
    #[test]
    fn few_channels_small_images_and_few_examples_do_not_pay() {
        for (examples, channels, size, expected) in [
            (25, (32, 32), (14, 14), true),
            (25, (32, 32), (7, 7), true),
            (25, (64, 64), (14, 14), true),
            // One pixel of a side is for nothing in a quarter, or more, of the tiles.
            (25, (32, 32), (1, 1), false),
            // Transforms cost as much as the products that they save.
            (25, (1, 32), (28, 28), false),
            (25, (3, 32), (84, 84), false),
        ] {
            assert_eq!(pays(examples, channels, size, 16), expected, "{examples} {channels:?} {size:?}");
        }
    }
}
