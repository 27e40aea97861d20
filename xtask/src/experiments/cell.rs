//! Training and testing one cell of Table 1.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use indicatif::ProgressBar;
use msr_data::{EpisodeSampler, Episodes, NpzProblem, RankK, Shots, Split, TaskSource};
use msr_layers::{
    Conv1d, Conv1dConfig, Layer, Linear, LinearConfig, LocallyConnected1d, LocallyConnected1dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars,
};
use msr_meta::{
    AdamConfig, Batch, Examples, Granularity, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Objective,
    Observer, Rates, StepReport, Summary, Trainer, evaluate,
};
use serde::{Deserialize, Serialize};

use super::definition::{LayerKind, Learner};
use super::plan::{Cell, Plan};
use super::run_folder::{Metrics, RunFolder};
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

const RESULT: &str = "result.json";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// The stored result of a cell that is done.
pub fn finished(folder: &RunFolder) -> Result<Option<CellResult>> {
    folder.read_json(RESULT)
}

/// Trains and tests a cell, from its checkpoint when there is one. Runs on the calling thread.
pub fn run(plan: &Plan, cell: &Cell, folder: &RunFolder, bar: &ProgressBar) -> Result<CellResult> {
    let device = workspace::device(plan.device)?;
    let source = source(plan, cell)?;
    let training = &plan.definition.training;
    let split = match source.tasks() {
        Some(tasks) => Split::four_fifths(tasks),
        None => Split::four_fifths(plan.definition.tasks.total),
    };
    let sampler = EpisodeSampler::new(source.clone(), split, cell.seed)?;
    let model = model(plan, cell, source.as_ref(), &device)?;
    let adam = AdamConfig { rate: training.outer_rate, ..AdamConfig::default() };
    let mut trainer = Trainer::new(objective(plan, cell, model.clone())?, adam)?;

    let checkpoint = folder.path().join(CHECKPOINT);
    let length = match trainer.resume_from(&checkpoint)? {
        Some(note) => {
            note.parse().with_context(|| format!("the note {note:?} in {}", checkpoint.display()))?
        }
        None => 0,
    };
    tracing::info!(cell = cell.name(), from_step = trainer.steps_taken(), "training");
    trainer.checkpoint_to(checkpoint, training.checkpoint_every)?;
    let metrics = Metrics::open(&folder.path().join("metrics.jsonl"), length)?;
    bar.set_length(plan.outer_steps);
    bar.set_position(trainer.steps_taken());
    let shots = Shots { support: cell.set.support, query: cell.set.query };
    let mut watcher = Watcher { metrics, every: training.metrics_every, steps: plan.outer_steps, bar };
    trainer.run(
        plan.outer_steps,
        |step| Ok(batch(&sampler.train(step, training.meta_batch, shots)?.to_device(&device)?)),
        &mut watcher,
    )?;

    tracing::info!(cell = cell.name(), steps = trainer.steps_taken(), "testing");
    bar.set_message("testing");
    let summary = test(plan, trainer.objective(), &sampler, &device)?;
    let learned: Vec<(String, Tensor)> = trainer
        .objective()
        .outer_parameters()
        .iter()
        .map(|p| (p.name.clone(), p.variable.as_detached_tensor()))
        .collect();
    folder.write("learned.safetensors", &safetensors::serialize(learned, None)?)?;
    if cell.method.layer == LayerKind::ReparamLinear {
        let picture =
            picture_of(cell, plan, trainer.objective(), model.as_ref(), source.as_ref(), &sampler, &device)?;
        folder.write("symmetry.png", &picture)?;
    }
    let result = CellResult {
        method: cell.method.name.clone(),
        rank: cell.problem.rank,
        set: cell.set.name.clone(),
        seed: cell.seed,
        mean: summary.mean,
        half_width: summary.half_width,
        test_tasks: summary.tasks,
    };
    folder.write_json(RESULT, &result)?;
    Ok(result)
}

