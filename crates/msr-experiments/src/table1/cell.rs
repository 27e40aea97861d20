//! Training and testing one cell of Table 1.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device};
use indicatif::ProgressBar;
use msr_data::{EpisodeSampler, RankK, Shots, Split, TaskSource};
use msr_layers::{
    Conv1d, Conv1dConfig, Layer, Linear, LinearConfig, LocallyConnected1d, LocallyConnected1dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars,
};
use msr_meta::Objective;
use serde::{Deserialize, Serialize};

use super::definition::LayerKind;
use super::plan::{Cell, Plan};
use crate::comparison::{open_file, try_out};
use crate::device::device;
use crate::report::picture;
use crate::run_folder::RunFolder;
use crate::runner::{RunCell, RunPlan};
use crate::training::{Course, batch, weight_shape};

/// What a file of the authors holds.
const ARRAYS: &str = "x (tasks, examples, 1, n), y (tasks, examples, 1, m) and, where known, the filters w";

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    pub method: String,
    pub rank: usize,
    pub set: String,
    pub seed: u64,
    pub mean: f64,
    pub half_width: f64,
    pub test_tasks: usize,
}

/// Trains and tests a cell, from its checkpoint when there is one. Runs on the calling thread.
pub fn run(plan: &Plan, cell: &Cell, folder: &RunFolder, bar: &ProgressBar) -> Result<CellResult> {
    let device = device(plan.settings.device)?;
    let source = source(plan, cell)?;
    let sampler = sampler(plan, cell, source.clone())?;
    let model = model(cell, source.as_ref(), &device)?;
    let course = course(plan, cell);
    let config = plan.definition.training.learner_config(&plan.settings);
    let objective = cell.method.learner.objective(model.clone(), &config)?;
    let metadata =
        weight_shape(&[source.output_shape().iter().product(), source.input_shape().iter().product()]);
    let (trainer, tested) = course.run(metadata, objective, &sampler, &device, folder, bar)?;
    let tested = tested.last().context("the course made no test")?;
    if cell.method.layer == LayerKind::ReparamLinear {
        let picture =
            picture_of(cell, plan, trainer.objective(), model.as_ref(), source.as_ref(), &sampler, &device)?;
        folder.write("symmetry.png", &picture)?;
    }
    Ok(CellResult {
        method: cell.method.name.clone(),
        rank: cell.problem.rank,
        set: cell.set.name.clone(),
        seed: cell.seed,
        mean: tested.mean,
        half_width: tested.half_width,
        test_tasks: tested.tasks,
    })
}

/// Opens the authors' files once and tries them out, with the examples of each training set.
pub fn check_data(plan: &Plan) -> Result<()> {
    let mut opened: HashMap<usize, Arc<dyn TaskSource>> = HashMap::new();
    let mut tried = HashSet::new();
    for cell in plan.cells().iter().filter(|_| plan.settings.data.is_some()) {
        let rank = cell.problem.rank;
        if !tried.insert((rank, cell.set.name.clone())) {
            continue;
        }
        let source = match opened.get(&rank) {
            Some(source) => source.clone(),
            None => source(plan, cell)?,
        };
        opened.insert(rank, source.clone());
        let (n, m) = sizes(source.as_ref())?;
        let what = format!("{}, {} set: maps from {n} to {m} numbers", source.name(), cell.set.name);
        try_out(&sampler(plan, cell, source)?, &course(plan, cell), &what)?;
    }
    Ok(())
}

/// Four fifths of the tasks train, the rest test.
fn sampler(plan: &Plan, cell: &Cell, source: Arc<dyn TaskSource>) -> Result<EpisodeSampler> {
    let split = Split::four_fifths(source.tasks().unwrap_or(plan.definition.tasks.total));
    Ok(EpisodeSampler::new(source, split, cell.seed)?)
}

fn course(plan: &Plan, cell: &Cell) -> Course {
    let tasks = &plan.definition.tasks;
    let shots = Shots { support: cell.set.support, query: cell.set.query };
    Course {
        test_shots: Shots { support: tasks.test_support, query: tasks.test_query },
        test_tasks: plan.test_tasks,
        ..plan.definition.training.course(&plan.settings, shots, tasks.test_batch)
    }
}

/// The cell's tasks.
fn source(plan: &Plan, cell: &Cell) -> Result<Arc<dyn TaskSource>> {
    let rank = cell.problem.rank;
    match &plan.settings.data {
        Some(folder) => open_file(folder, &format!("rank{rank}.npz"), ARRAYS),
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

/// The cell's model, freshly initialised.
fn model(cell: &Cell, source: &dyn TaskSource, device: &Device) -> Result<Arc<dyn Layer>> {
    let (n, m) = sizes(source)?;
    let kernel = n - m + 1;
    let vb = SeededVars::new(cell.seed).builder(DType::F32, device);
    tracing::debug!(cell = cell.name(), n, m, "building the model");
    Ok(match cell.method.layer {
        LayerKind::Linear => Arc::new(Linear::new(LinearConfig::new(n, m), vb)?),
        LayerKind::LocallyConnected => {
            Arc::new(LocallyConnected1d::new(LocallyConnected1dConfig::new(n, kernel), vb)?)
        }
        LayerKind::Conv => Arc::new(Conv1d::new(Conv1dConfig::new(1, 1, kernel), vb)?),
        LayerKind::ReparamLinear => {
            Arc::new(ReparamLinear::new(ReparamLinearConfig::new(n, m, cell.problem.filter_params), vb)?)
        }
    })
}

/// The learned symmetry matrix, and for the first test task the weight it gives beside the true one.
fn picture_of(
    cell: &Cell,
    plan: &Plan,
    objective: &dyn Objective,
    model: &dyn Layer,
    source: &dyn TaskSource,
    sampler: &EpisodeSampler,
    device: &Device,
) -> Result<Vec<u8>> {
    let (n, m) = sizes(source)?;
    let parameters = model.parameters();
    let symmetry =
        parameters.iter().find(|p| p.name.ends_with("symmetry")).context("the model has no symmetry")?;
    let symmetry = symmetry.tensor.detach().to_device(&Device::Cpu)?;
    let episodes = sampler.test(0..1, course(plan, cell).test_shots)?.to_device(device)?;
    let adapted = objective.adapt(&batch(&episodes).support)?;
    let (_, filter) =
        adapted.iter().find(|(name, _)| name.ends_with("filter")).context("the model has no filter")?;
    let filter = filter.to_device(&Device::Cpu)?.t()?;
    let weight = symmetry.matmul(&filter)?.flatten_all()?.to_vec1::<f32>()?;
    let truth = source.true_weights(episodes.tasks[0])?.map(|(_, filters)| {
        let kernel = n - m + 1;
        let mut dense = vec![0f32; m * n];
        for (i, filter) in filters.chunks(kernel).enumerate() {
            dense[i * n + i..i * n + i + kernel].copy_from_slice(filter);
        }
        dense
    });
    let columns = symmetry.t()?.contiguous()?.to_vec2::<f32>()?;
    picture::symmetry(&cell.name(), &columns, &weight, truth.as_deref(), m, n)
}
