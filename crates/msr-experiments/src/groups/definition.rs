//! What is in the definition of a recovery experiment, besides what is in all.

use anyhow::{Context, Result, ensure};
use msr_groups::{Action, RecoveryConfig, SharingPattern, parse_group};
use serde::{Deserialize, Serialize};

use super::Groups;
use crate::engine::{Definition, LayerKind, Method};

/// The tasks and how they are tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    pub train: usize,
    pub test: usize,
    pub support: usize,
    pub query: usize,
    pub test_batch: usize,
    pub inputs: InputKind,
    pub noise: f64,
    /// Columns of a learned U, for each input.
    pub filter_params_per_input: f64,
}

/// What inputs are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    Normal,
    Digits,
}

/// A group and how it acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub name: String,
    pub group: String,
    #[serde(default = "natural")]
    pub input: String,
    #[serde(default = "natural")]
    pub output: String,
    /// What a reader of the table should know.
    #[serde(default)]
    pub note: Option<String>,
}

fn natural() -> String {
    "natural".into()
}

impl Problem {
    /// The true sharing pattern.
    pub fn pattern(&self) -> Result<SharingPattern> {
        let of =
            |text: &str| -> msr_groups::Result<Action> { Action::parse(&parse_group(&self.group)?, text) };
        let pattern = || -> msr_groups::Result<SharingPattern> {
            SharingPattern::new(&of(&self.output)?, &of(&self.input)?)
        };
        pattern().with_context(|| format!("problem `{}`", self.name))
    }
}

/// What must come out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The part of the problems whose group is recovered exactly, on each seed.
    pub recovered: f64,
    /// The error with a learned U is at most this times the oracle's …
    pub mse_factor: f64,
    /// … plus this.
    pub mse_offset: f64,
    pub source: String,
    /// To claim a symmetry, the probability that chance alone ties weights so closely is at most
    /// this.
    #[serde(default = "largest_chance")]
    pub largest_chance: f64,
}

fn largest_chance() -> f64 {
    RecoveryConfig::default().largest_chance
}

/// The method with that layer.
pub fn method(definition: &Definition<Groups>, layer: LayerKind) -> Option<&Method> {
    definition.methods.iter().find(|m| m.layer == layer)
}

/// Every problem must have a pattern, and numbers must be such that something can be drawn and
/// tested.
pub fn check_plan(definition: &Definition<Groups>) -> Result<()> {
    let Definition { problems, tasks, training, .. } = definition;
    ensure!(training.inner_steps > 0, "a gradient step must be taken: inner_steps must be at least 1");
    ensure!(tasks.test >= 2 && tasks.test_batch > 0, "test and test_batch must be at least 2 and 1");
    let (noise, columns) = (tasks.noise, tasks.filter_params_per_input);
    ensure!(noise.is_finite() && noise >= 0.0, "noise must be a number of at least 0, not {noise}");
    ensure!(
        columns.is_finite() && columns > 0.0,
        "filter_params_per_input must be a number above 0, not {columns}"
    );
    problems.iter().try_for_each(|problem| problem.pattern().map(drop))
}

/// Some method must learn U, and every bound be one.
pub fn check(definition: &Definition<Groups>) -> Result<()> {
    let Bounds { recovered, mse_factor, mse_offset, largest_chance, .. } = definition.bounds;
    ensure!(method(definition, LayerKind::ReparamLinear).is_some(), "no method learns U");
    ensure!((0.0..=1.0).contains(&largest_chance), "largest_chance must be in 0 to 1");
    ensure!((0.0..=1.0).contains(&recovered), "recovered must be in 0 to 1: a part of the problems");
    let bounds = mse_factor >= 0.0 && mse_factor.is_finite() && mse_offset.is_finite();
    ensure!(bounds, "mse_factor and mse_offset must be numbers, and the factor not below 0");
    Ok(())
}
