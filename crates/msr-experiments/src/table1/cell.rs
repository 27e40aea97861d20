//! Training and testing one cell of Table 1.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use msr_data::{EpisodeSampler, RankK, SamplerConfig};
use msr_episodes::{Shots, Split, TaskSource};
use msr_groups::SharingPattern;
use msr_meta::Trainer;
use msr_report::picture::{self, Picture};
use serde::{Deserialize, Serialize};

use super::Table1;
use crate::engine::{
    Cell, CellFolder, CellTasks, Experiment, Mean, Prepared, Run, Shape, Truth, entries, open_file, weights,
};

/// What a file of the authors holds.
const ARRAYS: &str = "x (tasks, examples, 1, n), y (tasks, examples, 1, m) and, where known, the filters w";

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub method: String,
    pub rank: usize,
    pub set: String,
    pub seed: u64,
    #[serde(flatten)]
    pub error: Mean,
    pub test_tasks: usize,
}

/// Trains and tests a cell: data, model, learner, trainer, test.
pub fn run(run: &Run<Table1>, cell: &Cell<Table1>, folder: &CellFolder) -> Result<Outcome> {
    let mut prepared = prepare(run, cell, run.device.open()?)?;
    let source = source(run, cell)?;
    // Rank 1 is a convolution; a higher rank has no exact symmetry.
    prepared.tasks.truth = if cell.problem.rank == 1 { Some(translations(source.as_ref())?) } else { None };
    let training = &run.definition.training;
    let learner = prepared.learner(&cell.method, cell.seed, training)?;
    let (trainer, tested) = training.run(learner, &prepared.tasks, folder)?;
    let tested = tested.last().context("the training made no test")?;
    if let Some(picture) = picture_of(cell, &trainer, source.as_ref(), &prepared.tasks)? {
        folder.files.write_picture("symmetry", &picture)?;
    }
    Ok(Outcome {
        method: cell.method.name.clone(),
        rank: cell.problem.rank,
        set: cell.problem.set.clone(),
        seed: cell.seed,
        error: tested.error,
        test_tasks: tested.tasks,
    })
}

/// The tasks of a cell, from a generator or a file of the authors: four fifths of them train, the
/// rest test.
pub fn prepare(run: &Run<Table1>, cell: &Cell<Table1>, device: Device) -> Result<Prepared> {
    let source = source(run, cell)?;
    let (inputs, outputs) = sizes(source.as_ref())?;
    check_filters(source.as_ref())?;
    let set = &cell.problem.set;
    let read = || format!("{}, {set} set: maps from {inputs} to {outputs} numbers", source.name());
    let read = run.data.is_some().then(read);
    let tasks = &run.definition.tasks;
    let split = Split::four_fifths(source.tasks().unwrap_or(tasks.total));
    let split = run.definition.training.split(split);
    let config = SamplerConfig {
        split,
        train: Shots { support: cell.problem.support, query: cell.problem.query },
        test: Shots { support: tasks.test_support, query: tasks.test_query },
        meta_batch: run.definition.training.meta_batch,
        seed: cell.seed,
    };
    let tasks = CellTasks::sampled(
        EpisodeSampler::new(source, config)?,
        tasks.test_tasks.unwrap_or(usize::MAX),
        tasks.test_batch,
        device,
    );
    let shape = Shape::Vectors { inputs, outputs };
    Ok(Prepared { tasks, shape, filter_params: cell.problem.filter_params, read, given: None })
}

/// The maps of the cell's tasks.
fn source(run: &Run<Table1>, cell: &Cell<Table1>) -> Result<Arc<dyn TaskSource>> {
    let rank = cell.problem.rank;
    match &run.data {
        Some(folder) => open_file(folder, &format!("rank{rank}.npz"), &run.arrays, ARRAYS),
        None => Ok(Arc::new(RankK::new(rank, cell.seed)?)),
    }
}

