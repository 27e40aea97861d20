//! Reading and checking a definition.

use anyhow::{Context, Result, ensure};

use super::experiment::{Cell, Definition, Experiment};
use super::names::check_names;
use super::settings::{LearnerKind, Method};
use super::start::SymmetryStart;

/// The most training runs of a run: what is known of each is kept until the table is made.
const MOST_CELLS: u64 = 100_000;

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
    pub fn cells(&self) -> impl Iterator<Item = Cell<E>> + '_ {
        (0..self.training.seeds).flat_map(|seed| self.cells_of(seed))
    }

    /// Those of one seed.
    pub fn cells_of(&self, seed: u64) -> impl Iterator<Item = Cell<E>> + '_ {
        self.problems.iter().flat_map(move |problem| {
            let methods = self.methods.iter().filter(|method| E::has_cell(problem, method));
            methods.map(move |method| Cell { problem: problem.clone(), method: method.clone(), seed })
        })
    }

    /// How many training runs there are; as many as can be counted.
    pub fn cell_count(&self) -> u64 {
        self.training.seeds.saturating_mul(self.cells_of(0).count() as u64)
    }

    /// Refuses what cannot run: what a run is checked for before it begins, and, as its folder may
    /// have been changed by hand, before it is continued.
    pub fn check_plan(&self) -> Result<()> {
        self.training.check()?;
        let (seeds, problems, methods) = (self.training.seeds, self.problems.len(), self.methods.len());
        ensure!(problems > 0 && methods > 0, "there is nothing to run: no problem or no method");
        ensure!(
            self.cell_count() <= MOST_CELLS,
            "seeds, problems and methods ({seeds} × {problems} × {methods}) make more than {MOST_CELLS} training runs, \
             the most in one run; use fewer seeds"
        );
        for method in &self.methods {
            let finite = method.inner_rate.is_none_or(f64::is_finite);
            ensure!(finite, "the inner_rate of {} must be a number", method.name);
            for (ending, factor) in &method.outer_factors {
                let fine = factor.is_finite() && *factor >= 0.0;
                ensure!(fine, "the factor of {ending} of {} must be at least 0, not {factor}", method.name);
            }
            ensure!(
                method.learner != LearnerKind::MultiTask || method.outer_factors.is_empty(),
                "{} takes no outer_factors: all that it learns has one rate",
                method.name
            );
            ensure!(
                method.learner == LearnerKind::Bilevel || method.rates_per.is_none(),
                "{} has no rates_per: it takes no gradient steps",
                method.name
            );
            ensure!(
                method.layer.has_kronecker_factors() || method.symmetry == SymmetryStart::Identity,
                "{} has no Kronecker factors that could start from others than the identity",
                method.name
            );
            ensure!(method.channels != Some(0), "the channels of {} must be at least 1", method.name);
            let ridge = method.learner != LearnerKind::Exact || self.training.ridge.is_some();
            ensure!(ridge, "{} solves exactly, which needs `ridge` in [training]", method.name);
        }
        check_names(self)?;
        E::check_plan(self)
    }

    /// What a definition file may get wrong.
    fn check(&self) -> Result<()> {
        self.check_plan()?;
        self.training.check_tests()?;
        self.quick.check()?;
        for name in &self.quick.problems {
            ensure!(self.problem(name).is_some(), "no problem `{name}`, which [quick] names");
        }
        for name in &self.quick.methods {
            ensure!(self.method(name).is_some(), "no method `{name}`, which [quick] names");
        }
        E::check(self)
    }
}
