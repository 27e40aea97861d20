//! Products with the transpose of a long matrix, `a @ bᵀ`: filter parameters of tasks times a
//! symmetry matrix. The long matrix is read once, a few of its rows at a time.
#![allow(
    clippy::needless_range_loop,
    reason = "loops over registers, by number, as the compiler unrolls them"
)]

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::cpu::Product;
use crate::caches::{PIECES, Rows, Writer, fetch, is_large};
use crate::lanes::{Lanes, MOST, Turn};

/// The vectors of a panel.
const VECTORS: usize = 2;

/// The rows of the result that are computed at once: with two vectors each, their sums and what
/// they need fill sixteen registers.
const ROWS: usize = 6;

/// The numbers from which a matrix is long.
const LONG: usize = 1 << 18;

/// The most rows and the largest inner size of a product with it.
const NARROW: usize = 512;

/// The bytes of the long matrix that are on their way into the caches.
const AHEAD: usize = 16 << 10;

/// The rows of the result from which computing them takes so long that memory must be asked early.
const MANY: usize = 8;

/// The panels whose results are kept together, to be copied in long pieces.
const TOGETHER: usize = 16;

impl Product {
    /// Whether the right operand is the transpose of a long matrix with short rows.
    pub(super) fn is_long(&self) -> bool {
        self.b.0 == 1 && 1 < self.k && self.k.max(self.m) <= NARROW && self.n * self.k >= LONG
    }

    /// Writes the columns from `first` on, row by row, of such a product; `a` is [`grouped`].
    pub(super) fn columns<T: Lanes>(&self, a: &[T], b: &[T], first: usize, out: Vec<&mut [MaybeUninit<T>]>) {
        let is_large = is_large::<T>(self.m * self.n);
        let b = &b[first * self.b.1..];
        Arch::new().dispatch(Panels { a, k: self.k, b, stride: self.b.1, is_large, out });
    }

    /// The left operand of such a product, as [`Panels`] want it.
    pub(super) fn grouped<T: Lanes>(&self, a: &[T]) -> Vec<T> {
        grouped(self.m, self.k, |i, c| a[i * self.a.0 + c * self.a.1])
    }
}

/// The rows of a result of `rows` rows in groups: the first of each, and how many. As even as can
/// be: seven rows are four and three.
fn groups(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = rows - first;
        let count = left.div_ceil(left.div_ceil(ROWS).max(1));
        first += count;
        (count > 0).then_some((first - count, count))
    })
}

/// The left operand as the loops read it: in each group of rows column after column.
pub(super) fn grouped<T: Copy>(rows: usize, k: usize, a: impl Fn(usize, usize) -> T) -> Vec<T> {
    let mut grouped = Vec::with_capacity(rows * k);
    for (first, count) in groups(rows) {
        grouped
            .extend((0..k).flat_map(|c| (first..first + count).map(move |i| (i, c))).map(|(i, c)| a(i, c)));
    }
    grouped
}

/// Some columns of `a @ bᵀ`.
pub(super) struct Panels<'a, T: Lanes> {
    /// `(m, k)`, [`grouped`].
    pub(super) a: &'a [T],
    /// The inner size, at least one.
    pub(super) k: usize,
    /// Rows of `k` numbers; the first is the one of the first column.
    pub(super) b: &'a [T],
    /// From one row of `b` to the next.
    pub(super) stride: usize,
    /// Whether to write past the caches.
    pub(super) is_large: bool,
    /// The columns in each row of the result; all of it is written.
    pub(super) out: Vec<&'a mut [MaybeUninit<T>]>,
}