/// The numbers of inputs and outputs.
fn sizes(source: &dyn TaskSource) -> Result<(usize, usize)> {
    let (input, output) = (source.input_shape(), source.output_shape());
    match (&input[..], &output[..]) {
        (&[1, n], &[1, m]) if n >= m => Ok((n, m)),
        _ => bail!(
            "{}: tasks of Table 1 have inputs (1, n) and outputs (1, m ≤ n), got {input:?} and {output:?}",
            source.name()
        ),
    }
}

/// Refuses true weights that are not one filter for each output. They are looked at once the
/// training is over, for a picture.
fn check_filters(source: &dyn TaskSource) -> Result<()> {
    let (n, m) = sizes(source)?;
    let taps = n - m + 1;
    let Some((shape, _)) = source.true_weights(0)? else { return Ok(()) };
    let fits = shape.strip_suffix(&[m, taps]).is_some_and(|first| first.iter().all(|&size| size == 1));
    ensure!(
        fits,
        "{}: maps from {n} to {m} numbers have {m} filters of {taps}, so each task's entry of w should be (1, …, {m}, \
         {taps}); it is {shape:?}; mend the array w, or leave it out",
        source.name()
    );
    Ok(())
}

/// The ties of a convolution: weights with the same offset between input and output are one.
fn translations(source: &dyn TaskSource) -> Result<Truth> {
    let (n, m) = sizes(source)?;
    let offsets: Vec<i64> = (0..m * n).map(|weight| (weight % n) as i64 - (weight / n) as i64).collect();
    Ok(Truth::Pattern(SharingPattern::from_labels(m, n, &offsets)?))
}

/// The learned symmetry matrix, and for the first test task the weight it gives beside the true
/// one; nothing when none was learned.
fn picture_of(
    cell: &Cell<Table1>,
    trainer: &Trainer,
    source: &dyn TaskSource,
    tasks: &CellTasks,
) -> Result<Option<Picture>> {
    let (n, m) = sizes(source)?;
    let layers = trainer.learner().learned()?.symmetric_layers()?;
    let Some([(_, symmetry)]) = layers.first().map(|layer| &layer.matrices[..]) else { return Ok(None) };
    let test = tasks.test(0..1)?;
    let weights = weights(&trainer.learner().adapt(&test.support)?)?;
    let weight = weights.first().context("there are no test tasks")?;
    let truth = true_weight(source, test.tasks[0])?;
    let columns = entries(&symmetry.t()?)?.chunks(m * n).map(<[f64]>::to_vec).collect::<Vec<_>>();
    Ok(Some(picture::symmetry(&Table1::cell_name(cell), &columns, weight, truth.as_deref(), m, n)?))
}

/// The weight of a task's true map, row by row, where the source knows its filters: each output has
/// a filter of its own, which begins at the input of the same number.
fn true_weight(source: &dyn TaskSource, task: usize) -> Result<Option<Vec<f64>>> {
    let (n, m) = sizes(source)?;
    let kernel = n - m + 1;
    Ok(source.true_weights(task)?.map(|(_, filters)| {
        let mut dense = vec![0.0; m * n];
        for (i, filter) in filters.chunks(kernel).enumerate() {
            for (j, &value) in filter.iter().enumerate() {
                dense[i * n + i + j] = f64::from(value);
            }
        }
        dense
    }))
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result, bail};
    use msr_data::RankK;
    use msr_groups::equivariance_error;

    use super::{Truth, translations, true_weight};

    #[test]
    fn maps_of_rank_one_and_of_no_higher_rank_are_convolutions() -> Result<()> {
        for rank in [1, 2, 5] {
            let source = RankK::new(rank, 0)?;
            let Truth::Pattern(pattern) = translations(&source)? else { bail!("not a pattern") };
            let weight = true_weight(&source, 3)?.context("a generator knows its maps")?;
            let error = equivariance_error(&weight, &pattern)?;
            assert!(if rank == 1 { error < 1e-6 } else { error > 0.1 }, "rank {rank}: {error}");
        }
        Ok(())
    }
}
