//! An experiment's definition: a file in `data/experiments`, not code.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::comparison::{Method, Training};
use crate::read_definition;

/// All of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub title: String,
    pub tasks: Tasks,
    pub training: Training,
    pub quick: Quick,
    pub problems: Vec<Problem>,
    pub sets: Vec<TrainingSet>,
    pub methods: Vec<Method<LayerKind>>,
    #[serde(default)]
    pub reference: Vec<Reference>,
    #[serde(default)]
    pub expect: Vec<Expectation>,
    #[serde(default)]
    pub ratio: Vec<RatioExpectation>,
}

/// How many tasks there are and how they are tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    pub total: usize,
    pub test_support: usize,
    pub test_query: usize,
    pub test_batch: usize,
}

/// What `--quick` makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    pub outer_steps: u64,
    pub ranks: Vec<usize>,
    pub sets: Vec<String>,
    pub test_tasks: usize,
}

/// A rank-k problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub rank: usize,
    pub filter_params: usize,
}

/// How many examples each training task has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSet {
    pub name: String,
    pub support: usize,
    pub query: usize,
}

/// The layer of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    Linear,
    LocallyConnected,
    Conv,
    ReparamLinear,
}

/// A value that someone else measured, for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub method: String,
    pub rank: usize,
    pub inner_steps: usize,
    pub mean: f64,
    pub half_width: f64,
    pub source: String,
}

/// The interval in which a cell of the table must lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    pub method: String,
    pub rank: usize,
    pub set: String,
    #[serde(default)]
    pub at_least: f64,
    pub at_most: f64,
    /// It holds for means over at least so many seeds.
    #[serde(default)]
    pub min_seeds: u64,
    pub source: String,
}

/// An interval for the ratio of two cells of the same problem and set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioExpectation {
    pub method: String,
    pub over: String,
    pub ranks: Vec<usize>,
    pub set: String,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
    pub source: String,
}

impl Definition {
    /// Reads `data/experiments/<name>.toml`.
    pub fn read(name: &str) -> Result<Self> {
        read_definition(name, Self::check)
    }

    /// Every name that is used must be defined.
    fn check(&self) -> Result<()> {
        let method = |name: &str| -> Result<()> {
            ensure!(self.methods.iter().any(|m| m.name == name), "no method `{name}`");
            Ok(())
        };
        let set = |name: &str| -> Result<()> {
            ensure!(self.sets.iter().any(|s| s.name == name), "no set `{name}`");
            Ok(())
        };
        let rank = |rank: usize| -> Result<()> {
            ensure!(self.problems.iter().any(|p| p.rank == rank), "no problem of rank {rank}");
            Ok(())
        };
        for e in &self.expect {
            method(&e.method)?;
            set(&e.set)?;
            rank(e.rank)?;
        }
        for r in &self.ratio {
            method(&r.method)?;
            method(&r.over)?;
            set(&r.set)?;
            r.ranks.iter().try_for_each(|&r| rank(r))?;
            ensure!(r.at_least.is_some() || r.at_most.is_some(), "a ratio without a bound");
        }
        for r in &self.reference {
            method(&r.method)?;
            rank(r.rank)?;
        }
        self.quick.sets.iter().try_for_each(|s| set(s))?;
        self.quick.ranks.iter().try_for_each(|&r| rank(r))?;
        ensure!(self.quick.test_tasks >= 2, "an interval needs at least two test tasks");
        self.training.check()
    }
}

#[cfg(test)]
mod tests {
    use super::Definition;

    #[test]
    fn the_definitions_in_the_repository_are_consistent() {
        assert!(Definition::read("table1").is_ok(), "{:?}", Definition::read("table1").err());
        assert!(Definition::read("no-such-experiment").is_err());
    }
}
