//! Training one model on tasks with the symmetry of a group, and reading the group out of it.

use anyhow::{Context, Result};
use candle_core::Device;
use msr_data::{EpisodeSampler, Equivariant, EquivariantConfig, Inputs, SamplerConfig};
use msr_episodes::{Shots, Split};
use msr_groups::{
    Recovery, RecoveryConfig, SharingPattern, equivariance_error, partition_distance, pattern_automorphisms,
};
use msr_meta::Learner;
use msr_report::picture;
use msr_symmetry::Symmetry;
use serde::{Deserialize, Serialize};

use super::Groups;
use super::definition::InputKind;
use crate::engine::{Cell, CellFolder, CellTasks, Experiment, Mean, Prepared, Run, Shape, Truth, weights};

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub problem: String,
    pub method: String,
    pub seed: u64,
    #[serde(flatten)]
    pub error: Mean,
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
    /// Whether it is the group of all permutations of outputs and inputs that keep the true
    /// pattern, and the pattern is the true one.
    pub is_true_group: bool,
    /// The number of distinct rows of U.
    pub free_parameters: usize,
    /// How many weights are tied wrongly.
    pub partition_distance: usize,
    /// How clearly the rows are apart: the smallest distance between clusters over the largest
    /// within.
    pub gap: Option<f64>,
    /// Why no symmetry is claimed, when none is.
    pub reason: Option<String>,
    /// The tied weights, row by row.
    pub labels: Vec<u32>,
}

/// Trains and tests a cell (data, model, learner, trainer, test), and reads the group out of what
/// it learned.
pub fn run(run: &Run<Groups>, cell: &Cell<Groups>, folder: &CellFolder) -> Result<Outcome> {
    let pattern = cell.problem.pattern()?;
    let prepared = prepare(run, cell, run.device.open()?)?;
    let tasks = &prepared.tasks;
    let training = &run.definition.training;
    let learner = prepared.learner(&cell.method, cell.seed, training)?;
    let (trainer, tested) = training.run(learner, tasks, folder)?;
    let tested = tested.last().context("the training made no test")?;

    // The adapted weights of all test tasks.
    let (mut off, mut first) = (0.0, None);
    for test in tasks.tests() {
        let test = test?;
        for weight in weights(&trainer.learner().adapt(&test.support)?)? {
            off += equivariance_error(&weight, &pattern)? / tasks.count() as f64;
            first.get_or_insert((test.tasks[0], weight));
        }
    }
    let (task, weight) = first.context("there are no test tasks")?;
    let mut found = None;
    if let Some(recovery) = read_out(run, trainer.learner())? {
        let truth = source(run, cell, &pattern)?.weight(task)?;
        let name = Groups::cell_name(cell);
        let picture =
            picture::recovered(&name, &pattern, &pattern_of(&recovery, &pattern)?, &truth, &weight)?;
        folder.files.write_picture("recovered", &picture)?;
        found = Some(summarise(&recovery, &pattern)?);
    }
    Ok(Outcome {
        problem: cell.problem.name.clone(),
        method: cell.method.name.clone(),
        seed: cell.seed,
        error: tested.error,
        equivariance_error: off,
        found,
    })
}

/// Maps that commute with the group of the problem.
fn source(run: &Run<Groups>, cell: &Cell<Groups>, pattern: &SharingPattern) -> Result<Equivariant> {
    let tasks = &run.definition.tasks;
    let shots = Shots { support: tasks.support, query: tasks.query };
    let config = EquivariantConfig {
        examples: shots.total().with_context(|| format!("{shots:?} are too many examples"))?,
        inputs: match tasks.inputs {
            InputKind::Normal => Inputs::Normal,
            InputKind::Digits => Inputs::Digits,
        },
        noise: tasks.noise,
        seed: cell.seed,
    };
    Ok(Equivariant::new(pattern.clone(), config)?)
}

/// The tasks of a cell, and the size of the U that is learned.
pub fn prepare(run: &Run<Groups>, cell: &Cell<Groups>, device: Device) -> Result<Prepared> {
    let pattern = cell.problem.pattern()?;
    let tasks = &run.definition.tasks;
    let shots = Shots { support: tasks.support, query: tasks.query };
    let split = run.definition.training.split(Split::new(tasks.train, tasks.test));
    let config = SamplerConfig::new(split, shots, run.definition.training.meta_batch, cell.seed);
    let filter_params = ((tasks.filter_params_per_input * pattern.inputs() as f64).round() as usize).max(1);
    let mut tasks = CellTasks::sampled(
        EpisodeSampler::new(source(run, cell, &pattern)?, config)?,
        usize::MAX,
        tasks.test_batch,
        device,
    );
    tasks.truth = Some(Truth::Pattern(pattern.clone()));
    Ok(Prepared { tasks, shape: Shape::Tied(pattern), filter_params, read: None, given: None })
}

/// Reads the group out of a learned U, if there is one.
fn read_out(run: &Run<Groups>, learner: &dyn Learner) -> Result<Option<Recovery>> {
    let largest_chance = run.definition.bounds.largest_chance;
    let config = RecoveryConfig { largest_chance, ..RecoveryConfig::default() };
    let found = learner.learned()?.symmetry_with(&config)?.into_iter().next();
    Ok(found.and_then(|layer| match layer.symmetry {
        Symmetry::Permutations(recovery) => Some(recovery),
        _ => None,
    }))
}

fn summarise(found: &Recovery, truth: &SharingPattern) -> Result<Found> {
    let pattern = pattern_of(found, truth)?;
    let distance = partition_distance(&pattern, truth)?;
    let group = found.group();
    let is_true_group = match group {
        Some(group) => distance == 0 && group.permutations.is_same_as(&pattern_automorphisms(truth)?)?,
        None => false,
    };
    let name = if matches!(found, Recovery::Ties(_)) { Some("trivial") } else { found.name() };
    Ok(Found {
        // Where no group is claimed, only the identity is.
        order: group.map_or_else(|| "1".into(), |group| group.order().to_string()),
        name: name.map(String::from),
        is_true_group,
        free_parameters: pattern.free_parameters(),
        partition_distance: distance,
        gap: found.evidence().map(|evidence| evidence.tolerance.gap()),
        reason: match found {
            Recovery::Group(_) => None,
            Recovery::Nothing(nothing) => Some(nothing.reason.to_string()),
            _ => Some("weights are tied, but no permutation keeps the ties".into()),
        },
        labels: pattern.labels().to_vec(),
    })
}

/// The ties that were found; where none were, a pattern of the size of the truth that ties nothing.
fn pattern_of(found: &Recovery, truth: &SharingPattern) -> Result<SharingPattern> {
    if let Some(pattern) = found.pattern() {
        return Ok(pattern.clone());
    }
    Ok(SharingPattern::untied(truth.outputs(), truth.inputs())?)
}
