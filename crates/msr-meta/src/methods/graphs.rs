//! Which tasks of an episode share a graph.
//!
//! One graph for all tasks has the fewest operations, which is what counts where each of them is
//! small. Where tasks are large, a graph for each needs a fraction of the memory, stays in the
//! caches, and keeps several processors busy.

use std::num::NonZeroUsize;
use std::ops::Range;

use msr_episodes::Episode;
use msr_kernels::side_by_side;
use msr_layers::Layer;
use rayon::prelude::*;

use crate::error::Result;

/// The numbers of a task's examples from which it gets a graph of its own, in a deep model.
const LARGE: usize = 4096;

/// Consecutive tasks that share a graph. The number of threads has no say.
pub(super) fn graphs(
    model: &dyn Layer,
    chosen: Option<NonZeroUsize>,
    episode: &Episode,
) -> Vec<Range<usize>> {
    let tasks = episode.tasks.len();
    let numbers = episode.support.x.elem_count() + episode.query.x.elem_count();
    let each = match chosen {
        Some(chosen) => chosen.get(),
        // A GPU is busy with all of them at once alone.
        None if !episode.support.x.device().is_cpu() => tasks.max(1),
        // Models that are linear in what is adapted have little to do for each task.
        None if numbers / tasks.max(1) >= LARGE && model.linear_in_adapted().is_none() => 1,
        None => tasks.max(1),
    };
    (0..tasks).step_by(each).map(|start| start..tasks.min(start + each)).collect()
}

/// What `f` gives for each of these parts of an episode, in their order; computed on all threads of
/// the current rayon pool.
pub(super) fn of_each<T: Send>(
    episode: &Episode,
    graphs: Vec<Range<usize>>,
    f: impl Fn(&Episode) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let part = |tasks: Range<usize>| {
        f(&Episode {
            tasks: episode.tasks[tasks.clone()].to_vec(),
            support: episode.support.of_tasks(tasks.clone())?,
            query: episode.query.of_tasks(tasks)?,
        })
    };
    match graphs.len() {
        1 => Ok(vec![f(episode)?]),
        _ => graphs.into_par_iter().map(|tasks| side_by_side(|| part(tasks))).collect(),
    }
}
