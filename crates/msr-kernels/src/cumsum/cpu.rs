//! Running sums by addition.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, WithDType};

use crate::body::unsupported;
use crate::dense::dense;
use crate::error::Result;

/// The running sums of a contiguous operand that is not empty.
pub(super) fn cumsum(x: &Tensor, dim: usize) -> Result<Tensor> {
    Ok(x.apply_op1_no_bwd(&Running { dim })?)
}

struct Running {
    dim: usize,
}

impl Running {
    fn run<T: WithDType>(&self, x: &[T], dims: &[usize]) -> Vec<T> {
        let inner: usize = dims[self.dim + 1..].iter().product();
        let mut out = Vec::with_capacity(x.len());
        let mut sums = vec![0f64; inner];
        for block in x.chunks_exact(dims[self.dim] * inner) {
            sums.fill(0.0);
            for row in block.chunks_exact(inner) {
                out.extend(sums.iter_mut().zip(row).map(|(sum, x)| {
                    *sum += x.to_f64();
                    T::from_f64(*sum)
                }));
            }
        }
        out
    }
}

impl CustomOp1 for Running {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let sums = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.run(dense(x, layout), layout.dims())),
            CpuStorage::F64(x) => CpuStorage::F64(self.run(dense(x, layout), layout.dims())),
            other => return Err(unsupported(other, "cumsum")),
        };
        Ok((sums, layout.shape().clone()))
    }
}
