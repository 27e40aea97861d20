//! Sums of products of rows that are long, few, and come piece by piece: `Σ A Bᵀ` over pieces.
//!
//! A general matrix product reorders its operands first, which costs as much as the product when
//! there are only some ten rows. Here rows are read where they are. The partial sums of an entry
//! stay a vector from piece to piece, a *slot*, and are added up once at the end.

use std::ops::Range;

use candle_core::WithDType;
use pulp::{Simd, WithSimd};

/// Rows of A and of B that are multiplied at once: their partial sums stay in registers.
const ROWS: usize = 4;
const COLUMNS: usize = 3;
/// The numbers of the largest slot.
const LARGEST_SLOT: usize = 16;
/// The products of an entry that are added one after the other in a register, before they go into
/// the entry's slot.
const PIECE: usize = 128;
/// The additions that a slot takes at most before it is emptied.
const PIECES: usize = 32;

/// Numbers whose rows can be multiplied in vectors.
pub(super) trait Products: WithDType {
    /// The numbers of a slot: as many as fit the widest vectors.
    const SLOT: usize;

    /// The entries of rows that go into one addition to a slot: [`PIECE`] vectors of this
    /// processor.
    fn step() -> usize;

    /// The entries of rows after which a slot is to be emptied: those of [`PIECES`] additions.
    fn span() -> usize {
        Self::step() * PIECES
    }

    /// Adds `a bᵀ` to `slots (rows of a, rows of b, SLOT)`, of the entries in `range` of the rows
    /// of `a` and `b`, which have `length` entries. Of a `symmetric` product, where `a` is `b`,
    /// only the lower triangle is guaranteed to be added to.
    fn add_products(
        a: &[Self],
        b: &[Self],
        length: usize,
        range: Range<usize>,
        symmetric: bool,
        slots: &mut [Self],
    );

    /// Adds the squares of all entries of `a` to one slot.
    fn add_squares(a: &[Self], slot: &mut [Self]);

    /// The sum of each slot.
    fn totals(slots: &[Self]) -> impl Iterator<Item = Self> {
        slots.chunks_exact(Self::SLOT).map(|slot| {
            // Halves onto each other, which the compiler can do in vectors.
            let mut sums = [Self::zero(); LARGEST_SLOT];
            sums[..Self::SLOT].copy_from_slice(slot);
            let mut left = Self::SLOT;
            while left > 1 {
                left /= 2;
                for i in 0..left {
                    let other = sums[i + left];
                    sums[i] += other;
                }
            }
            sums[0]
        })
    }
}

