//! The definition of Table 2: a file in `data/experiments`, not code.

use anyhow::{Result, ensure};
use msr_groups::PlaneGroup;
use serde::{Deserialize, Serialize};

use crate::comparison::{Method, Training};
use crate::read_definition;

/// All of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub title: String,
    pub tasks: Tasks,
    pub training: Training,
    pub quick: Quick,
    pub problems: Vec<Problem>,
    pub methods: Vec<Method<LayerKind>>,
    #[serde(default)]
    pub reference: Vec<Reference>,
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// How many tasks there are, and examples in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    pub train: usize,
    pub test: usize,
    pub test_tasks: usize,
    pub support: usize,
    pub query: usize,
    pub test_batch: usize,
}

/// What `--quick` makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    pub outer_steps: u64,
    pub problems: Vec<String>,
    pub methods: Vec<String>,
    pub test_tasks: usize,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub name: String,
    pub rotations: usize,
    pub flips: bool,
    pub filter_params: usize,
    /// The name of the authors' file.
    pub file: String,
}

impl Problem {
    /// The group of the problem.
    pub fn group(&self) -> PlaneGroup {
        match self.flips {
            false => PlaneGroup::Rotations(self.rotations),
            true => PlaneGroup::RotationsAndFlips(self.rotations),
        }
    }
}

/// The layer of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    Conv,
    ReparamKronecker,
    ReparamFull,
}

/// A value that someone else measured, for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub method: String,
    pub problem: String,
    pub inner_steps: usize,
    pub outer_steps: u64,
    pub mean: f64,
    pub half_width: f64,
    pub source: String,
}

/// The interval in which a cell of the table must lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    pub method: String,
    pub problem: String,
    pub outer_steps: u64,
    #[serde(default)]
    pub at_least: f64,
    pub at_most: f64,
    pub source: String,
}

impl Definition {
    /// Reads `data/experiments/<name>.toml`.
    pub fn read(name: &str) -> Result<Self> {
        read_definition(name, Self::check)
    }

    /// Every name and every number of steps that is used must be defined.
    fn check(&self) -> Result<()> {
        let used = self.expect.iter().map(|e| (&e.method, &e.problem, e.outer_steps));
        for (method, problem, steps) in
            used.chain(self.reference.iter().map(|r| (&r.method, &r.problem, r.outer_steps)))
        {
            ensure!(self.methods.iter().any(|m| m.name == *method), "no method `{method}`");
            ensure!(self.problems.iter().any(|p| p.name == *problem), "no problem `{problem}`");
            let tested = self.training.test_at.contains(&steps) || steps == self.training.outer_steps;
            ensure!(tested, "{method} on {problem} after {steps} steps: no test is made then");
        }
        for name in &self.quick.problems {
            ensure!(self.problems.iter().any(|p| p.name == *name), "no problem `{name}`");
        }
        for name in &self.quick.methods {
            ensure!(self.methods.iter().any(|m| m.name == *name), "no method `{name}`");
        }
        let tested = self.tasks.test_tasks.min(self.quick.test_tasks);
        ensure!(tested >= 2, "an interval needs at least two test tasks");
        self.training.check()
    }
}

#[cfg(test)]
mod tests {
    use super::Definition;

    #[test]
    fn the_definition_in_the_repository_is_consistent() {
        assert!(Definition::read("table2").is_ok(), "{:?}", Definition::read("table2").err());
    }
}
