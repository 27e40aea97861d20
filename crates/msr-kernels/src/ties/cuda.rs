//! Tied elements on a GPU: a gather, and a sum over segments whose order depends on the ties
//! alone.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::Tensor;

use super::{Ties, with_last};
use crate::cuda::{Arg, Grid, Kernel, contiguous, count, launch};
use crate::error::Result;

/// Elements of a parameter, on average, from which a block adds them.
const MANY: usize = 64;

/// Threads that keep a device busy: with fewer along x, tasks are divided among blocks.
const BUSY: usize = 1 << 17;

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: "ties", name, grid }
}

/// As many blocks along y as it takes to keep the device busy, when there are so many threads for
/// each task.
fn with_tasks(grid: Grid, tasks: usize) -> Grid {
    let along_x = grid.blocks[0] as usize * grid.threads as usize;
    grid.for_each(tasks.min(BUSY.div_ceil(along_x)))
}

/// The value of its parameter for each element.
pub(super) fn expand(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    let x = &contiguous(x)?;
    let (n, k) = (ties.elements(), ties.count);
    let tasks = x.elem_count() / k;
    let shape = with_last(x.dims(), n);
    let parameter = ties.parameter.on(x.device())?;
    let arguments = [
        Arg::Result(0),
        Arg::Of(x),
        Arg::Of(&parameter),
        Arg::Count(count("expand_tied", tasks)?),
        Arg::Count(count("expand_tied", n)?),
        Arg::Count(count("expand_tied", k)?),
    ];
    let kernel = kernel("ties_expand", with_tasks(Grid::over(n.div_ceil(2)), tasks));
    // SAFETY: x has `tasks` rows of k, there are n parameters below k, and the result has `tasks`
    // rows of n. All are at addresses for packs: they are whole allocations, or x is read number by
    // number.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(&shape, x.dtype())], &arguments) }?;
    Ok(y)
}

/// The sum over what is tied to each parameter.
pub(super) fn sum(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    let x = &contiguous(x)?;
    let (n, k) = (ties.elements(), ties.count);
    let tasks = x.elem_count() / n;
    let shape = with_last(x.dims(), k);
    let elements = count("sum_tied", n)?;
    let [order, starts] = ties.segments().each_ref().map(|numbers| numbers.on(x.device()));
    let (order, starts) = (order?, starts?);
    let parameters = count("sum_tied", k)?;
    let arguments = [
        Arg::Result(0),
        Arg::Of(x),
        Arg::Of(&order),
        Arg::Of(&starts),
        Arg::Count(count("sum_tied", tasks)?),
        Arg::Count(elements),
        Arg::Count(parameters),
    ];
    let kernel = match n / k {
        0..MANY => kernel("ties_sum_few", with_tasks(Grid::over(k), tasks)),
        each => kernel("ties_sum_many", with_tasks(Grid::blocks(parameters, each / 4), tasks)),
    };
    // SAFETY: x has `tasks` rows of n, `order` has n numbers below n, `starts` k + 1 numbers up to
    // n, and the result `tasks` rows of k.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(&shape, x.dtype())], &arguments) }?;
    Ok(y)
}
