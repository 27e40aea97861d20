//! Which body of a kernel runs: the one place where devices and dtypes are told apart.

use candle_core::{CpuStorage, DType, Tensor};

/// The bodies that a kernel may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The loops of this crate: `cpu.rs`.
    Cpu,
    /// Candle's operations: `composed.rs`.
    Composed,
}

impl Body {
    /// The body for these operands: the loops when all are `f32` or all `f64` in main memory.
    pub(crate) fn of<const N: usize>(operands: [&Tensor; N]) -> Self {
        let dtype = operands.first().map_or(DType::F32, |t| t.dtype());
        let ours = matches!(dtype, DType::F32 | DType::F64);
        if ours && operands.iter().all(|t| t.device().is_cpu() && t.dtype() == dtype) {
            Self::Cpu
        } else {
            Self::Composed
        }
    }
}

/// The error of a CPU body that was handed a dtype it was not written for.
pub(crate) fn unsupported(storage: &CpuStorage, op: &'static str) -> candle_core::Error {
    use candle_core::backend::BackendStorage;
    candle_core::Error::UnsupportedDTypeForOp(storage.dtype(), op)
}
