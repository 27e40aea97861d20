//! All steps of a task by one block, and all steps back by another one. The design matrix is read
//! where it lies.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use super::design::{by_columns, order};
use super::{OP, Path, Sizes};
use crate::cuda::{Arg, Grid, Kernel, Strides, contiguous, count, launch};
use crate::error::Result;
use crate::reduce::sum_keepdim;

/// The most threads of a block, as the kernels are compiled.
const MOST_THREADS: usize = 512;

/// The threads of a block: a few numbers of the design matrix for each.
fn threads(sizes: Sizes) -> usize {
    sizes.rows.saturating_mul(sizes.columns).div_ceil(4).clamp(32, MOST_THREADS)
}

fn kernel(name: &'static str, tasks: u32, sizes: Sizes) -> Kernel {
    Kernel { operation: "descent", name, grid: Grid::blocks(tasks, threads(sizes)) }
}

/// The words of `Matrix` in `kernel.cu`, for a matrix `(t, …, k)` with these strides.
fn matrix(dims: &[usize], stride: &[usize], sizes: Sizes) -> Result<Vec<u32>> {
    let last = dims.len() - 1;
    // Places in a task are counted in 32 bits.
    count(OP, (1..=last).map(|d| (dims[d] - 1) * stride[d]).sum())?;
    let rows = Strides::new(OP, &dims[1..last], [&stride[1..last]])?;
    let sizes = [sizes.rows, sizes.columns, stride[0], stride[last]];
    let sizes = sizes.into_iter().map(|n| count(OP, n)).collect::<Result<Vec<_>>>()?;
    Ok([&sizes, rows.words()].concat())
}

/// The words of `Vector`, for vectors `(t, k)`.
fn vector(v: &Tensor) -> Result<[u32; 2]> {
    Ok([count(OP, v.stride()[0])?, count(OP, v.stride()[1])?])
}

/// The shapes `(t, steps, k)` and `(t, steps, n)`. Memory is for one step at least: there are no
/// allocations of nothing.
fn shapes(sizes: Sizes, steps: usize) -> Result<[[usize; 3]; 2]> {
    let Sizes { tasks, rows, columns } = sizes;
    // What lies in one task is counted in 32 bits.
    count(OP, steps.saturating_mul(rows.max(columns)))?;
    Ok([columns, rows].map(|size| [tasks, steps.max(1), size]))
}

pub(super) fn descend(
    design: &Tensor,
    targets: &Tensor,
    start: &Tensor,
    rate: &Tensor,
    steps: usize,
    sizes: Sizes,
) -> Result<(Tensor, Path)> {
    let targets = &contiguous(targets)?;
    let (of, from) = (matrix(design.dims(), design.stride(), sizes)?, vector(start)?);
    let ([narrow, tall], dtype) = (shapes(sizes, steps)?, design.dtype());
    let tasks = count(OP, sizes.tasks)?;
    let results = [(start.dims(), dtype), (&narrow, dtype), (&tall, dtype), (&narrow, dtype)];
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Result(3),
        Arg::Of(design),
        Arg::Of(targets),
        Arg::Of(start),
        Arg::Of(rate),
        Arg::Count(count(OP, steps)?),
        Arg::Count(by_columns(design).into()),
        Arg::Words(&of),
        Arg::Words(&from),
        Arg::Count(count(OP, rate.stride()[0])?),
    ];
    // SAFETY: there is a block for each of the `t` tasks. Design, start and rate have the sizes of
    // the operation and are read with their own strides, targets are `(t, n)`. What is saved is
    // written step by step: all of it, unless there is no step, and then nobody sees it.
    let [after, before, errors, slopes] = unsafe {
        launch(kernel("descent_steps", tasks, sizes), design.device(), dtype, results, &arguments)
    }?;
    let taken = |t: Tensor| t.narrow(1, 0, steps);
    Ok((after, Path { before: taken(before)?, errors: taken(errors)?, slopes: taken(slopes)? }))
}

pub(super) fn gradient(
    design: &Tensor,
    rate: &Tensor,
    path: &Path,
    g: &Tensor,
    sizes: Sizes,
) -> Result<[Tensor; 3]> {
    let steps = path.before.dims()[1];
    let ([narrow, tall], dtype) = (shapes(sizes, steps)?, design.dtype());
    // In the order of storage of the design matrix, as on the processor.
    let order = order(design);
    let stored: Vec<usize> = order.iter().map(|&d| design.dims()[d]).collect();
    let (mut back, mut stride) = (vec![0; order.len()], vec![0; order.len()]);
    for (at, &d) in order.iter().enumerate() {
        (back[d], stride[d]) = (at, stored[at + 1..].iter().product());
    }
    let (of, to) = (matrix(design.dims(), design.stride(), sizes)?, matrix(design.dims(), &stride, sizes)?);
    let (from, tasks) = (vector(g)?, count(OP, sizes.tasks)?);
    let results =
        [(&stored[..], dtype), (g.dims(), dtype), (g.dims(), dtype), (&narrow, dtype), (&tall, dtype)];
    let arguments = [
        Arg::Result(0),
        Arg::Result(1),
        Arg::Result(2),
        Arg::Result(3),
        Arg::Result(4),
        Arg::Of(design),
        Arg::Of(rate),
        Arg::Of(&path.before),
        Arg::Of(&path.errors),
        Arg::Of(&path.slopes),
        Arg::Of(g),
        Arg::Count(count(OP, steps)?),
        Arg::Count(by_columns(design).into()),
        Arg::Words(&of),
        Arg::Words(&from),
        Arg::Count(count(OP, rate.stride()[0])?),
        Arg::Words(&to),
    ];
    // SAFETY: as in `descend`; the path has the shapes that were compared with these sizes, and the
    // strides of the gradient by the design matrix are those of its own contiguous storage.
    let [by_design, by_start, by_rate, _, _] = unsafe {
        launch(kernel("descent_gradient", tasks, sizes), design.device(), dtype, results, &arguments)
    }?;
    Ok([by_design.permute(back)?, by_start, sum_keepdim(&by_rate, &[0])?.reshape(sizes.columns)?])
}

#[cfg(test)]
mod tests {
    use super::{Sizes, matrix, threads};

    #[test]
    fn a_design_matrix_is_described_by_its_strides() -> crate::Result<()> {
        let sizes = |tasks, rows, columns| Sizes { tasks, rows, columns };
        assert_eq!([threads(sizes(1, 3, 5)), threads(sizes(32, 19 * 68, 30))], [32, 512]);
        // Columns stored first, then tasks: rows are one dimension.
        let words = matrix(&[2, 3, 4, 5], &[12, 4, 1, 24], sizes(2, 12, 5))?;
        assert_eq!(words[..6], [12, 5, 12, 24, 1, 12]);
        assert!(matrix(&[2, 3, 5], &[1, 1 << 31, 1], sizes(2, 3, 5)).is_err());
        Ok(())
    }
}
