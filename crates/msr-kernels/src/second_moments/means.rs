//! Whether data lies far from zero, and where.

use candle_core::{CpuStorage, Storage, Tensor, WithDType};

use crate::dense::dense;
use crate::elementwise::{Binary, binary};
use crate::error::Result;
use crate::reduce::{LANES, scaled_sum_keepdim};
use crate::vectorized::vectorized;

/// The mean of each channel of each task of `x (t, b, c, h, w)`, `(t, 1, c, 1, 1)`, when there is a
/// channel whose numbers lie far from zero: whose squared mean is more than three times its
/// variance. Below that, centring would gain no more than one binary digit.
pub(super) fn far_from_zero(x: &Tensor) -> Result<Option<Tensor>> {
    let &[t, _, c, _, _] = x.dims() else { return Ok(None) };
    let (means, squares) = means(x)?;
    let far = |(mean, square): (&f64, &f64)| mean * mean > 3.0 * (square - mean * mean).max(0.0);
    if means.iter().any(|mean| !mean.is_finite()) || !means.iter().zip(&squares).any(far) {
        return Ok(None);
    }
    let means = Tensor::from_vec(means, (t, 1, c, 1, 1), x.device())?;
    Ok(Some(means.to_dtype(x.dtype())?))
}

/// The mean and the mean square of each channel of each task.
fn means(x: &Tensor) -> Result<(Vec<f64>, Vec<f64>)> {
    if x.device().is_cpu() {
        let x = x.contiguous()?;
        let (storage, layout) = x.storage_and_layout();
        match &*storage {
            Storage::Cpu(CpuStorage::F32(data)) => return Ok(in_one_pass(dense(data, layout), x.dims())),
            Storage::Cpu(CpuStorage::F64(data)) => return Ok(in_one_pass(dense(data, layout), x.dims())),
            _ => {}
        }
    }
    let scale = 1.0 / (x.dims()[1] * x.dims()[3] * x.dims()[4]).max(1) as f64;
    let numbers = |t: &Tensor| -> Result<Vec<f64>> {
        let mean = scaled_sum_keepdim(t, &[1, 3, 4], scale)?;
        Ok(mean.flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1()?)
    };
    Ok((numbers(x)?, numbers(&binary(Binary::Mul, x, x)?)?))
}

fn in_one_pass<T: WithDType>(x: &[T], dims: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let (t, b, c, plane) = (dims[0], dims[1], dims[2], dims[3] * dims[4]);
    let (mut means, mut squares) = (vec![0f64; t * c], vec![0f64; t * c]);
    for (at, plane) in x.chunks_exact(plane.max(1)).enumerate() {
        let slot = at / (b * c) * c + at % c;
        let (sum, square) = vectorized(
            #[inline(always)]
            || sums(plane),
        );
        means[slot] += sum;
        squares[slot] += square;
    }
    let scale = 1.0 / (b * plane).max(1) as f64;
    means.iter_mut().chain(&mut squares).for_each(|sum| *sum *= scale);
    (means, squares)
}

/// `(Σ x, Σ x²)`.
#[inline(always)]
fn sums<T: WithDType>(x: &[T]) -> (f64, f64) {
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    let (mut sums, mut squares) = ([T::zero(); LANES], [T::zero(); LANES]);
    for chunk in chunks {
        for ((sum, square), &x) in sums.iter_mut().zip(&mut squares).zip(chunk) {
            *sum += x;
            *square += x * x;
        }
    }
    let total = |lanes: &[T]| lanes.iter().map(|x| x.to_f64()).sum::<f64>();
    let squares_of_rest: f64 = rest.iter().map(|x| x.to_f64() * x.to_f64()).sum();
    (total(&sums) + total(rest), total(&squares) + squares_of_rest)
}
