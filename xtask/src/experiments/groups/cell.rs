//! Training one model on tasks with the symmetry of a group, and reading the group out of it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use indicatif::ProgressBar;
use msr_data::{EpisodeSampler, Equivariant, EquivariantConfig, Inputs, Shots, Split};
use msr_groups::{
    Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix, equivariance_error, partition_distance,
    pattern_automorphisms, recover,
};
use msr_layers::{
    Entries, Layer, Linear, LinearConfig, PatternLinear, PatternLinearConfig, ReparamLinear,
    ReparamLinearConfig, SeededVars,
};
use msr_meta::{AdamConfig, Granularity, MetaConfig, MetaLearner, Objective, Rates, Schedule};
use serde::{Deserialize, Serialize};

use super::definition::{InputKind, LayerKind};
use super::plan::{Cell, Plan};
use crate::experiments::run_folder::RunFolder;
use crate::experiments::runner::{RunCell, RunResult};
use crate::experiments::training::{Course, batch, weight_shape};
use crate::report::picture;
use crate::report::table::number;
use crate::workspace;

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    pub problem: String,
    pub method: String,
    pub seed: u64,
    pub mean: f64,
    pub half_width: f64,
    /// The mean over test tasks of `‖W − P(W)‖ / ‖W‖` of the adapted weight, P of the true group.
    pub equivariance_error: f64,
    /// Where U was learned, what was read out of it.
    pub found: Option<Found>,
}

/// What was read out of a learned U.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The order of the group, in decimals.
    pub order: String,
    pub name: Option<String>,
    /// Whether it is the group of all permutations of outputs and inputs that keep the true pattern, and the pattern
    /// is the true one.
    pub is_true_group: bool,
    /// The number of distinct rows of U.
    pub free_parameters: usize,
    /// How many weights are tied wrongly.
    pub partition_distance: usize,
    /// How clearly the rows are apart: the smallest distance between clusters over the largest within.
    pub gap: Option<f64>,
    /// Why no symmetry is claimed, when none is.
    pub reason: Option<String>,
    /// The tied weights, row by row.
    pub labels: Vec<u32>,
}

impl RunResult for CellResult {
    fn line(&self) -> String {
        let found = self.found.as_ref().map_or(String::new(), |f| {
            let name = match (&f.reason, &f.name) {
                (Some(_), _) => "nothing".to_string(),
                (None, Some(name)) => name.clone(),
                (None, None) => format!("a group of order {}", f.order),
            };
            let right = if f.is_true_group { "the true group" } else { "not the true group" };
            format!(", recovered {name}: {right}")
        });
        format!("{}, {}, seed {}: MSE {}{found}", self.problem, self.method, self.seed, number(self.mean))
    }
}

/// Trains and tests a cell, from its checkpoint when there is one. Runs on the calling thread.
pub fn run(plan: &Plan, cell: &Cell, folder: &RunFolder, bar: &ProgressBar) -> Result<CellResult> {
    let device = workspace::device(plan.device)?;
    let (tasks, training) = (&plan.definition.tasks, &plan.definition.training);
    let shots = Shots { support: tasks.support, query: tasks.query };
    let pattern = cell.problem.pattern()?;
    let config = EquivariantConfig {
        examples: shots.support + shots.query,
        inputs: match tasks.inputs {
            InputKind::Normal => Inputs::Normal,
            InputKind::Digits => Inputs::Digits,
        },
        noise: tasks.noise,
        seed: cell.seed,
    };
    let source = Arc::new(Equivariant::new(pattern.clone(), config)?);
    let sampler = EpisodeSampler::new(source.clone(), Split::new(tasks.train, tasks.test), cell.seed)?;
    let model = Model::new(plan, cell, &pattern, &device)?;
    let course = Course {
        outer_steps: plan.outer_steps,
        test_at: Vec::new(),
        meta_batch: training.meta_batch,
        adam: AdamConfig {
            rate: training.outer_rate,
            schedule: Schedule::Cosine { steps: plan.outer_steps },
            ..AdamConfig::default()
        },
        shots,
        test_shots: shots,
        test_tasks: None,
        test_batch: tasks.test_batch,
        checkpoint_every: training.checkpoint_every,
        metrics_every: training.metrics_every,
    };
    let outputs = if cell.method.per_output { pattern.outputs() as f64 } else { 1.0 };
    let rates = Rates::Learned {
        initial: cell.method.inner_rate * outputs,
        per: Granularity::PerLayer,
        positive: false,
    };
    let meta = MetaConfig { inner_steps: plan.inner_steps, rates, ..MetaConfig::default() };
    let objective = Box::new(MetaLearner::new(model.layer(), meta)?);
    let (trainer, tested) = course.run(
        weight_shape(&[pattern.outputs(), pattern.inputs()]),
        objective,
        &sampler,
        &device,
        folder,
        bar,
    )?;
    let tested = tested.last().context("the course made no test")?;

    // The adapted weights of all test tasks.
    let (mut off, mut first) = (0.0, None);
    for start in (0..tasks.test).step_by(tasks.test_batch) {
        let range = start..(start + tasks.test_batch).min(tasks.test);
        let episodes = sampler.test(range, shots)?.to_device(&device)?;
        for weight in model.weights(trainer.objective(), &batch(&episodes).support)? {
            off += equivariance_error(&weight, &pattern)? / tasks.test as f64;
            first.get_or_insert((episodes.tasks[0], weight));
        }
    }
    let (task, weight) = first.context("there are no test tasks")?;
    let found = match &model {
        Model::Reparam(layer) => {
            let found = read_out(plan, layer, &pattern)?;
            let truth = source.weight(task)?;
            let tied = tied(&found, &pattern)?;
            let picture = picture::recovered(&cell.name(), &pattern, &tied, &truth, &weight)?;
            folder.write("recovered.png", &picture)?;
            Some(summarise(&found, &pattern)?)
        }
        Model::Pattern(_) | Model::Linear(_) => None,
    };
    Ok(CellResult {
        problem: cell.problem.name.clone(),
        method: cell.method.name.clone(),
        seed: cell.seed,
        mean: tested.mean,
        half_width: tested.half_width,
        equivariance_error: off,
        found,
    })
}

