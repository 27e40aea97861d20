//! Training and testing one cell of Table 2, and what it learned.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use msr_data::{EpisodeSampler, SamplerConfig, SteerableConv, SteerableConvConfig};
use msr_episodes::{Shots, Split, TaskSource};
use msr_layers::{Conv2d, Conv2dConfig, SeededVars, Values};
use msr_meta::{Adapted, Trainer};
use serde::{Deserialize, Serialize};

use super::Table2;
use super::filters::Filters;
use super::pictures;
use super::sizes::Sizes;
use super::symmetry::{Equivariance, SymmetryReport};
use crate::engine::{
    Cell, CellFolder, CellTasks, Experiment, Mean, Prepared, Run, Shape, Tested, Truth, factors, open_file,
    weights,
};

/// What a file of the authors holds.
const ARRAYS: &str =
    "x (tasks, examples, 1, n, n), y (tasks, examples, channels, m, m) and, where known, the filters w";
/// Test tasks whose adapted filters are looked at.
const INSPECTED: usize = 20;

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub method: String,
    pub problem: String,
    pub seed: u64,
    pub tested: Vec<Tested>,
    /// For methods with a symmetry matrix.
    pub symmetry: Option<SymmetryReport>,
    pub equivariance: Equivariance,
}

impl Outcome {
    /// What the test after so many outer steps gave, if there was one.
    pub fn after(&self, outer_steps: u64) -> Option<Mean> {
        Some(self.tested.iter().find(|t| t.outer_steps == outer_steps)?.error)
    }
}

/// Trains and tests a cell (data, model, learner, trainer, test), and looks at what it learned.
pub fn run(run: &Run<Table2>, cell: &Cell<Table2>, folder: &CellFolder) -> Result<Outcome> {
    let prepared = prepare(run, cell, run.device.open()?)?;
    let tasks = &prepared.tasks;
    let source = source(run, cell)?;
    let source = source.as_ref();
    let sizes = Sizes::of(source, cell.problem.group())?;
    let training = &run.definition.training;
    let learner = prepared.learner(&cell.method, cell.seed, training)?;
    let (trainer, tested) = training.run(learner, tasks, folder)?;
    folder.bar.set_message("reading out");
    let (filters, equivariance) = adapted_filters(cell, &trainer, source, sizes, tasks)?;
    filters.write(&folder.files, sizes)?;
    let (name, group) = (Table2::cell_name(cell), cell.problem.group());
    folder.files.write_picture("filters", &pictures::filters(&name, group, sizes, &filters)?)?;
    let learned = trainer.learner().learned()?;
    for layer in learned.symmetric_layers()? {
        let matrices: Vec<Tensor> = layer.matrices.into_iter().map(|(_, matrix)| matrix).collect();
        let basis = pictures::basis(&name, group, sizes, &matrices, &filters.learned)?;
        folder.files.write_picture("basis", &basis)?;
        if matrices.len() > 1 {
            folder.files.write_picture("factors", &factors(&name, &matrices)?)?;
        }
    }
    Ok(Outcome {
        method: cell.method.name.clone(),
        problem: cell.problem.name.clone(),
        seed: cell.seed,
        tested,
        symmetry: SymmetryReport::of(&learned, group)?,
        equivariance,
    })
}

/// The maps of the cell's tasks: a generator, or a file of the authors.
fn source(run: &Run<Table2>, cell: &Cell<Table2>) -> Result<Arc<dyn TaskSource>> {
    match &run.data {
        Some(folder) => open_file(folder, &cell.problem.file, &run.arrays, ARRAYS),
        None => Ok(Arc::new(SteerableConv::new(SteerableConvConfig::new(cell.problem.group(), cell.seed))?)),
    }
}

