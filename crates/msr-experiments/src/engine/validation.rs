//! Validation of a training run: what a definition says of it, and what is recorded.

use anyhow::{Result, ensure};
use msr_meta::{Best, Measure, ValidationConfig, ValidationReport};
use serde::{Deserialize, Serialize};

/// The best state of a training run, as a checkpoint.
pub const BEST: &str = "best.safetensors";
/// A line for each validation.
pub const VALIDATIONS: &str = "validations.jsonl";
/// What came of all validations.
pub const VALIDATED: &str = "validated.json";

/// Validation in the course of the training: `[training.validation]`. What is tested at the end,
/// and kept, is then the best state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Outer steps from one validation to the next.
    pub every: u64,
    /// The number of validation tasks: the last ones of the training tasks, which then train no
    /// more; of classes, tasks of classes of their own.
    pub tasks: usize,
    /// The training ends when so many validations in a row were no better than the best one before
    /// them; never, where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// What tells the better of two states: `loss` or `accuracy`.
    #[serde(default)]
    pub measure: Measure,
}

impl Validation {
    /// Refuses numbers with which nothing can be validated.
    pub fn check(&self) -> Result<()> {
        ensure!(self.every > 0, "`every` of [training.validation] must be at least 1");
        ensure!(self.tasks >= 2, "an interval needs at least two validation tasks");
        ensure!(self.patience != Some(0), "`patience` of [training.validation] must be at least 1");
        Ok(())
    }

    /// For the trainer; so many tasks are adapted to at once.
    pub fn config(&self, together: usize) -> ValidationConfig {
        let Self { every, tasks, patience, measure } = *self;
        ValidationConfig { tasks, together, measure, patience, ..ValidationConfig::new(every) }
    }
}

/// A line of [`VALIDATIONS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationLine {
    /// The number of outer steps taken.
    pub step: u64,
    /// The mean query loss.
    pub loss: f64,
    /// The mean accuracy, of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Whether no validation before was as good.
    pub is_best: bool,
}

impl ValidationLine {
    /// What was found by a validation.
    pub fn of(report: &ValidationReport) -> Self {
        let found = &report.evaluation;
        let accuracy = found.classification.as_ref().map(|classes| classes.accuracy.mean);
        Self { step: report.step, loss: found.loss.mean, accuracy, is_best: report.is_best }
    }
}

/// What came of all validations, as [`VALIDATED`] says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// The state that is tested and kept; the last one, where no validation was made.
    pub best: Option<Best>,
    /// The outer steps that were taken.
    pub outer_steps: u64,
    /// Whether the training ended because of validations.
    pub ended_early: bool,
}

#[cfg(test)]
mod tests {
    use super::Validation;

    #[test]
    fn a_definition_says_how_often_and_on_how_many_tasks() {
        let read = |text: &str| toml::from_str::<Validation>(text);
        let short = read("every = 50\ntasks = 100").map(|v| (v.patience, v.check().is_ok()));
        assert_eq!(short, Ok((None, true)));
        for (text, word) in [
            ("every = 0\ntasks = 9", "every"),
            ("every = 1\ntasks = 1", "two validation tasks"),
            ("every = 1\ntasks = 9\npatience = 0", "patience"),
        ] {
            let refused = read(text).map(|v| v.check().map_err(|e| e.to_string()));
            assert!(matches!(&refused, Ok(Err(said)) if said.contains(word)), "{refused:?}");
        }
        assert!(read("every = 1\ntasks = 9\nevery_other = 2").is_err());
        assert!(read("every = 1\ntasks = 9\nmeasure = \"accuracy\"").is_ok());
    }
}
