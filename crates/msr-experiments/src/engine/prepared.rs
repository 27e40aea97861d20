//! What a training run works with, made before anything is written.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use msr_meta::{Learner, Trainer};
use msr_report::available_memory;
use msr_symmetry::Learned;

use super::device::DeviceName;
use super::experiment::{Cell, Experiment, Run};
use super::memory::{in_words, least_bytes, side_by_side};
use super::model::{Model, Shape};
use super::settings::{Method, Training};
use super::start::{Start, SymmetryStart};
use super::tasks::CellTasks;

/// The data of a training run and the shape of its model.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The tasks.
    pub tasks: CellTasks,
    /// Between what the model maps.
    pub shape: Shape,
    /// Columns of U, where one is learned and its size is free.
    pub filter_params: usize,
    /// What was read from files of the user, in words; nothing where tasks are generated.
    pub read: Option<String>,
    /// What was learned before, for methods whose symmetry matrices start from it.
    pub given: Option<Arc<Learned>>,
}

impl Prepared {
    /// The learner of a cell at its start.
    pub fn learner(&self, method: &Method, seed: u64, training: &Training) -> Result<Box<dyn Learner>> {
        let start = match method.symmetry {
            SymmetryStart::Identity => Start::Identity,
            SymmetryStart::Orthogonal => Start::Orthogonal,
            SymmetryStart::Given => {
                let given = self.given.clone();
                Start::Given(given.with_context(|| {
                    format!(
                        "{} starts from symmetry matrices that were learned before, which this experiment does not take",
                        method.name
                    )
                })?)
            }
        };
        let (layer, shape, device) = (method.layer, &self.shape, &self.tasks.device);
        let model = Model::starting(layer, shape, self.filter_params, seed, device, &start)?;
        method.learner(&model, training)
    }
}

/// What is known before a run begins.
#[derive(Clone, Debug)]
pub struct TriedOut {
    /// What was read, and what memory it takes, in words.
    pub lines: Vec<String>,
    /// How many training runs go side by side.
    pub workers: usize,
}

/// Makes everything that training runs work with, of each problem and method once, so that what
/// cannot work is refused before anything is written: sizes first, against the memory that there
/// is, then the first tasks of training and test, models, learners and optimisers.
pub fn try_out<E: Experiment>(run: &Run<E>) -> Result<TriedOut> {
    let cells: Vec<Cell<E>> = run.definition.cells_of(0).collect();
    let prepare = |cell: &Cell<E>| E::prepare(run, cell, Device::Cpu).with_context(|| E::cell_name(cell));
    let available = match run.device {
        DeviceName::Cpu => available_memory(),
        DeviceName::Cuda => None,
    };
    let (mut lines, mut least, mut workers) = (Vec::new(), 0, 1);
    let mut tried = HashSet::new();
    for cell in &cells {
        let prepared = prepare(cell)?;
        let (method, training) = E::plan(run, cell);
        least = least_bytes(&prepared, &method, &training).max(least);
        workers = side_by_side(least, available, run.device, run.definition.cell_count())
            .with_context(|| E::cell_name(cell))?;
        if tried.insert(E::name(&cell.problem)) {
            let used = prepared.tasks.try_out().with_context(|| E::cell_name(cell))?;
            lines.extend(prepared.read.as_ref().map(|read| format!("{read}: {used}")));
        }
        let learner = prepared.learner(&method, cell.seed, &training);
        let trainer = learner.and_then(|learner| Ok(Trainer::new(learner, training.adam())?));
        trainer.with_context(|| E::cell_name(cell))?;
    }
    ensure!(!cells.is_empty(), "there is nothing to run");
    let least = in_words(least);
    let at_once = if workers == 1 { "one goes".to_string() } else { format!("{workers} go") };
    lines.push(format!("a training run needs at least {least} of memory; {at_once} at a time"));
    Ok(TriedOut { lines, workers })
}
