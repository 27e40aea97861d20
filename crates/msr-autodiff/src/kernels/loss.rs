//! Sums of squared differences, and their gradient, in one pass each.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::elementwise::{Binary, binary};
use super::reduce::{LANES, sum_keepdim};
use super::{dense, on_cpu, unsupported, vectorized};

/// The numbers of a share of work: with fewer, waking another thread costs more than it saves.
const SHARE: usize = 1 << 18;

/// `Σ (a − b)²` of each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …) -> (t)`
///
/// # Errors
/// When shapes, dtypes or devices differ, or there is no task dimension.
pub fn squared_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let tasks = check("squared_distance", a, b)?;
    if both_contiguous(a, b) {
        return a.apply_op2_no_bwd(b, &SquaredDistance);
    }
    let difference = binary(Binary::Sub, a, b)?;
    let square = binary(Binary::Mul, &difference, &difference)?;
    let per_task = a.dims()[1..].iter().product::<usize>();
    sum_keepdim(&square.reshape((tasks, per_task))?, &[1])?.reshape(tasks)
}

/// `(a − b) · s`, with one factor s for each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …)`, `s (t) -> (t, …)`
///
/// # Errors
/// When shapes, dtypes or devices differ, or there is no task dimension.
pub fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor) -> Result<Tensor> {
    let tasks = check("scaled_difference", a, b)?;
    if s.dims() != [tasks] || s.dtype() != a.dtype() {
        candle_core::bail!(
            "scaled_difference: {tasks} tasks of {:?}, but factors {:?} of {:?}",
            a.dtype(),
            s.dims(),
            s.dtype()
        );
    }
    if both_contiguous(a, b) && s.device().is_cpu() {
        return a.apply_op3_no_bwd(b, &s.contiguous()?, &ScaledDifference);
    }
    let mut shape = vec![1; a.rank()];
    shape[0] = tasks;
    binary(Binary::Mul, &binary(Binary::Sub, a, b)?, &s.reshape(shape)?)
}

/// The number of tasks of two operands that fit each other.
fn check(op: &str, a: &Tensor, b: &Tensor) -> Result<usize> {
    match a.dims() {
        [tasks, ..] if a.dims() == b.dims() && a.dtype() == b.dtype() => Ok(*tasks),
        dims => candle_core::bail!(
            "{op}: {dims:?} of {:?} and {:?} of {:?} must be equal and have a task dimension",
            a.dtype(),
            b.dims(),
            b.dtype()
        ),
    }
}

/// Whether the loops below can read two operands of one shape and dtype where they are.
fn both_contiguous(a: &Tensor, b: &Tensor) -> bool {
    on_cpu(a) && b.device().is_cpu() && a.is_contiguous() && b.is_contiguous() && a.elem_count() > 0
}

struct SquaredDistance;
struct ScaledDifference;

/// In the order of [`super::reduce::sum_keepdim`] over all of a task, so that one pass gives the bits of three.
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
    let mut out = vec![T::zero(); a.len()];
    if a.len() < 2 * SHARE {
        let pairs = a.chunks_exact(size).zip(b.chunks_exact(size)).zip(s);
        vectorized(
            #[inline(always)]
            || pairs.zip(out.chunks_exact_mut(size)).for_each(|(((a, b), &s), out)| scale(a, b, s, out)),
        );
        return out;
    }
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
                CpuStorage::F32(squared_distances(dense(a, l1), dense(b, l2), tasks))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b)) => {
                CpuStorage::F64(squared_distances(dense(a, l1), dense(b, l2), tasks))
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
                CpuStorage::F32(scaled_differences(dense(a, l1), dense(b, l2), dense(s, l3)))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b), CpuStorage::F64(s)) => {
                CpuStorage::F64(scaled_differences(dense(a, l1), dense(b, l2), dense(s, l3)))
            }
            (other, ..) => return Err(unsupported(other, "scaled_difference")),
        };
        Ok((out, l1.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Result, Tensor};

    use super::{scaled_difference, squared_distance};

    fn sines(seed: u64, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let count: usize = shape.iter().product();
        let values: Vec<f64> = (0..count).map(|i| ((i as f64 + 1.0) * 1.7 + seed as f64).sin()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
    }

    fn bits(t: &Tensor) -> Result<Vec<u64>> {
        let values = t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        Ok(values.into_iter().map(f64::to_bits).collect())
    }

    /// One pass, on one thread or several, gives the bits of the composition, which views take.
    #[test]
    fn one_pass_gives_the_same_bits() -> Result<()> {
        let small: [&[usize]; 6] =
            [&[1, 1, 1], &[3, 7, 5], &[2, 16, 16], &[5, 31, 101], &[3, 19, 1, 68], &[2, 5, 1, 4, 4]];
        // Above the size from which tasks are shared out, one by one and in twos.
        let large: [&[usize]; 2] = [&[4, 512, 600], &[9, 300, 500]];
        for (shape, dtypes) in small
            .iter()
            .map(|shape| (shape, &[DType::F32, DType::F64][..]))
            .chain(large.iter().map(|shape| (shape, &[DType::F32][..])))
        {
            for &dtype in dtypes {
                let (a, b) = (sines(1, shape, dtype)?, sines(2, shape, dtype)?);
                let (s, last) = (sines(3, &shape[..1], dtype)?, shape.len() - 1);
                // A view whose numbers lie elsewhere, with another stride; one that only starts elsewhere.
                let wide = Tensor::cat(&[&a, &a], last)?.narrow(last, shape[last], shape[last])?;
                assert!(!wide.is_contiguous() || shape[1..].iter().product::<usize>() == 1);
                let later = Tensor::cat(&[&b, &a], 0)?.narrow(0, shape[0], shape[0])?;
                assert!(later.is_contiguous());
                let expected =
                    (bits(&squared_distance(&wide, &b)?)?, bits(&scaled_difference(&wide, &b, &s)?)?);
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let pool = pool.map_err(candle_core::Error::wrap)?;
                    for a in [&a, &later] {
                        let found = pool.install(|| -> Result<_> {
                            Ok((bits(&squared_distance(a, &b)?)?, bits(&scaled_difference(a, &b, &s)?)?))
                        })?;
                        assert!(found == expected, "{shape:?}, {dtype:?}, {threads} threads");
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() -> Result<()> {
        let ones = |shape: &[usize], dtype| Tensor::ones(shape, dtype, &Device::Cpu);
        let a = ones(&[2, 3], DType::F32)?;
        for b in [
            ones(&[2, 4], DType::F32)?,
            ones(&[2, 1], DType::F32)?,
            ones(&[1, 3], DType::F32)?,
            ones(&[2, 3], DType::F64)?,
        ] {
            assert!(squared_distance(&a, &b).is_err() && squared_distance(&b, &a).is_err());
            assert!(scaled_difference(&a, &b, &ones(&[2], DType::F32)?).is_err());
        }
        for s in [ones(&[3], DType::F32)?, ones(&[2, 1], DType::F32)?, ones(&[2], DType::F64)?] {
            assert!(scaled_difference(&a, &a, &s).is_err());
        }
        let number = ones(&[], DType::F32)?;
        assert!(squared_distance(&number, &number).is_err());
        let empty = Tensor::zeros((2, 0), DType::F32, &Device::Cpu)?;
        assert_eq!(squared_distance(&empty, &empty)?.to_vec1::<f32>()?, [0.0, 0.0]);
        Ok(())
    }
}
