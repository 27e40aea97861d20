//! The choice on a GPU, of views as they are.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{Shape, Tensor};

use crate::cuda::{Arg, Grid, Kernel, Strides, count, launch};
use crate::error::Result;

const OP: &str = "where_cond";

/// `a` where the condition is not zero, `b` where it is; the result is not empty.
pub(super) fn select(condition: &Tensor, a: &Tensor, b: &Tensor, shape: &Shape) -> Result<Tensor> {
    let [condition, a, b] = [condition, a, b].map(|t| t.broadcast_as(shape));
    let (condition, a, b) = (&condition?, &a?, &b?);
    let contiguous = [condition, a, b].iter().all(|t| t.is_contiguous());
    let views = match contiguous {
        true => None,
        false => Some(Strides::new(OP, shape.dims(), [condition.stride(), a.stride(), b.stride()])?),
    };
    let mut arguments = vec![
        Arg::Result(0),
        Arg::Of(condition),
        Arg::Of(a),
        Arg::Of(b),
        Arg::Count(condition.dtype().size_in_bytes() as u32),
        Arg::Count(count(OP, shape.elem_count())?),
    ];
    let name = match &views {
        None => "select",
        Some(views) => {
            arguments.push(Arg::Words(views.words()));
            "select_view"
        }
    };
    let kernel = Kernel { operation: "select", name, grid: Grid::over(shape.elem_count()) };
    // SAFETY: all three were broadcast to one shape, that of the result, and are read side by side
    // or as the views say; a condition has as many bytes as its type.
    let [y] = unsafe { launch(kernel, a.device(), a.dtype(), [(shape.dims(), a.dtype())], &arguments) }?;
    Ok(y)
}
