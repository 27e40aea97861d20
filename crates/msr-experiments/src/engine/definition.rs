//! Reading and checking a definition.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

use super::experiment::{Cell, Definition, Experiment};
use super::settings::{LearnerKind, Method, Training};

impl<E: Experiment> Definition<E> {
    /// Reads and checks a definition; `source` says where it is from.
    pub fn parse(text: &str, source: &str) -> Result<Self> {
        let definition: Self = toml::from_str(text).with_context(|| source.to_string())?;
        definition.check().with_context(|| source.to_string())?;
        Ok(definition)
    }

    /// The method of that name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|m| m.name == name)
    }

    /// The problem of that name.
    pub fn problem(&self, name: &str) -> Option<&E::Problem> {
        self.problems.iter().find(|p| E::name(p) == name)
    }

    /// Refuses the name of a method or of a problem that is not defined.
    pub fn check_names(&self, method: &str, problem: &str) -> Result<()> {
        ensure!(self.method(method).is_some(), "no method `{method}`");
        ensure!(self.problem(problem).is_some(), "no problem `{problem}`");
        Ok(())
    }

    /// All training runs, seed by seed, in the order of the table.
    pub fn cells(&self) -> Vec<Cell<E>> {
        let mut cells = Vec::new();
        for seed in 0..self.training.seeds {
            for problem in &self.problems {
                for method in &self.methods {
                    cells.push(Cell { problem: problem.clone(), method: method.clone(), seed });
                }
            }
        }
        cells
    }

    /// What a definition file may get wrong.
    fn check(&self) -> Result<()> {
        let Training { ridge, .. } = self.training;
        self.training.check()?;
        for name in &self.quick.problems {
            ensure!(self.problem(name).is_some(), "no problem `{name}`");
        }
        for name in &self.quick.methods {
            ensure!(self.method(name).is_some(), "no method `{name}`");
        }
        ensure!(self.quick.test_tasks.is_none_or(|t| t >= 2), "an interval needs at least two test tasks");
        for method in self.methods.iter().filter(|m| m.learner == LearnerKind::Exact) {
            ensure!(ridge.is_some(), "{} solves exactly, which needs `ridge` in [training]", method.name);
        }
        let mut folders = HashMap::new();
        for cell in self.cells().into_iter().filter(|cell| cell.seed == 0) {
            let this = format!("`{}` with {}", E::name(&cell.problem), cell.method.name);
            if let Some(other) = folders.insert(E::cell_name(&cell), this.clone()) {
                bail!("{this} and {other} would share a folder; give one of them another name");
            }
        }
        E::check(self)
    }
}
