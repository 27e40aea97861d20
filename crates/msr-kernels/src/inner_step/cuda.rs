//! All tensors in one launch.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use super::OP;
use crate::cuda::{Arg, Grid, Kernel, MOST_TENSORS, Many, contiguous, count, launch, once};
use crate::dense::reshape;
use crate::error::Result;

/// Tensors, and rates, that go into one launch.
pub(super) const MOST: usize = MOST_TENSORS;

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: OP, name, grid }
}

fn in_memory(tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
    tensors.iter().map(|t| contiguous(t)).collect()
}

fn many(tensors: &[&Tensor]) -> Result<Many> {
    Many::of(OP, &tensors.iter().map(|t| t.elem_count()).collect::<Vec<_>>())
}

/// `v − α g`, or `−α g` without values; there is a tensor at least, and none is empty.
pub(super) fn scaled(
    values: Option<&[&Tensor]>,
    gradients: &[&Tensor],
    rates: &[&Tensor],
) -> Result<Vec<Tensor>> {
    let many = many(gradients)?;
    let of_gradients = in_memory(gradients)?;
    // Values that all tasks have in common are read where they lie.
    let of_values = values.unwrap_or_default().iter().map(|v| once(v, v.rank().min(1)));
    let of_values = of_values.collect::<Result<Vec<_>>>()?;
    let mut periods = of_values.iter().map(|(v, _)| count(OP, v.elem_count())).collect::<Result<Vec<_>>>()?;
    periods.resize(MOST, 1);
    let values: Vec<&Tensor> = of_values.iter().map(|(v, _)| v).collect();
    let numbers: Vec<&Tensor> = of_gradients.iter().collect();
    let first = gradients[0];
    let arguments = [
        Arg::Result(0),
        Arg::All(&values, MOST),
        Arg::All(&numbers, MOST),
        Arg::All(rates, MOST),
        Arg::Words(&periods),
        Arg::Words(&many.words),
    ];
    let result = (&[many.room()][..], first.dtype());
    // SAFETY: each gradient has as many elements as `many` says of it, side by side, and a rate;
    // values have as many as their period; the result has a place for each chunk.
    let [room] = unsafe {
        launch(kernel("inner_step", many.grid()), first.device(), first.dtype(), [result], &arguments)
    }?;
    Many::views(&room, &gradients.iter().map(|g| g.dims()).collect::<Vec<_>>())
}

/// `−Σ ⟨u, g⟩` over the tensors of each rate.
pub(super) fn by_rates(
    gradients: &[&Tensor],
    cotangents: &[&Tensor],
    rates: &[&Tensor],
    of: &[usize],
) -> Result<Vec<Tensor>> {
    let many = many(gradients)?;
    let [gradients, cotangents] = [in_memory(gradients)?, in_memory(cotangents)?];
    let (device, dtype) = (gradients[0].device(), gradients[0].dtype());
    let [left, right] = [&gradients, &cotangents].map(|all| all.iter().collect::<Vec<&Tensor>>());
    let arguments = [Arg::Result(0), Arg::All(&left, MOST), Arg::All(&right, MOST), Arg::Words(&many.words)];
    let result = (&[many.blocks as usize][..], DType::F64);
    // SAFETY: as above; there is a part for each block.
    let [part] =
        unsafe { launch(kernel("inner_step_dots", many.grid()), device, dtype, [result], &arguments) }?;
    let mut owners = of.iter().map(|&rate| count(OP, rate)).collect::<Result<Vec<_>>>()?;
    owners.resize(MOST, 0);
    let arguments = [Arg::Result(0), Arg::Of(&part), Arg::Words(&owners), Arg::Words(&many.words)];
    let grid = Grid::blocks(count(OP, rates.len())?, 256);
    let result = (&[rates.len()][..], dtype);
    // SAFETY: the parts are those of `many`; there is a block, and a number, for each rate.
    let [sums] = unsafe { launch(kernel("inner_step_rates", grid), device, dtype, [result], &arguments) }?;
    let one = |(number, rate): (usize, &&Tensor)| reshape(&sums.narrow(0, number, 1)?, rate.dims());
    rates.iter().enumerate().map(one).collect()
}
