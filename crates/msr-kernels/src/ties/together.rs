//! Elements by index, for as many rows at a time as a vector has numbers: what one index asks for
//! is then one vector, of a number from each row.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use crate::caches::{PIECES, Rows, Writer, fetch};
use crate::lanes::{Lanes, MOST, Turn};

/// The elements that are collected before they are copied to where they belong, in long pieces.
pub(super) const TOGETHER: usize = 512;

/// The elements of each row that are on their way into the caches.
const AHEAD: usize = 128;

/// Parameters of rows, each parameter's numbers side by side: `(k, rows)`.
pub(super) fn side_by_side<T: Copy>(x: &[T], k: usize) -> Vec<T> {
    (0..k).flat_map(|p| x.iter().skip(p).step_by(k).copied()).collect()
}

/// Writes the value of its parameter for each of some elements, in as many rows as a vector has
/// numbers.
pub(super) struct Values<'a, T> {
    /// [`side_by_side`].
    pub(super) x: &'a [T],
    /// The parameters of the elements.
    pub(super) parameters: &'a [u32],
    /// Whether to write past the caches.
    pub(super) is_large: bool,
    /// The elements of each row; all of it is written.
    pub(super) out: Vec<&'a mut [MaybeUninit<T>]>,
}

impl<T: Lanes> Values<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const L: usize>(mut self, simd: S) {
        assert_eq!(self.out.len(), L);
        let turn = Turn::<T, S>::new(simd);
        let writer = Writer::new(self.is_large);
        let values = T::vectors::<S>(self.x);
        // A vector more than a power of two, so that the rows do not compete for places in a cache.
        let stride = TOGETHER + MOST;
        // While some elements are collected, those before are copied.
        let (mut rows, mut before) = (vec![T::zero(); L * stride], vec![T::zero(); L * stride]);
        let mut written = 0..0;
        for (number, parameters) in self.parameters.chunks(TOGETHER).enumerate() {
            let chunks = parameters.len().div_ceil(L);
            let waiting = Rows { values: &before, stride, columns: written };
            for (chunk, parameters) in parameters.chunks(L).enumerate() {
                let mut block = [T::splat(simd, T::zero()); MOST];
                match <&[u32; L]>::try_from(parameters) {
                    Ok(parameters) => (0..L).for_each(|i| block[i] = values[parameters[i] as usize]),
                    Err(_) => block.iter_mut().zip(parameters).for_each(|(x, &p)| *x = values[p as usize]),
                }
                turn.turn(&mut block);
                let places = rows[chunk * L..].chunks_mut(stride);
                for (place, row) in places.zip(block) {
                    T::vectors_mut::<S>(&mut place[..L])[0] = row;
                }
                let share = |chunk: usize| chunk * L * PIECES / chunks;
                writer.copy_pieces(simd, &mut self.out, &waiting, share(chunk)..share(chunk + 1));
            }
            std::mem::swap(&mut rows, &mut before);
            written = number * TOGETHER..number * TOGETHER + parameters.len();
        }
        let waiting = Rows { values: &before, stride, columns: written };
        writer.copy_pieces(simd, &mut self.out, &waiting, 0..L * PIECES);
    }
}

/// Adds the elements of as many rows as a vector has numbers to the sums of their parameters.
pub(super) struct Sums<'a, T> {
    /// Of these elements of rows that are `stride` apart.
    pub(super) x: &'a [T],
    pub(super) stride: usize,
    /// The parameters of the elements.
    pub(super) parameters: &'a [u32],
    /// `(k, rows)`
    pub(super) sums: &'a mut [f64],
}

impl<T: Lanes> Sums<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const L: usize>(self, simd: S) {
        let turn = Turn::<T, S>::new(simd);
        let sums = self.sums.as_chunks_mut::<L>().0;
        for (start, parameters) in self.parameters.chunks(L).enumerate() {
            let mut block = [T::splat(simd, T::zero()); MOST];
            for (i, row) in block.iter_mut().enumerate().take(L) {
                if let Some(later) = self.x.get(i * self.stride + start * L + AHEAD..) {
                    fetch(&later[..later.len().min(1)]);
                }
                let elements = &self.x[i * self.stride + start * L..][..parameters.len()];
                match T::vectors::<S>(elements).first() {
                    Some(&whole) => *row = whole,
                    None => {
                        let mut numbers = [T::zero(); MOST];
                        numbers[..elements.len()].copy_from_slice(elements);
                        *row = T::vectors::<S>(&numbers)[0];
                    }
                }
            }
            turn.turn(&mut block);
            let numbers = T::numbers::<S>(&block).as_chunks::<L>().0;
            for (numbers, &p) in numbers.iter().zip(parameters) {
                let sums = &mut sums[p as usize];
                let wide: [f64; L] = std::array::from_fn(|i| numbers[i].to_f64());
                sums.iter_mut().zip(wide).for_each(|(sum, x)| *sum += x);
            }
        }
    }
}

macro_rules! with_lanes {
    ($name:ident) => {
        impl<T: Lanes> WithSimd for $name<'_, T> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                match T::lanes::<S>() {
                    16 => self.run::<S, 16>(simd),
                    8 => self.run::<S, 8>(simd),
                    4 => self.run::<S, 4>(simd),
                    2 => self.run::<S, 2>(simd),
                    _ => self.run::<S, 1>(simd),
                }
            }
        }
    };
}
with_lanes!(Values);
with_lanes!(Sums);
