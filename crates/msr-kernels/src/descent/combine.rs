//! Sums of multiples of lines, in registers: the products of a small matrix and a vector.

use pulp::{Arch, Simd, WithSimd};

use crate::lanes::Lanes;

/// Lines are filled up with zeros to a multiple of this: of every vector there is.
const UNIT: usize = 16;

/// The vectors of a line that are summed at once.
const VECTORS: usize = 4;

/// The length of a line of so many numbers, filled up.
pub(super) fn padded(length: usize) -> usize {
    length.div_ceil(UNIT) * UNIT
}

/// `out ← out + Σ_j factors_j · lines_j` for lines `(j, width)`, one after the other; the width is
/// [`padded`].
pub(super) struct Combine<'a, T: Lanes> {
    pub(super) lines: &'a [T],
    pub(super) factors: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Lanes> Combine<'_, T> {
    pub(super) fn run(self) {
        Arch::new().dispatch(self);
    }

    #[inline(always)]
    fn block<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        let width = self.out.len() / T::lanes::<S>();
        let lines = T::vectors::<S>(self.lines);
        let out = &mut T::vectors_mut::<S>(self.out)[first..first + V];
        let mut sums: [T::Vector<S>; V] = std::array::from_fn(|v| out[v]);
        for (line, &factor) in lines.chunks_exact(width).zip(self.factors) {
            let factor = T::splat(simd, factor);
            let line = &line[first..first + V];
            for (sum, &x) in sums.iter_mut().zip(line) {
                *sum = T::mul_add(simd, factor, x, *sum);
            }
        }
        out.copy_from_slice(&sums);
    }
}

impl<T: Lanes> WithSimd for Combine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let vectors = self.out.len() / T::lanes::<S>();
        let mut first = 0;
        while first < vectors {
            match vectors - first {
                1 => self.block::<S, 1>(simd, first),
                2 => self.block::<S, 2>(simd, first),
                3 => self.block::<S, 3>(simd, first),
                _ => self.block::<S, VECTORS>(simd, first),
            }
            first += VECTORS;
        }
    }
}
