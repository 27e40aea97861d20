//! Products of vectors.

use std::mem::MaybeUninit;

use crate::lanes::Lanes;

/// `out[i, j] = a[i · sa] b[j · sb]`, `n` columns.
#[inline(always)]
pub(super) fn outer<T: Lanes>(a: &[T], sa: usize, b: &[T], sb: usize, n: usize, out: &mut [MaybeUninit<T>]) {
    for (i, row) in out.chunks_exact_mut(n).enumerate() {
        let factor = a[i * sa];
        if sb == 1 {
            for (out, &x) in row.iter_mut().zip(&b[..n]) {
                out.write(factor * x);
            }
        } else {
            for (j, out) in row.iter_mut().enumerate() {
                out.write(factor * b[j * sb]);
            }
        }
    }
}

/// `Σ a[i] b[i]` in many partial sums, which the compiler can keep in vectors.
#[inline(always)]
pub(super) fn dot<T: Lanes>(a: &[T], b: &[T]) -> T {
    const LANES: usize = 64;
    let mut lanes = [T::zero(); LANES];
    let (chunks_a, rest_a) = a.as_chunks::<LANES>();
    let (chunks_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in chunks_a.iter().zip(chunks_b) {
        for i in 0..LANES {
            lanes[i] += a[i] * b[i];
        }
    }
    // Fixed sizes all the way down: an index that is not constant would force the lanes into
    // memory.
    let half: [T; LANES / 2] = std::array::from_fn(|i| lanes[i] + lanes[i + LANES / 2]);
    let quarter: [T; LANES / 4] = std::array::from_fn(|i| half[i] + half[i + LANES / 4]);
    let eighth: [T; LANES / 8] = std::array::from_fn(|i| quarter[i] + quarter[i + LANES / 8]);
    let mut sum = T::zero();
    for x in eighth {
        sum += x;
    }
    for (&a, &b) in rest_a.iter().zip(rest_b) {
        sum += a * b;
    }
    sum
}
