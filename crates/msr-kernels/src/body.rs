//! Which body of a kernel runs: the one place where devices and dtypes are told apart.

use std::cell::Cell;

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
    /// The kernels of this crate for an NVIDIA GPU: `cuda.rs` and `kernel.cu`.
    Cuda,
    /// Candle's operations: `composed.rs`.
    Composed,
}

impl Body {
    /// The body for these operands: the loops when all are `f32` or all `f64` in main memory, the
    /// kernels when all of that lie on a GPU and candle does not track them.
    pub(crate) fn of<const N: usize>(operands: [&Tensor; N]) -> Self {
        let dtype = operands.first().map_or(DType::F32, |t| t.dtype());
        if operands.iter().any(|t| t.dtype() != dtype) {
            return Self::Composed;
        }
        match dtype {
            DType::F16 | DType::BF16 => Self::Half,
            DType::F32 | DType::F64 if operands.iter().all(|t| t.device().is_cpu()) && !forced() => Self::Cpu,
            DType::F32 | DType::F64
                if operands.iter().all(|t| t.device().is_cuda() && !t.track_op()) && !forced() =>
            {
                Self::Cuda
            }
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

thread_local! {
    static COMPOSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread asks for the composed bodies.
fn forced() -> bool {
    COMPOSED.get()
}

/// Runs `f` with the composed bodies of all operations, as on a device for which there are no
/// loops: what this crate's loops are compared with. Holds for the calling thread, while `f` runs.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_kernels::{sum_keepdim, with_composed};
///
/// # fn main() -> Result<(), msr_kernels::Error> {
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let (loops, composed) = (sum_keepdim(&x, &[1])?, with_composed(|| sum_keepdim(&x, &[1]))?);
/// assert_eq!(loops.to_vec2::<f32>()?, composed.to_vec2::<f32>()?);
/// # Ok(())
/// # }
/// ```
pub fn with_composed<R>(f: impl FnOnce() -> R) -> R {
    /// Puts back what was asked for before, also when `f` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            COMPOSED.set(self.0);
        }
    }
    let _before = Before(COMPOSED.replace(true));
    f()
}

#[cfg(test)]
mod tests {
    use super::{forced, with_composed};

    #[test]
    fn the_composed_bodies_are_asked_for_until_the_end_even_of_a_panic() {
        assert!(with_composed(|| with_composed(forced) && forced()) && !forced());
        let panicked = std::panic::catch_unwind(|| with_composed(|| panic!("as an operation might")));
        assert!(panicked.is_err() && !forced());
    }
}
