//! Loops over the rows of a contiguous operand.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::{Classes, with_last};
use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;

/// The value of its class for each element.
pub(super) fn spread(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1_no_bwd(&Spread(classes))?)
}

/// The sum over each class.
pub(super) fn sum_by(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    Ok(x.contiguous()?.apply_op1_no_bwd(&SumBy(classes))?)
}

struct Spread<'a>(&'a Classes);
struct SumBy<'a>(&'a Classes);

impl Spread<'_> {
    fn run<T: Copy>(&self, x: &[T]) -> Vec<T> {
        let class = &self.0.class;
        x.chunks_exact(self.0.count).flat_map(|row| class.iter().map(|&c| row[c as usize])).collect()
    }
}

impl SumBy<'_> {
    fn run<T: Copy + Default + std::ops::AddAssign>(&self, x: &[T]) -> Vec<T> {
        let (class, count) = (&self.0.class, self.0.count);
        let mut sums = vec![T::default(); x.len() / class.len() * count];
        for (row, sums) in x.chunks_exact(class.len()).zip(sums.chunks_exact_mut(count)) {
            for (&value, &c) in row.iter().zip(class.iter()) {
                sums[c as usize] += value;
            }
        }
        sums
    }
}

impl CustomOp1 for Spread<'_> {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout))),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout))),
            other => return Err(unsupported(other, "spread")),
        };
        Ok((y, with_last(layout.dims(), self.0.elements()).into()))
    }
}

impl CustomOp1 for SumBy<'_> {
    fn name(&self) -> &'static str {
        "sum_by"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout))),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout))),
            other => return Err(unsupported(other, "sum_by")),
        };
        Ok((y, with_last(layout.dims(), self.0.count).into()))
    }
}
