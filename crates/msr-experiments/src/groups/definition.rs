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

/// Every problem must have a pattern, and some method must learn U.
pub fn check(definition: &Definition<Groups>) -> Result<()> {
    let Definition { problems, tasks, bounds, .. } = definition;
    problems.iter().try_for_each(|problem| problem.pattern().map(drop))?;
    ensure!(method(definition, LayerKind::ReparamLinear).is_some(), "no method learns U");
    ensure!(tasks.test >= 2 && tasks.test_batch > 0, "test and test_batch must be at least 2 and 1");
    ensure!((0.0..=1.0).contains(&bounds.largest_chance), "largest_chance must be in 0 to 1");
    Ok(())
}
