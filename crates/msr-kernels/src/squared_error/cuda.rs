//! Squared differences on a GPU, of views as they are, added in double precision.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use crate::cuda::{Arg, Grid, Kernel, Strides, count, launch, packs};
use crate::error::Result;
use crate::reduce::sum_of_parts;

/// Threads that keep a device busy.
const BUSY: usize = 1 << 16;

/// Differences that are worth a part of their own.
const PART: usize = 1 << 12;

/// The most blocks that go through tasks one after the other.
const BLOCKS: u32 = 1 << 16;

/// The threads of a block, and the parts of a task's sum, for so many differences of each task.
fn plan(tasks: usize, size: usize) -> (usize, usize) {
    let threads = size.div_ceil(8).clamp(32, 512);
    let parts = (BUSY / (tasks * threads).max(1)).clamp(1, (size / PART).clamp(1, 128));
    (threads, parts)
}

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: "squared_error", name, grid }
}

/// How a and b, of one shape, are read: the packs of each task where both are contiguous, and what
/// the view of both says otherwise.
fn operands(op: &'static str, a: &Tensor, b: &Tensor, size: usize) -> Result<(u32, Option<Strides>)> {
    match a.is_contiguous() && b.is_contiguous() {
        true => Ok((packs([a, b], size), None)),
        false => Ok((0, Some(Strides::new(op, a.dims(), [a.stride(), b.stride()])?))),
    }
}

/// `scale · Σ (a − b)²` of each task; neither is empty.
pub(super) fn squared_distance(a: &Tensor, b: &Tensor, scale: f64) -> Result<Tensor> {
    const OP: &str = "squared_distance";
    let tasks = a.dims()[0];
    let size = a.elem_count() / tasks;
    count(OP, a.elem_count())?;
    let (tasks_32, size_32) = (count(OP, tasks)?, count(OP, size)?);
    let (threads, parts) = plan(tasks, size);
    let (packs, view) = operands(OP, a, b, size)?;
    let (name, last) = match &view {
        None => (OP, Arg::Count(packs)),
        Some(view) => ("squared_distance_view", Arg::Words(view.words())),
    };
    let sums = [Arg::Of(a), Arg::Of(b), Arg::Real(scale), Arg::Count(tasks_32), Arg::Count(size_32), last];
    let (to, result) = match parts {
        1 => ([Arg::Result(0), Arg::Null], (&[tasks][..], a.dtype())),
        _ => ([Arg::Null, Arg::Result(0)], (&[parts, tasks][..], DType::F64)),
    };
    let grid = Grid::blocks(tasks_32.min(BLOCKS), threads).for_each(parts);
    // SAFETY: a and b have `tasks` rows of `size` numbers, side by side or as the view says; each
    // sum, or each of its parts, has its place and is written. Packs are at addresses for them.
    let [sum] =
        unsafe { launch(kernel(name, grid), a.device(), a.dtype(), [result], &[&to[..], &sums].concat()) }?;
    if parts == 1 { Ok(sum) } else { sum_of_parts(&sum, &[tasks], a.dtype(), scale) }
}

/// `(a − b) · scale · s`; none is empty.
pub(super) fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor, scale: f64) -> Result<Tensor> {
    const OP: &str = "scaled_difference";
    let tasks = a.dims()[0];
    let size = a.elem_count() / tasks;
    count(OP, a.elem_count())?;
    let (packs, view) = operands(OP, a, b, size)?;
    let (name, each, last) = match &view {
        None => (OP, size.div_ceil(2), Arg::Count(packs)),
        Some(view) => ("scaled_difference_view", size, Arg::Words(view.words())),
    };
    let arguments = [
        Arg::Result(0),
        Arg::Of(a),
        Arg::Of(b),
        Arg::Of(s),
        Arg::Real(scale),
        Arg::Count(count(OP, tasks)?),
        Arg::Count(count(OP, size)?),
        Arg::Count(count(OP, s.stride()[0])?),
        last,
    ];
    let kernel = kernel(name, Grid::over(each).for_each(tasks));
    // SAFETY: as above, with a factor for each task; the result has the shape of a, and all of it
    // is written.
    let [y] = unsafe { launch(kernel, a.device(), a.dtype(), [(a.dims(), a.dtype())], &arguments) }?;
    Ok(y)
}

#[cfg(test)]
mod tests {
    use super::plan;

    #[test]
    fn sums_are_divided_where_tasks_are_few_and_large() {
        assert_eq!(plan(1, 1), (32, 1));
        assert_eq!(plan(32, 19 * 68), (162, 1));
        assert_eq!(plan(4, 1 << 20), (512, 32));
        assert_eq!(plan(1, 1 << 30), (512, 128));
        assert_eq!(plan(1 << 20, 1 << 10), (128, 1));
    }
}