/// The tasks of a cell; those of a file are split into four fifths and one.
pub fn prepare(run: &Run<Table2>, cell: &Cell<Table2>, device: Device) -> Result<Prepared> {
    let source = source(run, cell)?;
    let sizes = Sizes::of(source.as_ref(), cell.problem.group())?;
    let Sizes { channels, kernel } = sizes;
    let read = match run.data {
        Some(_) => Some(in_words(&cell.problem.name, source.as_ref(), sizes)?),
        None => None,
    };
    let tasks = &run.definition.tasks;
    let split = source.tasks().map_or(Split::new(tasks.train, tasks.test), Split::four_fifths);
    let split = run.definition.training.split(split);
    let shots = Shots { support: tasks.support, query: tasks.query };
    let config = SamplerConfig::new(split, shots, run.definition.training.meta_batch, cell.seed);
    let mut tasks =
        CellTasks::sampled(EpisodeSampler::new(source, config)?, tasks.test_tasks, tasks.test_batch, device);
    tasks.truth = Some(Truth::Plane(cell.problem.group()));
    let shape = Shape::Images { channels, kernel };
    Ok(Prepared { tasks, shape, filter_params: cell.problem.filter_params, read, given: None })
}

/// What was read of a file of the authors.
fn in_words(problem: &str, source: &dyn TaskSource, sizes: Sizes) -> Result<String> {
    let Sizes { channels, kernel } = sizes;
    let read = format!("{problem}: {}, {channels} channels of {kernel} × {kernel} taps", source.name());
    Ok(match source.true_weights(0)? {
        Some((shape, _)) if !is_filters(&shape, sizes) => format!(
            "{read} (w is {shape:?} for a task, not ({channels}, 1, {kernel}, {kernel}): true filters are not shown)"
        ),
        _ => read,
    })
}

/// Whether an array of this shape holds the filters of a task.
fn is_filters(shape: &[usize], sizes: Sizes) -> bool {
    let Sizes { channels, kernel } = sizes;
    let longer_than_one = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    longer_than_one(shape) == longer_than_one(&[channels, kernel, kernel])
}

/// The filters of some test tasks after adaptation, and how equivariant they are.
fn adapted_filters(
    cell: &Cell<Table2>,
    trainer: &Trainer,
    source: &dyn TaskSource,
    sizes: Sizes,
    tasks: &CellTasks,
) -> Result<(Filters, Equivariance)> {
    let test = tasks.test(0..INSPECTED.min(tasks.count()))?;
    let adapted = trainer.learner().adapt(&test.support)?;
    let learned = weights(&adapted)?;
    let truth = test.tasks.iter().map(|&task| true_filters(source, task, sizes));
    let truth = truth.collect::<Result<Option<Vec<_>>>>()?;
    let true_layer = truth.as_deref().map(|truth| with_filters(truth, sizes, &tasks.device)).transpose()?;
    let group = cell.problem.group();
    let equivariance = Equivariance::of(group, sizes, &learned, &adapted, true_layer.as_ref(), cell.seed)?;
    Ok((Filters { learned, truth }, equivariance))
}

/// A convolution with these filters, one set for each task.
fn with_filters(filters: &[Vec<f64>], sizes: Sizes, device: &Device) -> Result<Adapted> {
    let Sizes { channels, kernel } = sizes;
    let conv = Conv2dConfig::new(1, channels, kernel);
    let layer = Conv2d::new(conv, SeededVars::new(0).builder(DType::F64, device))?;
    let weight = Tensor::from_vec(filters.concat(), (filters.len(), channels, 1, kernel, kernel), device)?;
    Ok(Adapted::new(Arc::new(layer), &Values::constants(&[], &[weight]))?)
}

/// The true filters of a task, `o · k²` numbers, where the source knows them in this form.
fn true_filters(source: &dyn TaskSource, task: usize, sizes: Sizes) -> Result<Option<Vec<f64>>> {
    let known = source.true_weights(task)?.filter(|(shape, _)| is_filters(shape, sizes));
    Ok(known.map(|(_, w)| w.iter().map(|&w| f64::from(w)).collect()))
}
