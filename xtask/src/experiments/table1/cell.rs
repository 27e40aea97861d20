//! Training and testing one cell of Table 1.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device};
use indicatif::ProgressBar;
use msr_data::{EpisodeSampler, NpzProblem, RankK, Shots, Split, TaskSource};
use msr_layers::{
    Conv1d, Conv1dConfig, Layer, Linear, LinearConfig, LocallyConnected1d, LocallyConnected1dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars,
};
use msr_meta::Objective;
use serde::{Deserialize, Serialize};

use super::definition::LayerKind;
use super::plan::{Cell, Plan};
use crate::experiments::run_folder::RunFolder;
use crate::experiments::runner::RunCell;
use crate::experiments::training::{Course, batch, weight_shape};
use crate::report::picture;
use crate::workspace;

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
    let device = workspace::device(plan.settings.device)?;
    let source = source(plan, cell)?;
    let (training, tasks) = (&plan.definition.training, &plan.definition.tasks);
    let split = Split::four_fifths(source.tasks().unwrap_or(tasks.total));
    let sampler = EpisodeSampler::new(source.clone(), split, cell.seed)?;
    let model = model(cell, source.as_ref(), &device)?;
    let shots = Shots { support: cell.set.support, query: cell.set.query };
    let course = Course {
        test_shots: test_shots(plan),
        test_tasks: plan.test_tasks,
        ..training.course(&plan.settings, shots, tasks.test_batch)
    };
    let objective = cell.method.learner.objective(model.clone(), &training.learner(&plan.settings))?;
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

/// Opens the authors' files once, so that a run that cannot work is refused before it leaves anything behind.
pub fn check_data(plan: &Plan) -> Result<()> {
    let mut checked = Vec::new();
    for cell in plan.cells().iter().filter(|_| plan.settings.data.is_some()) {
        if !checked.contains(&cell.problem.rank) {
            source(plan, cell)?;
            checked.push(cell.problem.rank);
        }
    }
    Ok(())
}

/// The cell's tasks.
fn source(plan: &Plan, cell: &Cell) -> Result<Arc<dyn TaskSource>> {
    let rank = cell.problem.rank;
    match &plan.settings.data {
        Some(folder) => Ok(Arc::new(NpzProblem::open(folder.join(format!("rank{rank}.npz")))?)),
        None => Ok(Arc::new(RankK::new(rank, cell.seed)?)),
    }
}

/// The cell's model, freshly initialised.
fn model(cell: &Cell, source: &dyn TaskSource, device: &Device) -> Result<Arc<dyn Layer>> {
    let (input, output) = (source.input_shape(), source.output_shape());
    ensure!(
        input.len() == 2 && output.len() == 2 && input[0] == 1 && output[0] == 1 && input[1] >= output[1],
        "{}: tasks of Table 1 have inputs (1, n) and outputs (1, m ≤ n), got {input:?} and {output:?}",
        source.name()
    );
    let (n, m) = (input[1], output[1]);
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

fn test_shots(plan: &Plan) -> Shots {
    Shots { support: plan.definition.tasks.test_support, query: plan.definition.tasks.test_query }
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
    let (n, m) = (source.input_shape()[1], source.output_shape()[1]);
    let parameters = model.parameters();
    let symmetry =
        parameters.iter().find(|p| p.name.ends_with("symmetry")).context("the model has no symmetry")?;
    let symmetry = symmetry.tensor.detach().to_device(&Device::Cpu)?;
    let episodes = sampler.test(0..1, test_shots(plan))?.to_device(device)?;
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
