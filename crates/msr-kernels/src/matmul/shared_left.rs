//! Products of one matrix with many that have few columns: a Kronecker factor times the filters of
//! all output channels and tasks. A general product would waste most of each vector; here vectors
//! run along the rows of the shared matrix.
#![allow(
    clippy::needless_range_loop,
    reason = "loops over registers, by number, as the compiler unrolls them"
)]

use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};

use crate::lanes::Lanes;

/// The fewest and the most columns.
pub(super) const COLUMNS: std::ops::RangeInclusive<usize> = 2..=9;

/// The right operands that stay in a cache while the shared matrix passes by.
const TOGETHER: usize = 16;

/// The vectors along the rows of the shared matrix: with nine columns, the sums of two fill the
/// registers of processors with 32, which are those with vectors of 64 bytes.
const fn vectors<T: Lanes, S: Simd>() -> usize {
    if size_of::<T::Vector<S>>() == 64 { 2 } else { 1 }
}

/// The shared matrix as the loops read it: some rows at a time, column after column, and zeros in
/// place of rows that there are not.
pub(super) struct Packed<T> {
    numbers: Vec<T>,
    /// The rows and columns.
    size: (usize, usize),
}

impl<T: Lanes> Packed<T> {
    /// A matrix with these elements, neither size zero.
    pub(super) fn new(size: (usize, usize), a: impl Fn(usize, usize) -> T) -> Self {
        struct Pack<T, A>((usize, usize), A, std::marker::PhantomData<T>);
        impl<T: Lanes, A: Fn(usize, usize) -> T> WithSimd for Pack<T, A> {
            type Output = Packed<T>;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> Packed<T> {
                Packed::on(simd, self.0, self.1)
            }
        }
        Arch::new().dispatch(Pack(size, a, std::marker::PhantomData))
    }

    /// The same for vectors of this kind.
    #[inline(always)]
    pub(super) fn on<S: Simd>(_: S, (m, k): (usize, usize), a: impl Fn(usize, usize) -> T) -> Self {
        let block = vectors::<T, S>() * T::lanes::<S>();
        let mut numbers = Vec::with_capacity(m.next_multiple_of(block) * k);
        for first in (0..m).step_by(block) {
            for c in 0..k {
                numbers.extend((first..first + block).map(|i| if i < m { a(i, c) } else { T::zero() }));
            }
        }
        Self { numbers, size: (m, k) }
    }

    /// Writes the products with contiguous matrices `(k, n)` that start at these places of `b`, one
    /// after the other; `n` is one of [`COLUMNS`].
    pub(super) fn times(
        &self,
        b: &[T],
        starts: impl ExactSizeIterator<Item = usize> + Clone,
        n: usize,
        out: &mut [MaybeUninit<T>],
    ) {
        assert!(out.len() == starts.len() * self.size.0 * n && COLUMNS.contains(&n));
        Arch::new().dispatch(Products { a: self, b, starts, n, out });
    }
}

/// What [`Packed::times`] computes, for vectors of the kind that it was packed for.
pub(super) struct Products<'a, T: Lanes, I> {
    pub(super) a: &'a Packed<T>,
    pub(super) b: &'a [T],
    pub(super) starts: I,
    pub(super) n: usize,
    pub(super) out: &'a mut [MaybeUninit<T>],
}

impl<T: Lanes, I: ExactSizeIterator<Item = usize> + Clone> Products<'_, T, I> {
    #[inline(always)]
    fn run<S: Simd, const V: usize, const N: usize>(self, simd: S) {
        let (m, k) = self.a.size;
        let block = V * T::lanes::<S>();
        let mut starts = self.starts;
        for out in self.out.chunks_mut(TOGETHER * m * N) {
            let here = starts.clone().take(TOGETHER);
            starts.by_ref().take(TOGETHER).for_each(drop);
            for (number, rows) in self.a.numbers.chunks_exact(block * k).enumerate() {
                let first = number * block;
                let last = m.min(first + block);
                for (out, start) in out.chunks_exact_mut(m * N).zip(here.clone()) {
                    let b = self.b[start..][..k * N].as_chunks::<N>().0;
                    tile::<T, S, V, N>(simd, rows, b, &mut out[first * N..last * N]);
                }
            }
        }
    }

    #[inline(always)]
    fn of_columns<S: Simd, const V: usize>(self, simd: S) {
        match self.n {
            2 => self.run::<S, V, 2>(simd),
            3 => self.run::<S, V, 3>(simd),
            4 => self.run::<S, V, 4>(simd),
            5 => self.run::<S, V, 5>(simd),
            6 => self.run::<S, V, 6>(simd),
            7 => self.run::<S, V, 7>(simd),
            8 => self.run::<S, V, 8>(simd),
            _ => self.run::<S, V, 9>(simd),
        }
    }
}

/// The rows of a block times one matrix; `out` is row-major and may have fewer rows.
#[inline(always)]
fn tile<T: Lanes, S: Simd, const V: usize, const N: usize>(
    simd: S,
    rows: &[T],
    b: &[[T; N]],
    out: &mut [MaybeUninit<T>],
) {
    let mut sums = [[T::splat(simd, T::zero()); V]; N];
    for (rows, factors) in T::vectors::<S>(rows).as_chunks::<V>().0.iter().zip(b) {
        for n in 0..N {
            let factor = T::splat(simd, factors[n]);
            for v in 0..V {
                sums[n][v] = T::mul_add(simd, factor, rows[v], sums[n][v]);
            }
        }
    }
    for n in 0..N {
        let numbers = T::numbers::<S>(&sums[n]);
        for (row, &number) in out.as_chunks_mut::<N>().0.iter_mut().zip(numbers) {
            row[n].write(number);
        }
    }
}

impl<T: Lanes, I: ExactSizeIterator<Item = usize> + Clone> WithSimd for Products<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match vectors::<T, S>() {
            2 => self.of_columns::<S, 2>(simd),
            _ => self.of_columns::<S, 1>(simd),
        }
    }
}
