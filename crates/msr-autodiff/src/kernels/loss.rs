//! Sums of squared differences, and their gradient, in one pass each.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::elementwise::{Binary, binary};
use super::reduce::{LANES, sum_keepdim};
use super::{on_cpu, unsupported, vectorized};

/// Fewer numbers than this are done before another thread has woken.
const SHARE: usize = 1 << 18;

/// `Σ (a − b)²` of each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …) -> (t)`
///
/// # Errors
/// When shapes, dtypes or devices differ, or there is no task dimension.
pub fn squared_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let tasks = a.dim(0)?;
    if in_place(a, b) {
        return a.apply_op2_no_bwd(b, &SquaredDistance);
    }
    let difference = binary(Binary::Sub, a, b)?;
    let square = binary(Binary::Mul, &difference, &difference)?;
    sum_keepdim(&square, &(1..a.rank()).collect::<Vec<_>>())?.reshape(tasks)
}

/// `(a − b) · s`, with one factor s for each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …)`, `s (t) -> (t, …)`
///
/// # Errors
/// When shapes, dtypes or devices differ.
pub fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor) -> Result<Tensor> {
    let tasks = a.dim(0)?;
    if in_place(a, b) && s.dtype() == a.dtype() && s.device().is_cpu() && s.dims() == [tasks] {
        return a.apply_op3_no_bwd(b, &s.contiguous()?, &ScaledDifference);
    }
    let mut shape = vec![1; a.rank()];
    shape[0] = tasks;
    binary(Binary::Mul, &binary(Binary::Sub, a, b)?, &s.reshape(shape)?)
}

/// Whether the loops below can read two operands where they are.
fn in_place(a: &Tensor, b: &Tensor) -> bool {
    on_cpu(a)
        && a.dtype() == b.dtype()
        && b.device().is_cpu()
        && a.dims() == b.dims()
        && a.is_contiguous()
        && b.is_contiguous()
        && a.elem_count() > 0
}

struct SquaredDistance;
struct ScaledDifference;

/// In the order of [`super::reduce::sum_keepdim`], so that one pass gives the bits of three.
#[inline(always)]
fn squares<T: WithDType>(a: &[T], b: &[T]) -> T {
    let square = |a: T, b: T| (a - b) * (a - b);
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    let mut lanes = [T::zero(); LANES];
    for (a, b) in left.zip(right) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += square(a, b);
        }
    }
    let mut total = T::zero();
    for lane in lanes {
        total += lane;
    }
    for (&a, &b) in rest {
        total += square(a, b);
    }
    total
}

#[inline(always)]
fn scale<T: WithDType>(a: &[T], b: &[T], s: T, out: &mut [T]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = (a - b) * s;
    }
}

/// The numbers of a contiguous operand.
fn slice<'a, T: WithDType>(data: &'a [T], layout: &Layout) -> &'a [T] {
    &data[layout.start_offset()..layout.start_offset() + layout.shape().elem_count()]
}

fn squared_distances<T: WithDType>(a: &[T], b: &[T], tasks: usize) -> Vec<T> {
    let size = a.len() / tasks;
    if a.len() < 2 * SHARE {
        return vectorized(|| {
            a.chunks_exact(size).zip(b.chunks_exact(size)).map(|(a, b)| squares(a, b)).collect()
        });
    }
    let pairs = a.par_chunks_exact(size).zip(b.par_chunks_exact(size));
    pairs.with_min_len(SHARE.div_ceil(size)).map(|(a, b)| vectorized(|| squares(a, b))).collect()
}

