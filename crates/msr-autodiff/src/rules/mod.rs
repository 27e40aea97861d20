//! The operations: one file per family, each with the forward pass (a method of [`crate::Node`])
//! beside its backward rule.

mod arithmetic;
mod cast;
mod conv2d;
mod convolution;
mod descent;
mod extreme;
mod gather;
mod im2col;
mod index;
mod inner_step;
mod kronecker;
mod loss;
mod matmul;
mod norm_relu_pool;
mod order;
mod pool;
mod reduce;
mod select;
mod shape;
mod softmax;
mod solve;
mod ties;
mod unary;

pub use convolution::Convolution;
pub use descent::descend_least_squares;
pub use inner_step::{for_tasks, inner_step};
pub use loss::mse;
pub use select::where_cond;
pub use shape::{concat, stack};
