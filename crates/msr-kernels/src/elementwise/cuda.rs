//! Elementwise functions on a GPU. Results are contiguous.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use super::{Binary, Unary};
use crate::cuda::{Arg, Grid, Kernel, Strides, count, launch};
use crate::error::Result;

/// The number of the function that leaves numbers as they are.
const COPY: u32 = 0;

/// The number of a function in `kernel.cu`, and its constants.
fn number(op: Unary) -> (u32, f64, f64) {
    let plain = |number| (number, 0.0, 0.0);
    match op {
        Unary::Affine { scale, offset } => (1, scale, offset),
        Unary::Relu => plain(2),
        Unary::Exp => plain(3),
        Unary::Log => plain(4),
        Unary::Sqrt => plain(5),
        Unary::Reciprocal => plain(6),
        Unary::Power(p) => (7, p, 0.0),
        Unary::Sin => plain(8),
        Unary::Cos => plain(9),
        Unary::Tanh => plain(10),
        Unary::SechSquared => plain(11),
        Unary::Sigmoid => plain(12),
        Unary::Softplus => plain(13),
        Unary::Abs => plain(14),
        Unary::Sign => plain(15),
        Unary::Erf => plain(16),
        Unary::Gaussian => plain(17),
        Unary::Silu => plain(18),
        Unary::SiluSlope => plain(19),
        Unary::Gelu => plain(20),
        Unary::GeluSlope => plain(21),
        Unary::GeluErf => plain(22),
        Unary::GeluErfSlope => plain(23),
        Unary::Elu(alpha) => (24, alpha, 0.0),
        Unary::EluSlope(alpha) => (25, alpha, 0.0),
    }
}

/// `f(x)`.
pub(super) fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    of_one(op.name(), number(op), x)
}

/// The elements of a view, side by side.
pub(super) fn copy(x: &Tensor) -> Result<Tensor> {
    of_one("copy", (COPY, 0.0, 0.0), x)
}

fn of_one(name: &'static str, (f, a, b): (u32, f64, f64), x: &Tensor) -> Result<Tensor> {
    let n = count(name, x.elem_count())?;
    if n == 0 {
        return Ok(Tensor::zeros(x.dims(), x.dtype(), x.device())?);
    }
    let results = [(x.dims(), x.dtype())];
    let mut arguments =
        vec![Arg::Result(0), Arg::Of(x), Arg::Count(f), Arg::Real(a), Arg::Real(b), Arg::Count(n)];
    let view = if x.is_contiguous() { None } else { Some(Strides::new(name, x.dims(), [x.stride()])?) };
    let kernel = match &view {
        None => "elementwise_unary",
        Some(view) => {
            arguments.push(Arg::Words(view.words()));
            "elementwise_unary_view"
        }
    };
    let kernel =
        Kernel { operation: "elementwise", name: kernel, grid: grid(x.elem_count(), view.is_none()) };
    // SAFETY: x has `n` elements, side by side or as the view says, and the result as many, all of
    // which are written.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), results, &arguments) }?;
    Ok(y)
}

/// `a ∘ b`; neither is empty.
pub(super) fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let f = match op {
        Binary::Add => 0,
        Binary::Sub => 1,
        Binary::Mul => 2,
        Binary::Div => 3,
        Binary::Gate => 4,
        Binary::Weigh => 5,
        Binary::Maximum => 6,
        Binary::Minimum => 7,
        Binary::Step => 8,
        Binary::Pow => 9,
    };
    let shape = a.shape().broadcast_shape_binary_op(b.shape(), op.name())?;
    let (a, b) = (&a.broadcast_as(&shape)?, &b.broadcast_as(&shape)?);
    let n = count(op.name(), shape.elem_count())?;
    let mut arguments = vec![Arg::Result(0), Arg::Of(a), Arg::Of(b), Arg::Count(f), Arg::Count(n)];
    let views = match a.is_contiguous() && b.is_contiguous() {
        true => None,
        false => Some(Strides::new(op.name(), shape.dims(), [a.stride(), b.stride()])?),
    };
    let kernel = match &views {
        None => "elementwise_binary",
        Some(views) => {
            arguments.push(Arg::Words(views.words()));
            "elementwise_binary_view"
        }
    };
    let grid = grid(shape.elem_count(), views.is_none());
    let kernel = Kernel { operation: "elementwise", name: kernel, grid };
    // SAFETY: as in `of_one`, for two operands that were broadcast to one shape.
    let [y] = unsafe { launch(kernel, a.device(), a.dtype(), [(shape.dims(), a.dtype())], &arguments) }?;
    Ok(y)
}

/// A thread for each number, or for each few where they go in packs.
fn grid(elements: usize, packs: bool) -> Grid {
    Grid::over(if packs { elements.div_ceil(2) } else { elements })
}
