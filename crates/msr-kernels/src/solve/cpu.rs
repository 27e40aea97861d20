//! Cholesky's factorisation in `f64`, matrices spread over threads.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::vectorized::vectorized;

/// Multiply–adds below which another thread is not worth waking.
const SHARE: usize = 1 << 18;

/// Why there is no solution.
enum Failure {
    NotFinite,
    /// The number of the pivot that is not positive.
    Pivot(usize),
}

/// Replaces each right side `(k, r)` by the solution for its matrix `(k, k)`; neither size is zero.
pub(super) fn solve(
    mut matrices: Vec<f64>,
    sides: &mut [f64],
    (k, r): (usize, usize),
    smallest: f64,
) -> Result<()> {
    let solve = |(matrix, side): (&mut [f64], &mut [f64])| -> std::result::Result<(), Failure> {
        if matrix.iter().chain(&*side).any(|x| !x.is_finite()) {
            return Err(Failure::NotFinite);
        }
        vectorized(
            #[inline(always)]
            || factorise(matrix, k, smallest),
        )
        .map_err(Failure::Pivot)?;
        substitute(matrix, side, k, r);
        Ok(())
    };
    // Threads only for work that is worth waking them.
    let batch = matrices.len() / (k * k);
    let least = (SHARE / (k * k * (k / 3 + 2 * r) + 1)).max(1);
    let failed = (matrices.par_chunks_exact_mut(k * k).zip(sides.par_chunks_exact_mut(k * r)))
        .with_min_len(least.min(batch.max(1)))
        .enumerate()
        .filter_map(|(matrix, pair)| Some((matrix, solve(pair).err()?)))
        .min_by_key(|(matrix, _)| *matrix);
    match failed {
        None => Ok(()),
        Some((matrix, Failure::NotFinite)) => Err(Error::NotFinite { matrix, batch }),
        Some((matrix, Failure::Pivot(pivot))) => {
            Err(Error::NotPositiveDefinite { matrix, batch, pivot: pivot + 1, size: k })
        }
    }
}

/// `Σ x y`, in eight partial sums.
#[inline(always)]
fn dot(x: &[f64], y: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (left, right) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    let mut lanes = [0.0; LANES];
    for (x, y) in left.zip(right) {
        lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(lane, (x, y))| *lane += x * y);
    }
    lanes.iter().sum::<f64>() + rest
}

/// Replaces the lower triangle of `a` by L with `A = L Lᵀ`; the number of the pivot that is not
/// positive otherwise.
#[inline(always)]
fn factorise(a: &mut [f64], k: usize, smallest: f64) -> std::result::Result<(), usize> {
    for j in 0..k {
        let (row, below) = a[j * k..].split_at_mut(k);
        let diagonal = row[j];
        let pivot = diagonal - dot(&row[..j], &row[..j]);
        if pivot.is_nan() || pivot <= smallest * diagonal.abs() {
            return Err(j);
        }
        row[j] = pivot.sqrt();
        for other in below.chunks_exact_mut(k) {
            other[j] = (other[j] - dot(&other[..j], &row[..j])) / row[j];
        }
    }
    Ok(())
}

/// Solves `L Lᵀ X = B` in place.
fn substitute(l: &[f64], b: &mut [f64], k: usize, r: usize) {
    for i in 0..k {
        let (done, rest) = b.split_at_mut(i * r);
        for (j, solved) in done.chunks_exact(r).enumerate() {
            rest[..r].iter_mut().zip(solved).for_each(|(x, y)| *x -= l[i * k + j] * y);
        }
        rest[..r].iter_mut().for_each(|x| *x /= l[i * k + i]);
    }
    for i in (0..k).rev() {
        let (rest, done) = b.split_at_mut((i + 1) * r);
        let row = &mut rest[i * r..];
        for (j, solved) in done.chunks_exact(r).enumerate() {
            row.iter_mut().zip(solved).for_each(|(x, y)| *x -= l[(i + 1 + j) * k + i] * y);
        }
        row.iter_mut().for_each(|x| *x /= l[i * k + i]);
    }
}