/// Opens the authors' files once, so that a run that cannot work is refused before it leaves anything behind.
pub fn check_data(plan: &Plan) -> Result<()> {
    let cells = plan.cells()?;
    let mut checked = Vec::new();
    for cell in cells.iter().filter(|_| plan.data.is_some()) {
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
    match &plan.data {
        Some(folder) => Ok(Arc::new(NpzProblem::open(folder.join(format!("rank{rank}.npz")))?)),
        None => Ok(Arc::new(RankK::new(rank, cell.seed)?)),
    }
}

/// The cell's model, freshly initialised.
fn model(plan: &Plan, cell: &Cell, source: &dyn TaskSource, device: &Device) -> Result<Arc<dyn Layer>> {
    let (input, output) = (source.input_shape(), source.output_shape());
    ensure!(
        input.len() == 2 && output.len() == 2 && input[0] == 1 && output[0] == 1 && input[1] >= output[1],
        "{}: tasks of Table 1 have inputs (1, n) and outputs (1, m ≤ n), got {input:?} and {output:?}",
        source.name()
    );
    let (n, m) = (input[1], output[1]);
    let kernel = n - m + 1;
    let vb = SeededVars::new(cell.seed).builder(DType::F32, device);
    tracing::debug!(cell = cell.name(), n, m, inner_steps = plan.inner_steps, "building the model");
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

/// The cell's learner.
fn objective(plan: &Plan, cell: &Cell, model: Arc<dyn Layer>) -> Result<Box<dyn Objective>> {
    Ok(match cell.method.learner {
        Learner::Bilevel => {
            let initial = plan.definition.training.inner_rate;
            let rates = Rates::Learned { initial, per: Granularity::PerLayer, positive: false };
            let config = MetaConfig { inner_steps: plan.inner_steps, rates, ..MetaConfig::default() };
            Box::new(MetaLearner::new(model, config)?)
        }
        Learner::MultiTask => Box::new(MultiTask::new(model, MultiTaskConfig::default())?),
    })
}

/// Episodes in the learner's terms.
fn batch(episodes: &Episodes) -> Batch {
    Batch {
        tasks: episodes.tasks.clone(),
        support: Examples { x: episodes.x_support.clone(), y: episodes.y_support.clone() },
        query: Examples { x: episodes.x_query.clone(), y: episodes.y_query.clone() },
    }
}

fn test_shots(plan: &Plan) -> Shots {
    Shots { support: plan.definition.tasks.test_support, query: plan.definition.tasks.test_query }
}

fn test(
    plan: &Plan,
    objective: &dyn Objective,
    sampler: &EpisodeSampler,
    device: &Device,
) -> Result<Summary> {
    let tasks = plan.test_tasks.unwrap_or(usize::MAX).min(sampler.split().test);
    let size = plan.definition.tasks.test_batch.max(1);
    let batches = (0..tasks).step_by(size).map(|start| -> msr_data::Result<Batch> {
        Ok(batch(&sampler.test(start..(start + size).min(tasks), test_shots(plan))?.to_device(device)?))
    });
    Ok(evaluate(objective, batches)?)
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

/// Shows progress and writes metrics.
struct Watcher<'a> {
    metrics: Metrics,
    every: u64,
    steps: u64,
    bar: &'a ProgressBar,
}

#[derive(Serialize)]
struct MetricsLine {
    step: u64,
    /// The mean query loss of the step's tasks, before the update.
    loss: f64,
}

impl Observer for Watcher<'_> {
    fn on_step(&mut self, report: &StepReport) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        self.bar.inc(1);
        if report.step.is_multiple_of(self.every) || report.step + 1 == self.steps {
            self.bar.set_message(format!("loss {:.4}", report.mean()));
            self.metrics.line(&MetricsLine { step: report.step, loss: report.mean() })?;
        }
        Ok(true)
    }

    fn note(&mut self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.metrics.sync()?.to_string())
    }
}
