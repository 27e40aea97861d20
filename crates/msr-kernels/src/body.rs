//! Which body of a kernel runs: the one place where devices and dtypes are told apart.

use candle_core::{CpuStorage, DType, Tensor};

use crate::error::Result;

/// The bodies that a kernel may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The loops of this crate: `cpu.rs`.
    Cpu,
    /// Half precision: what adds up many numbers, or takes several steps, is computed in `f32` and
    /// rounded once, see [`widened`].
    Half,
    /// Candle's operations: `composed.rs`.
    Composed,
}

impl Body {
    /// The body for these operands: the loops when all are `f32` or all `f64` in main memory.
    pub(crate) fn of<const N: usize>(operands: [&Tensor; N]) -> Self {
        let dtype = operands.first().map_or(DType::F32, |t| t.dtype());
        if operands.iter().any(|t| t.dtype() != dtype) {
            return Self::Composed;
        }
        match dtype {
            DType::F16 | DType::BF16 => Self::Half,
            DType::F32 | DType::F64 if operands.iter().all(|t| t.device().is_cpu()) && !forced() => Self::Cpu,
            _ => Self::Composed,
        }
    }
}

/// The result of `kernel` on operands in half precision, computed in `f32` and rounded once.
pub(crate) fn widened<const N: usize>(
    operands: [&Tensor; N],
    kernel: impl FnOnce([&Tensor; N]) -> Result<Tensor>,
) -> Result<Tensor> {
    let dtype = operands.first().map_or(DType::F32, |t| t.dtype());
    let wide = operands.iter().map(|t| t.to_dtype(DType::F32)).collect::<candle_core::Result<Vec<_>>>()?;
    let wide: [&Tensor; N] = std::array::from_fn(|i| &wide[i]);
    Ok(kernel(wide)?.to_dtype(dtype)?)
}

/// The error of a CPU body that was handed a dtype it was not written for.
pub(crate) fn unsupported(storage: &CpuStorage, op: &'static str) -> candle_core::Error {
    use candle_core::backend::BackendStorage;
    candle_core::Error::UnsupportedDTypeForOp(storage.dtype(), op)
}

#[cfg(not(test))]
fn forced() -> bool {
    false
}

#[cfg(test)]
use tests::forced;
#[cfg(test)]
pub(crate) use tests::with_composed;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    thread_local! {
        static COMPOSED: Cell<bool> = const { Cell::new(false) };
    }

    /// Whether this thread asks for the composed bodies.
    pub(crate) fn forced() -> bool {
        COMPOSED.get()
    }

    /// Runs `f` as on a device for which there are no loops.
    pub(crate) fn with_composed<R>(f: impl FnOnce() -> R) -> R {
        COMPOSED.set(true);
        let result = f();
        COMPOSED.set(false);
        result
    }
}
