//! One pass over contiguous operands, tasks spread over threads.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor, WithDType};
use rayon::prelude::*;

use crate::body::unsupported;
use crate::dense::dense;
use crate::elementwise::{Unary, unary};
use crate::error::Result;
use crate::reduce::{LANES, in_blocks};
use crate::vectorized::vectorized;

/// The numbers of a share of work: with fewer, waking another thread costs more than it saves.
const SHARE: usize = 1 << 18;

/// Whether the loops can read two operands of one shape where they are.
pub(super) fn takes(a: &Tensor, b: &Tensor) -> bool {
    a.is_contiguous() && b.is_contiguous() && a.elem_count() > 0
}

/// `scale · Σ (a − b)²` of each task.
pub(super) fn squared_distance(a: &Tensor, b: &Tensor, scale: f64) -> Result<Tensor> {
    Ok(a.apply_op2_no_bwd(b, &SquaredDistance { scale })?)
}

/// `(a − b) · scale · s`.
pub(super) fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor, scale: f64) -> Result<Tensor> {
    let factors = unary(Unary::Affine { scale, offset: 0.0 }, s)?.contiguous()?;
    Ok(a.apply_op3_no_bwd(b, &factors, &ScaledDifference)?)
}

struct SquaredDistance {
    scale: f64,
}
struct ScaledDifference;

/// In the order of [`sum_keepdim`](crate::sum_keepdim) over all of a task, so that one pass gives
/// the bits of three.
#[inline(always)]
fn squares<T: WithDType>(a: &[T], b: &[T]) -> T {
    in_blocks(a.len(), |range| squares_of_block(&a[range.clone()], &b[range]))
}

#[inline(always)]
fn squares_of_block<T: WithDType>(a: &[T], b: &[T]) -> T {
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

fn squared_distances<T: WithDType>(a: &[T], b: &[T], tasks: usize, scale: f64) -> Vec<T> {
    let (size, scale) = (a.len() / tasks, T::from_f64(scale));
    if a.len() < 2 * SHARE {
        return vectorized(
            #[inline(always)]
            || a.chunks_exact(size).zip(b.chunks_exact(size)).map(|(a, b)| squares(a, b) * scale).collect(),
        );
    }
    let pairs = a.par_chunks_exact(size).zip(b.par_chunks_exact(size));
    pairs
        .with_min_len(SHARE.div_ceil(size))
        .map(|(a, b)| {
            vectorized(
                #[inline(always)]
                || squares(a, b) * scale,
            )
        })
        .collect()
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
    out.par_chunks_exact_mut(size).zip(pairs).with_min_len(SHARE.div_ceil(size)).for_each(
        |(out, ((a, b), &s))| {
            vectorized(
                #[inline(always)]
                || scale(a, b, s, out),
            )
        },
    );
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
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let tasks = l1.dims()[0];
        let out = match (s1, s2) {
            (CpuStorage::F32(a), CpuStorage::F32(b)) => {
                CpuStorage::F32(squared_distances(dense(a, l1), dense(b, l2), tasks, self.scale))
            }
            (CpuStorage::F64(a), CpuStorage::F64(b)) => {
                CpuStorage::F64(squared_distances(dense(a, l1), dense(b, l2), tasks, self.scale))
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
    ) -> candle_core::Result<(CpuStorage, Shape)> {
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
