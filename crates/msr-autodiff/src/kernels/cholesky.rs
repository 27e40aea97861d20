//! Systems with a symmetric positive definite matrix, a batch at a time, by Cholesky's factorisation in `f64`.

use candle_core::{DType, Result, Tensor};

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

/// `X` with `A X = B` for each matrix of a batch. Only the lower triangles of A are read. Computed in `f64`, whatever the dtype: the
/// factorisation adds no error of its own to that of A. The result has the dtype and the device of B.
///
/// # Shapes
/// `a (…, k, k)`, `b (…, k, r) -> (…, k, r)`, with equal leading dimensions
///
/// # Errors
/// When the shapes do not fit; when a matrix is not positive definite, with its place in the batch.
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
    for (place, (matrix, side)) in
        matrices.chunks_exact_mut(k * k).zip(sides.chunks_exact_mut(k * r)).enumerate()
    {
        if let Err(pivot) = factorise(matrix, k, smallest_pivot(a.dtype())) {
            candle_core::bail!(
                "solve: matrix {place} of {} is not positive definite (pivot {} of {k}): the equations do not \
                 determine all unknowns; give more examples or a larger ridge",
                lead_a.iter().product::<usize>(),
                pivot + 1
            );
        }
        substitute(matrix, side, k, r);
    }
    Tensor::from_vec(sides, b.dims(), &candle_core::Device::Cpu)?.to_dtype(b.dtype())?.to_device(b.device())
}

/// Replaces the lower triangle of `a` by L with `A = L Lᵀ`; the number of the pivot that is not positive otherwise.
fn factorise(a: &mut [f64], k: usize, smallest: f64) -> std::result::Result<(), usize> {
    for j in 0..k {
        let (row, below) = a[j * k..].split_at_mut(k);
        let diagonal = row[j];
        let pivot = diagonal - row[..j].iter().map(|x| x * x).sum::<f64>();
        if pivot.is_nan() || pivot <= smallest * diagonal.abs() {
            return Err(j);
        }
        row[j] = pivot.sqrt();
        for other in below.chunks_exact_mut(k) {
            let dot: f64 = other[..j].iter().zip(&row[..j]).map(|(x, y)| x * y).sum();
            other[j] = (other[j] - dot) / row[j];
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
        let nan = (a.zeros_like()? * f64::NAN)?;
        assert!(solve_positive(&nan, &b).is_err());
        assert!(solve_positive(&a, &b.narrow(0, 0, 3)?).is_err());
        Ok(())
    }
}