fn scaled_differences<T: WithDType>(a: &[T], b: &[T], s: &[T]) -> Vec<T> {
    let size = a.len() / s.len();
    if a.len() < 2 * SHARE {
        let mut out = Vec::with_capacity(a.len());
        vectorized(|| {
            for ((a, b), &s) in a.chunks_exact(size).zip(b.chunks_exact(size)).zip(s) {
                out.extend(a.iter().zip(b).map(|(&a, &b)| (a - b) * s));
            }
        });
        return out;
    }
    let mut out = vec![T::zero(); a.len()];
    let pairs = a.par_chunks_exact(size).zip(b.par_chunks_exact(size)).zip(s);
    out.par_chunks_exact_mut(size)
        .zip(pairs)
        .with_min_len(SHARE.div_ceil(size))
        .for_each(|(out, ((a, b), &s))| vectorized(|| scale(a, b, s, out)));
    out
}

impl CustomOp2 for SquaredDistance {
    fn name(&self) -> &'static str {
        "squared_distance"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let tasks = l1.dims()[0];
        let out = match (s1, s2) {
            (CpuStorage::F32(a), CpuStorage::F32(b)) => {
                CpuStorage::F32(squared_distances(slice(a, l1), slice(b, l2), tasks))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b)) => {
                CpuStorage::F64(squared_distances(slice(a, l1), slice(b, l2), tasks))
            }
            (other, _) => return Err(unsupported(other, "squared_distance")),
        };
        Ok((out, tasks.into()))
    }
}

impl CustomOp3 for ScaledDifference {
    fn name(&self) -> &'static str {
        "scaled_difference"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = match (s1, s2, s3) {
            (CpuStorage::F32(a), CpuStorage::F32(b), CpuStorage::F32(s)) => {
                CpuStorage::F32(scaled_differences(slice(a, l1), slice(b, l2), slice(s, l3)))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b), CpuStorage::F64(s)) => {
                CpuStorage::F64(scaled_differences(slice(a, l1), slice(b, l2), slice(s, l3)))
            }
            (other, ..) => return Err(unsupported(other, "scaled_difference")),
        };
        Ok((out, l1.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{scaled_difference, squared_distance};

    /// One pass, on one thread or several, gives the bits of the composition, which views and other dtypes take.
    #[test]
    fn one_pass_gives_the_same_bits() -> candle_core::Result<()> {
        for dtype in [DType::F32, DType::F64] {
            for (tasks, rows, columns) in [(1, 1, 1), (3, 7, 5), (2, 16, 16), (5, 31, 101), (3, 401, 500)] {
                let normal = |seed: u64, shape: &[usize]| {
                    let count: usize = shape.iter().product();
                    let values: Vec<f64> =
                        (0..count).map(|i| ((i as f64 + 1.0) * 1.7 + seed as f64).sin()).collect();
                    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
                };
                let shape = [tasks, rows, columns];
                let (a, b, s) = (normal(1, &shape)?, normal(2, &shape)?, normal(3, &[tasks])?);
                // A view whose numbers lie elsewhere, with another stride.
                let wide = Tensor::cat(&[&a, &a], 2)?.narrow(2, columns, columns)?;
                assert!(columns == 1 || !wide.is_contiguous());
                let bits = |t: Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
                assert_eq!(bits(squared_distance(&a, &b)?)?, bits(squared_distance(&wide, &b)?)?);
                assert_eq!(bits(scaled_difference(&a, &b, &s)?)?, bits(scaled_difference(&wide, &b, &s)?)?);
                let offset = Tensor::cat(&[&b, &a], 0)?.narrow(0, tasks, tasks)?;
                assert!(offset.is_contiguous());
                assert_eq!(bits(squared_distance(&a, &b)?)?, bits(squared_distance(&offset, &b)?)?);
            }
        }
        let empty = Tensor::zeros((2, 0), DType::F32, &Device::Cpu)?;
        assert_eq!(squared_distance(&empty, &empty)?.to_vec1::<f32>()?, [0.0, 0.0]);
        let (a, b) = (
            Tensor::ones((2, 3), DType::F32, &Device::Cpu)?,
            Tensor::ones((2, 4), DType::F32, &Device::Cpu)?,
        );
        assert!(squared_distance(&a, &b).is_err() && scaled_difference(&a, &b, &a).is_err());
        Ok(())
    }
}