impl<T: Lanes> Panels<'_, T> {
    /// Writes columns `first..first + count`, row by row of `b`, into the panel, as rows of
    /// vectors; zeros where there are no columns.
    #[inline(always)]
    fn pack<S: Simd>(&self, simd: S, turn: Turn<T, S>, first: usize, count: usize, panel: &mut [T]) {
        let (k, lanes, width) = (self.k, T::lanes::<S>(), VECTORS * T::lanes::<S>());
        let row = |j: usize| &self.b[(first + j) * self.stride..][..k];
        let mut done = 0;
        if count == width {
            done = k - k % lanes;
            for (v, c) in (0..VECTORS).flat_map(|v| (0..done).step_by(lanes).map(move |c| (v, c))) {
                let mut block = [T::splat(simd, T::zero()); MOST];
                for j in 0..lanes {
                    block[j] = T::vectors::<S>(&row(v * lanes + j)[c..c + lanes])[0];
                }
                turn.turn(&mut block);
                for i in 0..lanes {
                    T::vectors_mut::<S>(&mut panel[(c + i) * width + v * lanes..][..lanes])[0] = block[i];
                }
            }
        }
        for c in done..k {
            for (j, x) in panel[c * width..][..width].iter_mut().enumerate() {
                *x = if j < count { row(j)[c] } else { T::zero() };
            }
        }
    }

    /// Begins to bring rows of `b` into the caches.
    #[inline(always)]
    fn fetch(&self, rows: Range<usize>) {
        for j in rows {
            if let Some(row) = self.b.get(j * self.stride..j * self.stride + self.k) {
                fetch(row);
            }
        }
    }

    /// M rows of the result, from `i` on, in the columns of a panel: two vectors of each row of
    /// `results`.
    #[inline(always)]
    fn tile<S: Simd, const M: usize>(
        &self,
        simd: S,
        i: usize,
        panel: &[T],
        results: &mut [T],
        stride: usize,
    ) {
        let factors = self.a[i * self.k..][..M * self.k].as_chunks::<M>().0;
        let panel = T::vectors::<S>(panel).as_chunks::<VECTORS>().0;
        let mut sums = [[T::splat(simd, T::zero()); VECTORS]; M];
        for (columns, factors) in panel.iter().zip(factors) {
            for m in 0..M {
                let factor = T::splat(simd, factors[m]);
                for v in 0..VECTORS {
                    sums[m][v] = T::mul_add(simd, factor, columns[v], sums[m][v]);
                }
            }
        }
        for m in 0..M {
            let row = &mut results[(i + m) * stride..][..VECTORS * T::lanes::<S>()];
            T::vectors_mut::<S>(row).copy_from_slice(&sums[m]);
        }
    }
}

impl<T: Lanes> WithSimd for Panels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = VECTORS * T::lanes::<S>();
        let rows = self.out.len();
        let n = self.out.first().map_or(0, |row| row.len());
        let turn = Turn::<T, S>::new(simd);
        let writer = Writer::new(self.is_large);
        let mut panel = vec![T::zero(); self.k * width];
        // A row more than a power of two, so that the rows do not compete for places in a cache.
        let stride = (TOGETHER + 1) * width;
        // While the results of some panels are computed, those of the panels before are copied.
        let mut results = vec![T::zero(); rows * stride];
        let mut before = vec![T::zero(); rows * stride];
        let ahead = (AHEAD / (width * self.k * size_of::<T>())).max(1) * width;
        let mut written = 0..0;
        for start in (0..n).step_by(TOGETHER * width) {
            let end = n.min(start + TOGETHER * width);
            let panels = (end - start).div_ceil(width);
            let waiting = Rows { values: &before, stride, columns: written };
            for (number, first) in (start..end).step_by(width).enumerate() {
                self.pack(simd, turn, first, width.min(end - first), &mut panel);
                let results = &mut results[first - start..];
                for (i, group) in groups(rows) {
                    // With each group of rows, a share of what a later panel is made of, and of
                    // what is to be copied. A single row is done before memory can be asked for
                    // more.
                    let next = |i: usize| first + ahead + i * width / rows;
                    if rows >= MANY {
                        self.fetch(next(i)..next(i + group));
                    }
                    let piece = |i: usize| (number * rows + i) * PIECES / panels;
                    writer.copy_pieces(simd, &mut self.out, &waiting, piece(i)..piece(i + group));
                    match group {
                        1 => self.tile::<S, 1>(simd, i, &panel, results, stride),
                        2 => self.tile::<S, 2>(simd, i, &panel, results, stride),
                        3 => self.tile::<S, 3>(simd, i, &panel, results, stride),
                        4 => self.tile::<S, 4>(simd, i, &panel, results, stride),
                        5 => self.tile::<S, 5>(simd, i, &panel, results, stride),
                        _ => self.tile::<S, ROWS>(simd, i, &panel, results, stride),
                    }
                }
            }
            std::mem::swap(&mut results, &mut before);
            written = start..end;
        }
        let waiting = Rows { values: &before, stride, columns: written };
        writer.copy_pieces(simd, &mut self.out, &waiting, 0..rows * PIECES);
    }
}
