//! Tensor in, tensor out: the numerical bodies below everything else. Nothing here knows gradients.
//!
//! One folder an operation: `mod.rs` holds the public function, what it checks and the choice of
//! body; `cpu.rs` the loops for `f32` and `f64` in main memory, most of which take any strides, so
//! that a broadcast or transposed operand is read in place; `cuda.rs` and `kernel.cu` the same for
//! NVIDIA GPUs, with the feature `cuda`; `composed.rs` the same result from candle's operations,
//! for other dtypes and devices.
//!
//! # Entry points
//! - [`binary`], [`unary`], [`select`]: functions of elements; [`sum_keepdim`],
//!   [`scaled_sum_keepdim`], [`cumsum`], [`extreme`], [`log_softmax`], [`softmax`]: along
//!   dimensions.
//! - [`matmul`], [`solve_positive`]: products and symmetric positive definite systems, in batches.
//! - [`conv2d`], [`conv2d_input_grad`], [`conv2d_weight_grad`]: convolutions and their adjoints;
//!   [`conv2d_pays`]: whether they are faster than columns; [`use_winograd`]: whether in the form
//!   that has the fewest products.
//! - [`norm_relu_pool`] and its derivatives: batch normalisation, ReLU and max-pool in one pass.
//! - [`im2col`], [`col2im`], [`max_pool_index`], [`avg_pool`], [`spread`] over a [`Window`];
//!   [`second_moments`] of its windows.
//! - [`gather`], [`scatter_add`], [`class_index`], [`index_select`], [`index_add`]: elements and
//!   slices by index, [`checked_index`], [`index_to_device`]; [`ties`]: tied elements.
//! - [`squared_distance`], [`scaled_difference`]: the squared error and its gradient; [`descend`]:
//!   gradient steps on that of a linear model, in one pass.
//! - [`kronecker`]: the expansion `(A ⊗ B ⊗ C) v` and the gradients of its factors.
//! - [`inner_step`], [`sum_tasks`]: what an inner step does to all adapted parameters at once;
//!   [`adam`], [`is_finite`], [`squared_norm`]: what an outer step does to a tensor.
//! - [`Graph`], [`Slot`]: what was launched on a GPU, recorded and replayed.
//! - [`Place`]: the processor or a GPU, by name; [`with_composed`]: the second body of every
//!   operation, to compare with.
//! - [`Precision`]: what may be expected of each floating-point type.
//! - [`element_count`], [`room_for`], [`tidy`]: shapes that cannot be, and empty views;
//!   [`contiguous`], [`reshape`]: the elements of a view side by side; [`identity`].
//!
//! # Invariants
//! - On one processor, the bits of a result depend on operands, the number of threads and
//!   [`use_winograd`] alone. Vectors of other widths round in another order.
//! - NaN stays NaN. Long sums are added in pairs, and half precision is computed in `f32` and
//!   rounded once.
//! - Bad operands get an [`Error`] that names the operation and the numbers; nothing panics on
//!   input.
//! - On a GPU the bits depend on operands alone: there are no atomics.
//! - This is the only crate of those that others use with unsafe code: in the loops of [`matmul`],
//!   of convolutions and of [`ties`], in instructions for caches, and where kernels are launched.
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
mod avg_pool;
mod blocks;
mod body;
mod caches;
mod channels_last;
#[cfg(test)]
mod contracts;
mod conv2d;
mod cuda;
mod cumsum;
mod dense;
mod descent;
mod elementwise;
mod error;
mod extreme;
mod finite;
mod gather;
mod graph;
mod im2col;
mod index_select;
mod inner_step;
pub mod kronecker;
mod lanes;
mod matmul;
mod norm_relu_pool;
mod numbers;
mod place;
mod pool;
mod precision;
mod reduce;
mod second_moments;
mod select;
mod softmax;
mod solve;
mod squared_error;
mod strided;
mod sum_tasks;
mod threads;
pub mod ties;
mod vectorized;
mod window;

pub use avg_pool::{avg_pool, spread};
pub use body::with_composed;
pub use conv2d::{Winograd, conv2d, conv2d_input_grad, conv2d_pays, conv2d_weight_grad, use_winograd};
pub use cumsum::cumsum;
pub use dense::{contiguous, element_count, identity, reshape, room_for, tidy};
pub use descent::{Path, descend, descend_grad};
pub use elementwise::{Binary, Elementwise, Unary, binary, unary};
pub use error::{Error, Result};
pub use extreme::{Extreme, extreme, extreme_shares};
pub use finite::{is_finite, squared_norm};
pub use gather::{checked_index, class_index, gather, index_to_device, scatter_add};
pub use graph::{Graph, Slot};
pub use im2col::{col2im, im2col};
pub use index_select::{index_add, index_select};
pub use inner_step::{inner_step, inner_step_grad, inner_step_is_one_pass};
pub use matmul::matmul;
pub use norm_relu_pool::{
    Cotangents, Pool, Saved, is_fused, norm_relu_pool, norm_relu_pool_grad, norm_relu_pool_second,
};
pub use place::Place;
pub use pool::max_pool_index;
pub use precision::Precision;
pub use reduce::{scaled_sum_keepdim, sum_keepdim};
pub use second_moments::{
    Centre, SecondMoments, centred_second_moments, second_moments, second_moments_in_f64,
};
pub use select::select;
pub use softmax::{log_softmax, softmax};
pub use solve::solve_positive;
pub use squared_error::{scaled_difference, squared_distance};
pub use sum_tasks::{sum_tasks, sum_tasks_is_one_pass};
pub use threads::side_by_side;
pub use window::Window;
