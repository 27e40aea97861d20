//! The operations: one file per family, each with the forward pass (a method of [`crate::Node`])
//! beside its backward rule.

mod arithmetic;
mod cast;
mod conv2d;
mod gather;
mod im2col;
mod loss;
mod matmul;
mod norm_relu_pool;
mod pool;
mod reduce;
mod shape;
mod softmax;
mod solve;
mod ties;
mod unary;

pub use loss::mse;
pub use shape::concat;
