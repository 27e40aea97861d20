//! All tensors in one launch.
#![expect(unsafe_code, reason = "launches a kernel")]

use candle_core::Tensor;

use super::OP;
use crate::cuda::{Arg, Kernel, MOST_TENSORS, Many, contiguous, count, launch};
use crate::error::Result;

/// The sums; there is a tensor at least, none is empty, and all have as many tasks.
pub(super) fn sum(tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
    let mut sums = Vec::with_capacity(tensors.len());
    for tensors in tensors.chunks(MOST_TENSORS) {
        let (tasks, first) = (tensors[0].dims()[0], tensors[0]);
        let in_memory = tensors.iter().map(|t| contiguous(t)).collect::<Result<Vec<_>>>()?;
        let all: Vec<&Tensor> = in_memory.iter().collect();
        for t in &all {
            count(OP, t.elem_count())?;
        }
        let sizes: Vec<usize> = tensors.iter().map(|t| t.elem_count() / tasks).collect();
        let many = Many::of(OP, &sizes)?;
        let arguments = [
            Arg::Result(0),
            Arg::All(&all, MOST_TENSORS),
            Arg::Count(count(OP, tasks)?),
            Arg::Words(&many.words),
        ];
        let kernel = Kernel { operation: OP, name: "sum_tasks", grid: many.grid() };
        let result = (&[many.room()][..], first.dtype());
        // SAFETY: each tensor has `tasks` times as many elements as `many` says of it, side by
        // side; the result has a place for each chunk.
        let [room] = unsafe { launch(kernel, first.device(), first.dtype(), [result], &arguments) }?;
        sums.extend(Many::views(&room, &tensors.iter().map(|t| &t.dims()[1..]).collect::<Vec<_>>())?);
    }
    Ok(sums)
}
