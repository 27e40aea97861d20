//! Reverse-mode gradients of any order over candle tensors.
//!
//! candle's own `backward` detaches every gradient, drops the gradients of non-leaf tensors and has
//! no rule for the gradient of most rules, so an outer loss cannot be differentiated through an
//! inner gradient step. Here every backward rule is written in the same differentiable operations
//! as the forward pass: the set of operations is closed under differentiation, and a gradient can
//! be differentiated again, to any order.
//!
//! # Entry points
//! - [`Node`]: a tensor that remembers how it was made; [`Node::leaf`] starts a graph.
//! - [`grad`], [`vjp`], [`hvp`]: gradients with respect to any node, leaf or not, with
//!   ([`Graph::Keep`]) or without ([`Graph::Drop`]) a graph for the next order.
//! - [`unroll`]: a loop of differentiable steps, recomputed during the backward pass when
//!   [`Recompute::On`] asks for it, so that memory grows with the logarithm of the number of steps.
//! - [`operations`]: the table of all operations, what candle calls them, and their gradients.
//! - [`Rule`] and [`Node::apply_one`]: an operation of your own, from outside this crate; the
//!   example `05-own-operation` builds and checks one.
//! - [`Value`]: what a forward pass is written in when it should run on a [`Node`] and on a plain
//!   candle tensor alike.
//!
//! # Invariants
//! - Only paths from the output to the requested inputs are walked.
//! - Walking and dropping a graph are loops, not recursions: depth is bounded by memory alone.
//! - A graph is freed when its last node is dropped. There is no global state, and no environment
//!   variable changes a result.
//!
//! # Example
//! Differentiate x³ twice: d/dx = 3x², d²/dx² = 6x.
//! ```
//! use candle_core::{Device, Tensor};
//! use msr_autodiff::{Graph, Node, grad};
//!
//! # fn main() -> Result<(), msr_autodiff::Error> {
//! let x = Node::leaf(&Tensor::new(2f64, &Device::Cpu)?);
//! let cube = x.mul(&x)?.mul(&x)?;
//! let first = grad(&cube, &[&x], Graph::Keep)?.remove(0);
//! assert_eq!(first.value().to_scalar::<f64>()?, 12.0);
//! let second = grad(&first, &[&x], Graph::Drop)?.remove(0);
//! assert_eq!(second.value().to_scalar::<f64>()?, 12.0);
//! # Ok(())
//! # }
//! ```

#![deny(missing_debug_implementations)]

mod checkpoint;
mod error;
mod grad;
mod node;
pub mod operations;
mod rules;
mod unroll;
mod value;

pub use checkpoint::checkpoint;
pub use error::{Error, Result};
pub use grad::{Graph, grad, hvp, vjp};
pub use msr_kernels::ties::Ties;
pub use msr_kernels::{
    Centre, Error as KernelError, Place, Pool, Precision, Result as KernelResult, SecondMoments, Unary,
    Window, centred_second_moments, conv2d_pays, identity, room_for, second_moments, second_moments_in_f64,
};
pub use node::{Backward, Node, Rule};
pub use rules::{Convolution, concat, descend_least_squares, for_tasks, inner_step, mse, stack, where_cond};
pub use unroll::{Recompute, unroll};
pub use value::Value;
