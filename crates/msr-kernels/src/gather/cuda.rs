//! Elements by index on a GPU. A sum looks for its own summands among the indices of its row, so
//! that its order is that of the row.
#![expect(unsafe_code, reason = "launches kernels")]

use candle_core::{DType, Tensor};

use crate::cuda::{Arg, Grid, Kernel, count, launch};
use crate::error::Result;

/// Indices of a row up to which a sum reads them from memory.
const FEW: usize = 16;

/// Whether the indices are such as the kernels read.
pub(super) fn takes(x: &Tensor, index: &Tensor) -> bool {
    index.dtype() == DType::U32 && index.device().same_device(x.device()) && !index.track_op()
}

fn kernel(name: &'static str, grid: Grid) -> Kernel {
    Kernel { operation: "gather", name, grid }
}

/// The distances of rows and of columns of a matrix: the words of `Strides2` in `kernel.cu`.
fn strides(op: &'static str, x: &Tensor) -> Result<[u32; 2]> {
    Ok([count(op, x.stride()[0])?, count(op, x.stride()[1])?])
}

/// `y[r, j] = x[r, index[r, j]]`, which is not empty.
pub(super) fn gather(x: &Tensor, index: &Tensor) -> Result<Tensor> {
    const OP: &str = "gather";
    let (of_x, of_index) = (strides(OP, x)?, strides(OP, index)?);
    let arguments = [
        Arg::Result(0),
        Arg::Of(x),
        Arg::Of(index),
        Arg::Count(count(OP, index.elem_count())?),
        Arg::Count(count(OP, index.dims()[1])?),
        Arg::Count(count(OP, x.dims()[1])?),
        Arg::Words(&of_x),
        Arg::Words(&of_index),
    ];
    let kernel = kernel("gather", Grid::over(index.elem_count()));
    // SAFETY: both are matrices with equally many rows, read with their own strides; what an index
    // that is too large names is not read. The result has the shape of the index.
    let [y] = unsafe { launch(kernel, x.device(), x.dtype(), [(index.dims(), x.dtype())], &arguments) }?;
    Ok(y)
}

/// `y[r, index[r, j]] += x[r, j]` into zeros of `size` columns; neither is empty.
pub(super) fn scatter_add(x: &Tensor, index: &Tensor, size: usize) -> Result<Tensor> {
    const OP: &str = "scatter_add";
    let &[rows, k] = x.dims() else { return Err(crate::Error::shape(OP, "a matrix", x.dims())) };
    let (of_x, of_index) = (strides(OP, x)?, strides(OP, index)?);
    let all = count(OP, rows * size)?;
    let (name, first, grid) = match k <= FEW {
        true => ("scatter_add_few", all, Grid::over(rows * size)),
        false => ("scatter_add_many", count(OP, rows)?, columns(size).for_each(rows)),
    };
    let arguments = [
        Arg::Result(0),
        Arg::Of(x),
        Arg::Of(index),
        Arg::Count(first),
        Arg::Count(count(OP, k)?),
        Arg::Count(count(OP, size)?),
        Arg::Words(&of_x),
        Arg::Words(&of_index),
    ];
    // SAFETY: x and the index are matrices of one shape, read with their own strides. Each of the
    // `size` sums of a row has a thread, which writes it.
    let [y] = unsafe {
        launch(kernel(name, grid), x.device(), x.dtype(), [(&[rows, size], x.dtype())], &arguments)
    }?;
    Ok(y)
}

/// A thread for each of `size` columns, however many; none goes on with others.
fn columns(size: usize) -> Grid {
    let threads = size.clamp(32, 256).next_multiple_of(32);
    Grid::blocks(u32::try_from(size.div_ceil(threads)).unwrap_or(u32::MAX), threads)
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn every_column_has_a_thread() {
        for size in [1, 33, 256, 257, 1 << 20] {
            let grid = columns(size);
            assert!(grid.blocks[0] as usize * grid.threads as usize >= size);
        }
        assert_eq!((columns(33).blocks[0], columns(33).threads), (1, 64));
    }
}
