//! Systems with a symmetric positive definite matrix, a batch at a time.

mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::{DType, Device, Tensor};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::precision::Precision;

/// `X` with `A X = B` for each matrix of a batch, by Cholesky's factorisation. Only the lower
/// triangles of A count. Computed in `f64`, whatever the dtype, so that rounding stays far below
/// that of A; on a GPU there, and else on the host. The result has the dtype and the device of B.
///
/// # Shapes
/// `a (…, k, k)`, `b (…, k, r) -> (…, k, r)`, with equal leading dimensions
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit; [`Error::NotPositiveDefinite`] and
/// [`Error::NotFinite`] with the place of the first such matrix in the batch.
pub fn solve_positive(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let misfit = |problem| Error::mismatch("solve", a.dims(), b.dims(), problem);
    let (&[ref lead_a @ .., k, k2], &[ref lead_b @ .., kb, r]) = (a.dims(), b.dims()) else {
        return Err(misfit("both need two dimensions"));
    };
    if k != k2 || k != kb || lead_a != lead_b {
        return Err(misfit("the matrix must be square and the right side have as many rows"));
    }
    if k * r == 0 {
        return Ok(Tensor::zeros(b.dims(), b.dtype(), b.device())?);
    }
    let smallest = smallest_pivot(a.dtype());
    if Body::of([a, b]) == Body::Cuda {
        return cuda::solve(a, b, (k, r), smallest);
    }
    let numbers = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (matrices, mut sides) = (numbers(a)?, numbers(b)?);
    // On other devices, too, and in half precision.
    cpu::solve(matrices, &mut sides, (k, r), smallest)?;
    let solution = Tensor::from_vec(sides, b.dims(), &Device::Cpu)?;
    Ok(solution.to_dtype(b.dtype())?.to_device(b.device())?)
}

/// A pivot below this fraction of its diagonal entry is rounding error: the matrix is not positive
/// definite.
fn smallest_pivot(dtype: DType) -> f64 {
    16.0 * Precision::of(dtype).epsilon
}
