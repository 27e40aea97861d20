//! Tensor in, tensor out: the numerical bodies below the rules. Nothing here knows gradients.
//!
//! On the CPU, in `f32` and `f64`, these are loops of our own; most take any strides, so that a
//! broadcast or transposed operand is read in place. Elsewhere the same result is composed from
//! candle's operations.

pub mod cholesky;
pub mod classes;
pub mod elementwise;
pub mod im2col;
pub mod loss;
pub mod matmul;
pub mod moments;
pub mod pool;
mod products;
pub mod reduce;
mod strided;

use candle_core::{CpuStorage, DType, Layout, Tensor};

/// Runs `f` compiled for the widest vectors this processor has. Loops in `f` profit when everything they
/// call is inlined (`#[inline(always)]`).
#[inline(always)]
pub fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Whether the CPU bodies of this module apply to a tensor.
fn on_cpu(t: &Tensor) -> bool {
    t.device().is_cpu() && matches!(t.dtype(), DType::F32 | DType::F64)
}

/// The numbers of a contiguous operand.
fn dense<'a, T>(data: &'a [T], layout: &Layout) -> &'a [T] {
    &data[layout.start_offset()..layout.start_offset() + layout.shape().elem_count()]
}

/// The error of a CPU body that was handed a dtype it was not written for.
fn unsupported(storage: &CpuStorage, op: &'static str) -> candle_core::Error {
    use candle_core::backend::BackendStorage;
    candle_core::Error::UnsupportedDTypeForOp(storage.dtype(), op)
}
