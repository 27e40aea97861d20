//! Tensor in, tensor out: the numerical bodies below everything else. Nothing here knows gradients.
//!
//! One folder an operation: `mod.rs` holds the public function, what it checks and the choice of
//! body; `cpu.rs` the loops for `f32` and `f64` in main memory, most of which take any strides, so
//! that a broadcast or transposed operand is read in place; `composed.rs` the same result from
//! candle's operations, for other dtypes and devices.
//!
//! # Entry points
//! - [`binary`], [`unary`], [`sum_keepdim`], [`scaled_sum_keepdim`], [`log_softmax`]: functions of
//!   elements, sums and means.
//! - [`matmul`], [`solve_positive`]: products and symmetric positive definite systems, in batches.
//! - [`im2col`], [`col2im`], [`max_pool_index`] over a [`Window`]; [`second_moments`] of its
//!   windows.
//! - [`gather`], [`scatter_add`], [`class_index`]: elements by index; [`ties`]: tied elements.
//! - [`squared_distance`], [`scaled_difference`]: the squared error and its gradient.
//! - [`adam`], [`is_finite`], [`squared_norm`]: what an outer step does to a tensor.
//! - [`Place`]: the processor or a GPU, by name; [`with_composed`]: the second body of every
//!   operation, to compare with.
//! - [`Precision`]: what may be expected of each floating-point type.
//! - [`element_count`], [`room_for`], [`tidy`]: shapes that cannot be, and empty views.
//!
//! # Invariants
//! - The bits of a result depend on operands and the number of threads alone.
//! - NaN stays NaN. Long sums are added in pairs, and half precision is computed in `f32` and
//!   rounded once.
//! - Bad operands get an [`Error`] that names the operation and the numbers; nothing panics on
//!   input.
//! - This is the only crate with unsafe code, in the loops of [`matmul`] alone.
//!
//! # Example
//! ```
//! use candle_core::{Device, Tensor};
//!
//! # fn main() -> Result<(), msr_kernels::Error> {
//! let a = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
//! let column = Tensor::new(&[[1f32], [10.]], &Device::Cpu)?;
//! assert_eq!(msr_kernels::matmul(&a, &column)?.to_vec2::<f32>()?, [[21.], [43.]]);
//! let refused = msr_kernels::matmul(&column, &a).unwrap_err().to_string();
//! assert_eq!(refused, "matmul: [2, 1] and [2, 2]: inner sizes 1 and 2 differ");
//! # Ok(())
//! # }
//! ```

#![deny(missing_debug_implementations)]

pub mod adam;
mod body;
#[cfg(test)]
mod contracts;
mod dense;
mod elementwise;
mod error;
mod finite;
mod gather;
mod im2col;
mod matmul;
mod place;
mod pool;
mod precision;
mod reduce;
mod second_moments;
mod softmax;
mod solve;
mod squared_error;
mod strided;
pub mod ties;
mod vectorized;
mod window;

pub use body::with_composed;
pub use dense::{element_count, room_for, tidy};
pub use elementwise::{Binary, Elementwise, Unary, binary, unary};
pub use error::{Error, Result};
pub use finite::{is_finite, squared_norm};
pub use gather::{class_index, gather, scatter_add};
pub use im2col::{col2im, im2col};
pub use matmul::matmul;
pub use place::Place;
pub use pool::max_pool_index;
pub use precision::Precision;
pub use reduce::{scaled_sum_keepdim, sum_keepdim};
pub use second_moments::{Centre, SecondMoments, centred_second_moments, second_moments};
pub use softmax::log_softmax;
pub use solve::solve_positive;
pub use squared_error::{scaled_difference, squared_distance};
pub use window::Window;
