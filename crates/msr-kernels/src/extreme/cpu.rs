//! Extremes by comparison.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::Extreme;
use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;

/// The extreme of a contiguous operand along `dim`, along which there is something.
pub(super) fn extreme(which: Extreme, x: &Tensor, dim: usize) -> Result<Tensor> {
    Ok(x.apply_op1_no_bwd(&Along { which, dim })?)
}

struct Along {
    which: Extreme,
    dim: usize,
}

impl Along {
    fn run<T: PartialOrd + Copy>(&self, x: &[T], dims: &[usize]) -> Vec<T> {
        match self.which {
            Extreme::Max => fold(x, dims, self.dim, |x, best| x > best),
            Extreme::Min => fold(x, dims, self.dim, |x, best| x < best),
        }
    }
}

/// The element along `dim` that no other is `better` than. NaN, which is no number to compare with,
/// wins: it must not be hidden.
fn fold<T: PartialOrd + Copy>(x: &[T], dims: &[usize], dim: usize, better: impl Fn(T, T) -> bool) -> Vec<T> {
    let inner: usize = dims[dim + 1..].iter().product();
    let mut out = Vec::with_capacity(x.len() / dims[dim]);
    let nan = |x: T| x.partial_cmp(&x).is_none();
    for block in x.chunks_exact(dims[dim] * inner) {
        let (first, rest) = block.split_at(inner);
        let from = out.len();
        out.extend_from_slice(first);
        for row in rest.chunks_exact(inner) {
            for (best, &x) in out[from..].iter_mut().zip(row) {
                if better(x, *best) || (nan(x) && !nan(*best)) {
                    *best = x;
                }
            }
        }
    }
    out
}

impl CustomOp1 for Along {
    fn name(&self) -> &'static str {
        self.which.name()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let found = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout), layout.dims())),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout), layout.dims())),
            other => return Err(unsupported(other, self.which.name())),
        };
        let mut shape = layout.dims().to_vec();
        shape[self.dim] = 1;
        Ok((found, shape.into()))
    }
}
