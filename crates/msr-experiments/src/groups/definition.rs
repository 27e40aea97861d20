//! The definition of a recovery experiment: a file in `data/experiments`, not code.

use anyhow::{Context, Result, bail, ensure};
use msr_groups::{Action, RecoveryConfig, SharingPattern, parse_group};
use serde::{Deserialize, Serialize};

use super::plan::Cell;
use crate::read_definition;
use crate::runner::RunCell;

/// All of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub title: String,
    pub tasks: Tasks,
    pub training: Training,
    pub quick: Quick,
    pub problems: Vec<Problem>,
    pub methods: Vec<Method>,
    #[serde(default)]
    pub claim: Claim,
    pub bounds: Bounds,
}

/// What it takes to claim a symmetry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The probability that chance alone ties weights so closely is at most this.
    pub largest_chance: f64,
}

impl Default for Claim {
    fn default() -> Self {
        Self { largest_chance: RecoveryConfig::default().largest_chance }
    }
}

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
}

/// What inputs are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    Normal,
    Digits,
}

/// How training goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    pub outer_steps: u64,
    pub meta_batch: usize,
    pub outer_rate: f64,
    pub inner_steps: usize,
    pub filter_params_per_input: f64,
    pub checkpoint_every: u64,
    pub metrics_every: u64,
    pub seeds: u64,
}

/// What `--quick` makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    pub outer_steps: u64,
    pub problems: Vec<String>,
    pub seeds: u64,
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

/// A way to learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    pub name: String,
    pub layer: LayerKind,
    /// The inner rate at the start; learned, one for the layer.
    pub inner_rate: f64,
    /// Whether that rate is multiplied by the number of outputs.
    #[serde(default)]
    pub per_output: bool,
}

/// The layer of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// U^G is given.
    Pattern,
    /// U is learned.
    ReparamLinear,
    /// There is no U.
    Linear,
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
}

impl Definition {
    /// Reads `data/experiments/<name>.toml`.
    pub fn read(name: &str) -> Result<Self> {
        read_definition(name, Self::check)
    }

    /// The method with that layer.
    pub fn method(&self, layer: LayerKind) -> Option<&Method> {
        self.methods.iter().find(|m| m.layer == layer)
    }

    /// Every problem must have a pattern, and every name that is used must be defined.
    fn check(&self) -> Result<()> {
        for problem in &self.problems {
            problem.pattern()?;
        }
        for name in &self.quick.problems {
            ensure!(self.problems.iter().any(|p| &p.name == name), "no problem `{name}`");
        }
        ensure!(self.method(LayerKind::ReparamLinear).is_some(), "no method learns U");
        ensure!(self.training.metrics_every > 0, "metrics_every must be at least 1");
        ensure!(
            self.tasks.test >= 2 && self.tasks.test_batch > 0,
            "test and test_batch must be at least 2 and 1"
        );
        ensure!((0.0..=1.0).contains(&self.claim.largest_chance), "largest_chance must be in 0 to 1");
        let mut folders = std::collections::HashMap::new();
        for problem in &self.problems {
            for method in &self.methods {
                let cell = Cell { problem: problem.clone(), method: method.clone(), seed: 0 };
                if let Some(other) = folders.insert(cell.name(), &problem.name) {
                    bail!("`{}` and `{other}` with {} would share a folder", problem.name, method.name);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Definition;

    #[test]
    fn the_definitions_in_the_repository_are_consistent() {
        for name in ["groups", "numbers"] {
            assert!(Definition::read(name).is_ok(), "{:?}", Definition::read(name).err());
        }
    }
}