macro_rules! products {
    ($t:ty, $slot:literal, $lanes:ident, $as_simd:ident, $as_mut_simd:ident, $vectors:ident, $splat:ident, $partial:ident, $mul_add:ident, $add:ident) => {
        impl Products for $t {
            const SLOT: usize = $slot;

            fn step() -> usize {
                struct Lanes;
                impl WithSimd for Lanes {
                    type Output = usize;

                    #[inline(always)]
                    fn with_simd<S: Simd>(self, _: S) -> usize {
                        S::$lanes
                    }
                }
                pulp::Arch::new().dispatch(Lanes) * PIECE
            }

            fn add_products(
                a: &[Self],
                b: &[Self],
                length: usize,
                range: Range<usize>,
                symmetric: bool,
                slots: &mut [Self],
            ) {
                struct Call<'a> {
                    a: &'a [$t],
                    b: &'a [$t],
                    length: usize,
                    range: Range<usize>,
                    symmetric: bool,
                    slots: &'a mut [$t],
                }

                impl Call<'_> {
                    /// Rows `i .. i + M` of A times rows `j .. j + N` of B. Loops rather than
                    /// closures, which would be compiled without vectors.
                    #[inline(always)]
                    fn block<S: Simd, const M: usize, const N: usize>(
                        &mut self,
                        simd: S,
                        i: usize,
                        j: usize,
                    ) {
                        const { assert!(S::$lanes <= $slot, "a vector is wider than a slot") };
                        let (length, range) = (self.length, self.range.clone());
                        let columns = self.b.len() / length;
                        let mut left = [(&[][..], &[][..]); M];
                        let mut right = [(&[][..], &[][..]); N];
                        for r in 0..M {
                            left[r] = S::$as_simd(&self.a[(i + r) * length..][range.clone()]);
                        }
                        for c in 0..N {
                            right[c] = S::$as_simd(&self.b[(j + c) * length..][range.clone()]);
                        }
                        let mut columns_now = [simd.$splat(0.0); N];
                        let (whole, has_rest) = (left[0].0.len(), !left[0].1.is_empty());
                        let mut at = 0;
                        while at < whole || (at == 0 && has_rest) {
                            let mut sums = [[simd.$splat(0.0); N]; M];
                            let end = whole.min(at + PIECE);
                            for at in at..end {
                                for c in 0..N {
                                    columns_now[c] = right[c].0[at];
                                }
                                for r in 0..M {
                                    let row = left[r].0[at];
                                    for c in 0..N {
                                        sums[r][c] = simd.$mul_add(row, columns_now[c], sums[r][c]);
                                    }
                                }
                            }
                            at = end.max(1);
                            if end == whole && has_rest {
                                for c in 0..N {
                                    columns_now[c] = simd.$partial(right[c].1);
                                }
                                for r in 0..M {
                                    let row = simd.$partial(left[r].1);
                                    for c in 0..N {
                                        sums[r][c] = simd.$mul_add(row, columns_now[c], sums[r][c]);
                                    }
                                }
                            }
                            for r in 0..M {
                                for c in 0..N {
                                    let entry = (i + r) * columns + j + c;
                                    let slot = &mut self.slots[entry * $slot..][..$slot];
                                    if let Some(slot) = S::$as_mut_simd(slot).0.first_mut() {
                                        *slot = simd.$add(*slot, sums[r][c]);
                                    }
                                }
                            }
                        }
                    }

                    #[inline(always)]
                    fn rows<S: Simd, const M: usize>(&mut self, simd: S, i: usize, columns: usize) {
                        for j in (0..columns).step_by(COLUMNS) {
                            match columns - j {
                                1 => self.block::<S, M, 1>(simd, i, j),
                                2 => self.block::<S, M, 2>(simd, i, j),
                                _ => self.block::<S, M, COLUMNS>(simd, i, j),
                            }
                        }
                    }
                }

                impl WithSimd for Call<'_> {
                    type Output = ();

                    #[inline(always)]
                    fn with_simd<S: Simd>(mut self, simd: S) {
                        let (rows, columns) = (self.a.len() / self.length, self.b.len() / self.length);
                        // Square blocks waste the least of a triangle.
                        let step = if self.symmetric { COLUMNS } else { ROWS };
                        for i in (0..rows).step_by(step) {
                            let height = step.min(rows - i);
                            let columns = if self.symmetric { i + height } else { columns };
                            match height {
                                1 => self.rows::<S, 1>(simd, i, columns),
                                2 => self.rows::<S, 2>(simd, i, columns),
                                3 => self.rows::<S, 3>(simd, i, columns),
                                _ => self.rows::<S, ROWS>(simd, i, columns),
                            }
                        }
                    }
                }
                if !range.is_empty() {
                    pulp::Arch::new().dispatch(Call { a, b, length, range, symmetric, slots });
                }
            }

            fn add_squares(a: &[Self], slot: &mut [Self]) {
                struct Call<'a> {
                    a: &'a [$t],
                    slot: &'a mut [$t],
                }

                impl WithSimd for Call<'_> {
                    type Output = ();

                    #[inline(always)]
                    fn with_simd<S: Simd>(self, simd: S) {
                        const { assert!(S::$lanes <= $slot, "a vector is wider than a slot") };
                        let Some(slot) = S::$as_mut_simd(self.slot).0.first_mut() else { return };
                        let (whole, rest) = S::$as_simd(self.a);
                        let mut last = [simd.$splat(0.0); ROWS];
                        last[0] = simd.$partial(rest);
                        for piece in whole.chunks(ROWS * PIECE).chain([&last[..1]]) {
                            let mut sums = [simd.$splat(0.0); ROWS];
                            let fours = piece.chunks_exact(ROWS);
                            let rest = fours.remainder();
                            for four in fours {
                                for (sum, &x) in sums.iter_mut().zip(four) {
                                    *sum = simd.$mul_add(x, x, *sum);
                                }
                            }
                            for (sum, &x) in sums.iter_mut().zip(rest) {
                                *sum = simd.$mul_add(x, x, *sum);
                            }
                            for sum in sums {
                                *slot = simd.$add(*slot, sum);
                            }
                        }
                    }
                }
                pulp::Arch::new().dispatch(Call { a, slot });
            }
        }
    };
}
products!(
    f32,
    16,
    F32_LANES,
    as_simd_f32s,
    as_mut_simd_f32s,
    f32s,
    splat_f32s,
    partial_load_f32s,
    mul_add_e_f32s,
    add_f32s
);
products!(
    f64,
    8,
    F64_LANES,
    as_simd_f64s,
    as_mut_simd_f64s,
    f64s,
    splat_f64s,
    partial_load_f64s,
    mul_add_e_f64s,
    add_f64s
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, whose sums are exact.
    fn check<T: Products>() {
        for (rows, columns, length) in
            [(1, 1, 1), (4, 3, 16), (5, 4, 33), (24, 9, 900), (3, 7, 31), (10, 10, 17), (2, 5, 127)]
        {
            let numbers = |count: usize, step: usize| -> Vec<T> {
                (0..count).map(|i| T::from_f64((i * step % 17) as f64 - 8.0)).collect()
            };
            let (a, b) = (numbers(rows * length, 7), numbers(columns * length, 5));
            let row = |of: &[T], i: usize| -> Vec<f64> {
                of[i * length..][..length].iter().map(|x| x.to_f64()).collect()
            };
            let dot = |x: Vec<f64>, y: Vec<f64>| -> f64 { x.iter().zip(&y).map(|(x, y)| x * y).sum() };
            let same = |found: T, expected: f64| {
                assert_eq!(found.to_f64(), expected, "{rows} × {columns} × {length}");
            };
            // Twice: sums go on from what is there.
            let mut slots = vec![T::zero(); rows * columns * T::SLOT];
            (0..2).for_each(|_| T::add_products(&a, &b, length, 0..length, false, &mut slots));
            for (at, found) in T::totals(&slots).enumerate() {
                same(found, 2.0 * dot(row(&a, at / columns), row(&b, at % columns)));
            }
            let mut slots = vec![T::zero(); rows * rows * T::SLOT];
            let half = length / 2;
            T::add_products(&a, &a, length, 0..half, true, &mut slots);
            T::add_products(&a, &a, length, half..length, true, &mut slots);
            for (at, found) in T::totals(&slots).enumerate() {
                if at % rows <= at / rows {
                    same(found, dot(row(&a, at / rows), row(&a, at % rows)));
                }
            }
            let mut slot = vec![T::zero(); T::SLOT];
            T::add_squares(&a, &mut slot);
            let all: Vec<f64> = a.iter().map(|x| x.to_f64()).collect();
            same(T::totals(&slot).fold(T::zero(), |sum, x| sum + x), dot(all.clone(), all));
        }
    }

    #[test]
    fn products_are_sums_of_products() {
        check::<f32>();
        check::<f64>();
    }
}
