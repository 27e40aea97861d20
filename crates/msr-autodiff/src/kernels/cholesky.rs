//! Systems with a symmetric positive definite matrix, a batch at a time, by Cholesky's factorisation in `f64`.

use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;

use super::vectorized;

/// A pivot below this fraction of its diagonal entry is rounding error: the matrix is not positive definite.
fn smallest_pivot(dtype: DType) -> f64 {
    let epsilon = match dtype {
        DType::F64 => f64::EPSILON,
        DType::F32 => f64::from(f32::EPSILON),
        DType::BF16 => 2f64.powi(-7),
        _ => 2f64.powi(-10),
    };
    16.0 * epsilon
}

/// `X` with `A X = B` for each matrix of a batch. Only the lower triangles of A count. Computed in `f64`, whatever the dtype, so
/// that rounding stays far below that of A; and on the host, whatever the device. The result has the dtype and the device of B.
///
/// # Shapes
/// `a (…, k, k)`, `b (…, k, r) -> (…, k, r)`, with equal leading dimensions
///
/// # Errors
/// When the shapes do not fit; when a matrix is not positive definite, or not finite, with its place in the batch.
pub fn solve_positive(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (&[ref lead_a @ .., k, k2], &[ref lead_b @ .., kb, r]) = (a.dims(), b.dims()) else {
        candle_core::bail!("solve: {:?} and {:?}: both need two dimensions", a.dims(), b.dims());
    };
    if k != k2 || k != kb || lead_a != lead_b {
        candle_core::bail!("solve: a matrix {:?} does not fit a right side {:?}", a.dims(), b.dims());
    }
    if k * r == 0 {
        return Tensor::zeros(b.dims(), b.dtype(), b.device());
    }
    let numbers = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (mut matrices, mut sides) = (numbers(a)?, numbers(b)?);
    let smallest = smallest_pivot(a.dtype());
    let solve = |(matrix, side): (&mut [f64], &mut [f64])| -> std::result::Result<(), Failure> {
        if matrix.iter().chain(&*side).any(|x| !x.is_finite()) {
            return Err(Failure::NotFinite);
        }
        vectorized(|| factorise(matrix, k, smallest)).map_err(Failure::Pivot)?;
        substitute(matrix, side, k, r);
        Ok(())
    };
    // Threads only for work that is worth waking them.
    let batch = matrices.len() / (k * k);
    let least = (SHARE / (k * k * (k / 3 + 2 * r) + 1)).max(1);
    let failed = (matrices.par_chunks_exact_mut(k * k).zip(sides.par_chunks_exact_mut(k * r)))
        .with_min_len(least.min(batch.max(1)))
        .enumerate()
        .filter_map(|(place, pair)| Some((place, solve(pair).err()?)))
        .min_by_key(|(place, _)| *place);
    match failed {
        None => {}
        Some((place, Failure::NotFinite)) => candle_core::bail!(
            "solve: matrix {place} of {batch}, or its right side, holds NaN or infinite numbers: look for them in the examples, or \
             for parameters that have diverged"
        ),
        Some((place, Failure::Pivot(pivot))) => candle_core::bail!(
            "solve: matrix {place} of {batch} is not positive definite (pivot {} of {k}): the equations do not \
             determine all unknowns; give more examples or a larger ridge",
            pivot + 1
        ),
    }
    Tensor::from_vec(sides, b.dims(), &candle_core::Device::Cpu)?.to_dtype(b.dtype())?.to_device(b.device())
}

/// Multiply–adds below which another thread is not worth waking.
const SHARE: usize = 1 << 18;

/// Why there is no solution.
enum Failure {
    NotFinite,
    /// The number of the pivot that is not positive.
    Pivot(usize),
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

/// Replaces the lower triangle of `a` by L with `A = L Lᵀ`; the number of the pivot that is not positive otherwise.
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use msr_testkit::normal;

    #[test]
    fn the_solution_solves_and_other_matrices_are_refused() -> Result<()> {
        let m = normal(1, (4, 7, 5), DType::F64);
        let a = m.transpose(1, 2)?.contiguous()?.matmul(&m)?;
        let b = normal(2, (4, 5, 2), DType::F64);
        let x = solve_positive(&a, &b)?;
        let error = (a.matmul(&x)? - &b)?.abs()?.max_all()?.to_scalar::<f64>()?;
        assert!(error < 1e-9, "{error}");
        // Rank five of seven: no solution is singled out, in neither precision.
        let deficient = m.matmul(&m.transpose(1, 2)?.contiguous()?)?;
        for dtype in [DType::F64, DType::F32] {
            let ones = Tensor::ones((4, 7, 1), dtype, &Device::Cpu)?;
            let message = solve_positive(&deficient.to_dtype(dtype)?, &ones)
                .err()
                .map_or_else(String::new, |e| e.to_string());
            assert!(message.contains("matrix 0 of 4 is not positive definite"), "{message}");
            assert!(message.contains("pivot 6 of 7") || message.contains("pivot 7 of 7"), "{message}");
        }
        let nan = Tensor::cat(&[&a.narrow(0, 0, 3)?, &(a.narrow(0, 0, 1)? * f64::NAN)?], 0)?;
        for (a, b) in [(&nan, &b), (&a, &(b.affine(1.0, f64::INFINITY)?))] {
            let message = solve_positive(a, b).err().map_or_else(String::new, |e| e.to_string());
            assert!(message.contains("of 4, or its right side, holds NaN or infinite"), "{message}");
        }
        assert!(solve_positive(&a, &b.narrow(0, 0, 3)?).is_err());
        // Large enough for threads; the first matrix that fails is named, and the bits do not depend on threads.
        let m = normal(3, (5, 90, 70), DType::F64);
        let large = m.transpose(1, 2)?.contiguous()?.matmul(&m)?;
        let b = normal(4, (5, 70, 3), DType::F64);
        let x = solve_positive(&large, &b)?;
        assert!((large.matmul(&x)? - &b)?.abs()?.max_all()?.to_scalar::<f64>()? < 1e-7);
        let alone = solve_positive(&large.narrow(0, 3, 1)?, &b.narrow(0, 3, 1)?)?;
        assert_eq!(alone.to_vec3::<f64>()?[0], x.to_vec3::<f64>()?[3]);
        let holes = Tensor::cat(&[&large.narrow(0, 0, 2)?, &large.narrow(0, 2, 3)?.zeros_like()?], 0)?;
        let message = solve_positive(&holes, &b).err().map_or_else(String::new, |e| e.to_string());
        assert!(message.contains("matrix 2 of 5 is not positive definite (pivot 1 of 70)"), "{message}");
        Ok(())
    }
}
