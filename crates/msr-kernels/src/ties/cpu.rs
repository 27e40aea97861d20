//! Loops over the rows of a contiguous operand.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, WithDType};

use super::{Ties, with_last};
use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;

/// The value of its parameter for each element.
pub(super) fn expand(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1_no_bwd(&Expand(ties))?)
}

/// The sum over what is tied to each parameter.
pub(super) fn sum(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1_no_bwd(&SumTied(ties))?)
}

struct Expand<'a>(&'a Ties);
struct SumTied<'a>(&'a Ties);

impl Expand<'_> {
    fn run<T: Copy>(&self, x: &[T]) -> Vec<T> {
        let parameter = &self.0.parameter;
        x.chunks_exact(self.0.count).flat_map(|row| parameter.iter().map(|&p| row[p as usize])).collect()
    }
}

impl SumTied<'_> {
    /// In `f64`: one parameter may have very many elements.
    fn run<T: WithDType>(&self, x: &[T]) -> Vec<T> {
        let (parameter, count) = (&self.0.parameter, self.0.count);
        let mut out = Vec::with_capacity(x.len() / parameter.len() * count);
        let mut sums = vec![0f64; count];
        for row in x.chunks_exact(parameter.len()) {
            sums.fill(0.0);
            for (&value, &p) in row.iter().zip(parameter.iter()) {
                sums[p as usize] += value.to_f64();
            }
            out.extend(sums.iter().map(|&sum| T::from_f64(sum)));
        }
        out
    }
}

impl CustomOp1 for Expand<'_> {
    fn name(&self) -> &'static str {
        "expand_tied"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout))),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout))),
            other => return Err(unsupported(other, "expand_tied")),
        };
        Ok((y, with_last(layout.dims(), self.0.elements()).into()))
    }
}

impl CustomOp1 for SumTied<'_> {
    fn name(&self) -> &'static str {
        "sum_tied"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout))),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout))),
            other => return Err(unsupported(other, "sum_tied")),
        };
        Ok((y, with_last(layout.dims(), self.0.count).into()))
    }
}