/// The model of a cell, in a form that can say what its weights are.
enum Model {
    Pattern(Arc<PatternLinear>),
    Reparam(Arc<ReparamLinear>),
    Linear(Arc<Linear>),
}

impl Model {
    fn new(plan: &Plan, cell: &Cell, pattern: &SharingPattern, device: &Device) -> Result<Self> {
        let (m, n) = (pattern.outputs(), pattern.inputs());
        let vb = SeededVars::new(cell.seed).builder(DType::F32, device);
        Ok(match cell.method.layer {
            LayerKind::Pattern => {
                let entries = Entries::Orthonormal;
                let config = PatternLinearConfig { entries, ..PatternLinearConfig::new(pattern.clone()) };
                Self::Pattern(Arc::new(PatternLinear::new(config, vb)?))
            }
            LayerKind::ReparamLinear => {
                let k = (plan.definition.training.filter_params_per_input * n as f64).round() as usize;
                Self::Reparam(Arc::new(ReparamLinear::new(ReparamLinearConfig::new(n, m, k.max(1)), vb)?))
            }
            LayerKind::Linear => Self::Linear(Arc::new(Linear::new(LinearConfig::new(n, m), vb)?)),
        })
    }

    fn layer(&self) -> Arc<dyn Layer> {
        match self {
            Self::Pattern(layer) => layer.clone(),
            Self::Reparam(layer) => layer.clone(),
            Self::Linear(layer) => layer.clone(),
        }
    }

    /// The weight of each task after adaptation, row by row.
    fn weights(&self, objective: &dyn Objective, support: &msr_meta::Examples) -> Result<Vec<Vec<f64>>> {
        let adapted = objective.adapt(support)?;
        let (_, tensor) = adapted.first().context("nothing was adapted")?;
        let weights = match self {
            Self::Pattern(layer) => layer.weight_of(tensor)?,
            Self::Reparam(layer) => layer.weight_of(tensor)?,
            Self::Linear(_) => tensor.clone(),
        };
        let weights = weights.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        ensure!(
            weights.rank() == 3,
            "weights of tasks are (tasks, outputs, inputs), got {:?}",
            weights.dims()
        );
        Ok(weights.flatten_from(1)?.to_vec2()?)
    }
}

/// Reads the group out of a learned U.
fn read_out(plan: &Plan, layer: &ReparamLinear, pattern: &SharingPattern) -> Result<Recovery> {
    let symmetry: Tensor = layer.symmetry().detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let rows: Vec<f64> = symmetry.flatten_all()?.to_vec1()?;
    let symmetry = SymmetryMatrix::new(&rows, pattern.outputs(), pattern.inputs())?;
    let largest_chance = plan.definition.claim.largest_chance;
    let config = RecoveryConfig { largest_chance, ..RecoveryConfig::default() };
    Ok(recover(symmetry, &config)?)
}

/// The tied weights that were found; none are tied where nothing is claimed.
fn tied(found: &Recovery, truth: &SharingPattern) -> Result<SharingPattern> {
    Ok(match found.pattern() {
        Some(pattern) => pattern.clone(),
        None => SharingPattern::untied(truth.outputs(), truth.inputs())?,
    })
}

fn summarise(found: &Recovery, truth: &SharingPattern) -> Result<Found> {
    let pattern = tied(found, truth)?;
    let distance = partition_distance(&pattern, truth)?;
    let is_true_group = match found.group() {
        Some(group) => distance == 0 && group.permutations.is_same_as(&pattern_automorphisms(truth)?),
        None => false,
    };
    let (name, reason) = match found {
        Recovery::Group(group) => (group.name.clone(), None),
        Recovery::Nothing(nothing) => (None, Some(nothing.reason.to_string())),
        _ => {
            let reason = "weights are tied, but no permutation keeps the ties";
            (Some("trivial".to_string()), Some(reason.to_string()))
        }
    };
    Ok(Found {
        // Where no group is claimed, only the identity is.
        order: found.group().map_or_else(|| "1".to_string(), |group| group.order().to_string()),
        name,
        is_true_group,
        free_parameters: pattern.free_parameters(),
        partition_distance: distance,
        gap: found.evidence().map(|evidence| evidence.tolerance.gap()),
        reason,
        labels: pattern.labels().to_vec(),
    })
}
