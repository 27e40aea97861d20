//! Long rows against few columns: dot products, some rows at a time.
#![allow(
    clippy::needless_range_loop,
    reason = "loops over registers, by number, as the compiler unrolls them"
)]

use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};

use super::cpu::Product;
use crate::lanes::{Lanes, MOST};

/// The longest sum that is added in one vector.
pub(super) const INNER: usize = 1024;

/// The most columns.
pub(super) const COLUMNS: usize = 8;

/// The rows that are read at once.
const ROWS: usize = 2;

impl Product {
    /// Whether this is a product of contiguous long rows and few columns.
    pub(super) fn has_long_rows(&self) -> bool {
        self.n <= COLUMNS && self.m >= 16 && self.a.1 == 1 && self.k >= 256
    }

    /// Writes such a product; `scratch` is for the columns.
    pub(super) fn dots<T: Lanes>(&self, a: &[T], b: &[T], out: &mut [MaybeUninit<T>], scratch: &mut Vec<T>) {
        scratch.resize(self.n * self.k, T::zero());
        for c in 0..self.k {
            for j in 0..self.n {
                scratch[j * self.k + c] = b[c * self.b.0 + j * self.b.1];
            }
        }
        let columns = &scratch[..self.n * self.k];
        Arch::new().dispatch(Dots { k: self.k, a, stride: self.a.0, columns, n: self.n, out });
    }
}

/// What [`Product::dots`] computes.
pub(super) struct Dots<'a, T> {
    /// The length of rows and columns.
    pub(super) k: usize,
    pub(super) a: &'a [T],
    /// From row to row of `a`.
    pub(super) stride: usize,
    /// One after the other.
    pub(super) columns: &'a [T],
    pub(super) n: usize,
    /// Row-major.
    pub(super) out: &'a mut [MaybeUninit<T>],
}

impl<T: Lanes> Dots<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let (a, k) = (self.a, self.k);
        for (i, out) in self.out.chunks_mut(ROWS * N).enumerate() {
            let row = |m: usize| &a[(ROWS * i + m) * self.stride..][..k];
            if out.len() == ROWS * N {
                tile::<T, S, ROWS, N>(simd, std::array::from_fn(row), self.columns, out);
            } else {
                tile::<T, S, 1, N>(simd, std::array::from_fn(row), self.columns, out);
            }
        }
    }
}

/// M rows times all columns.
#[inline(always)]
fn tile<T: Lanes, S: Simd, const M: usize, const N: usize>(
    simd: S,
    rows: [&[T]; M],
    columns: &[T],
    out: &mut [MaybeUninit<T>],
) {
    let (lanes, k) = (T::lanes::<S>(), rows[0].len());
    let mut sums = [[T::splat(simd, T::zero()); N]; M];
    let whole = k - k % lanes;
    for c in (0..whole).step_by(lanes) {
        let rows: [T::Vector<S>; M] = std::array::from_fn(|m| T::vectors::<S>(&rows[m][c..c + lanes])[0]);
        for n in 0..N {
            let column = T::vectors::<S>(&columns[n * k + c..][..lanes])[0];
            for m in 0..M {
                sums[m][n] = T::mul_add(simd, rows[m], column, sums[m][n]);
            }
        }
    }
    if whole < k {
        for n in 0..N {
            let column = T::first(simd, &columns[n * k + whole..][..k - whole]);
            for m in 0..M {
                sums[m][n] = T::mul_add(simd, T::first(simd, &rows[m][whole..]), column, sums[m][n]);
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(sums.as_flattened()) {
        out.write(total::<T, S>(*sum));
    }
}

/// The sum of the numbers of a vector, added in pairs.
#[inline(always)]
fn total<T: Lanes, S: Simd>(vector: T::Vector<S>) -> T {
    let numbers = T::numbers::<S>(std::slice::from_ref(&vector));
    let mut sums = [T::zero(); MOST];
    sums[..numbers.len()].copy_from_slice(numbers);
    let half: [T; MOST / 2] = std::array::from_fn(|i| sums[i] + sums[i + MOST / 2]);
    let quarter: [T; MOST / 4] = std::array::from_fn(|i| half[i] + half[i + MOST / 4]);
    let [a, b, c, d] = quarter;
    (a + c) + (b + d)
}

impl<T: Lanes> WithSimd for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.n {
            1 => self.run::<S, 1>(simd),
            2 => self.run::<S, 2>(simd),
            3 => self.run::<S, 3>(simd),
            4 => self.run::<S, 4>(simd),
            5 => self.run::<S, 5>(simd),
            6 => self.run::<S, 6>(simd),
            7 => self.run::<S, 7>(simd),
            _ => self.run::<S, COLUMNS>(simd),
        }
    }
}
