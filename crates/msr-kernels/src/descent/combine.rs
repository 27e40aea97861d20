//! Lines of equal length as the rows or the columns of a matrix: its products with vectors, and
//! sums of outer products. Loops for [`vectorized`](crate::vectorized::vectorized) to compile.

use candle_core::WithDType;

/// Lines are filled up with zeros to a multiple of this, so that no loop has a rest.
const UNIT: usize = 16;

/// The numbers that are summed at once where there are so many.
const BLOCK: usize = 4 * UNIT;

/// The length of a line of so many numbers, filled up.
pub(super) fn padded(length: usize) -> usize {
    length.div_ceil(UNIT) * UNIT
}

/// `out ← out + Σ_j factors_j · lines_j`; the width of `out` is [`padded`].
#[inline(always)]
pub(super) fn combine<T: WithDType>(lines: &[T], factors: &[T], out: &mut [T]) {
    let width = out.len();
    let mut first = 0;
    while first + BLOCK <= width {
        combine_block::<T, BLOCK>(lines, factors, width, first, out);
        first += BLOCK;
    }
    match (width - first) / UNIT {
        3 => combine_block::<T, { 3 * UNIT }>(lines, factors, width, first, out),
        2 => combine_block::<T, { 2 * UNIT }>(lines, factors, width, first, out),
        1 => combine_block::<T, UNIT>(lines, factors, width, first, out),
        _ => {}
    }
}

#[inline(always)]
fn combine_block<T: WithDType, const N: usize>(
    lines: &[T],
    factors: &[T],
    width: usize,
    first: usize,
    out: &mut [T],
) {
    let Some(out) = out[first..].first_chunk_mut::<N>() else { return };
    let mut sums = *out;
    for (line, &factor) in lines.chunks_exact(width).zip(factors) {
        if let Some(line) = line[first..].first_chunk::<N>() {
            for i in 0..N {
                sums[i] += factor * line[i];
            }
        }
    }
    *out = sums;
}

/// `out_j ← out_j + ⟨lines_j, x⟩`; the length of `x` is [`padded`].
#[inline(always)]
pub(super) fn dots<T: WithDType>(lines: &[T], x: &[T], out: &mut [T]) {
    let x = x.as_chunks::<UNIT>().0;
    for (line, out) in lines.chunks_exact(x.len() * UNIT).zip(out) {
        let mut sums = [T::zero(); UNIT];
        for (line, x) in line.as_chunks::<UNIT>().0.iter().zip(x) {
            for i in 0..UNIT {
                sums[i] += line[i] * x[i];
            }
        }
        // Fixed sizes all the way down: an index that is not constant would force the sums into
        // memory.
        let half: [T; UNIT / 2] = std::array::from_fn(|i| sums[i] + sums[i + UNIT / 2]);
        let quarter: [T; UNIT / 4] = std::array::from_fn(|i| half[i] + half[i + UNIT / 4]);
        let [a, b, c, d] = quarter;
        *out += (a + c) + (b + d);
    }
}
