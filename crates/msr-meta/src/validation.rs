//! Validation in the course of a training run.

use std::path::PathBuf;
use std::sync::Arc;

use msr_episodes::EpisodeSource;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::evaluation::{Evaluation, EvaluationConfig, evaluate_in_detail};
use crate::learner::Learner;

/// What tells the better of two states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// The smaller mean loss.
    #[default]
    Loss,
    /// The larger mean accuracy, for targets that are labels.
    Accuracy,
}

impl Measure {
    /// The number that is compared.
    fn of(self, evaluation: &Evaluation) -> Result<f64> {
        match (self, &evaluation.classification) {
            (Measure::Loss, _) => Ok(evaluation.loss.mean),
            (Measure::Accuracy, Some(classes)) => Ok(classes.accuracy.mean),
            (Measure::Accuracy, None) => Err(Error::config(
                "there is no accuracy to validate by, for the targets are values; use Measure::Loss",
            )),
        }
    }

    fn is_better(self, new: f64, old: f64) -> bool {
        match self {
            Measure::Loss => new < old,
            Measure::Accuracy => new > old,
        }
    }
}

/// How a training run is validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationConfig {
    /// Outer steps from one validation to the next: after the steps whose number is a multiple of
    /// it.
    pub every: u64,
    /// The number of validation tasks; all of them, if there are fewer.
    pub tasks: usize,
    /// How many of them are adapted to at once, which changes memory, not results.
    #[serde(skip)]
    pub together: usize,
    /// What tells the better of two states.
    pub measure: Measure,
    /// The run ends when so many validations in a row were no better than the best one before them;
    /// `None` never ends it.
    pub patience: Option<u64>,
}

impl ValidationConfig {
    /// After every `every` steps, on all tasks, 50 at once, by the loss, without an early end.
    pub fn new(every: u64) -> Self {
        Self { every, tasks: usize::MAX, together: 50, measure: Measure::Loss, patience: None }
    }
}

/// The best state of a run so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The number of outer steps taken.
    pub step: u64,
    /// The mean of what is [measured](ValidationConfig::measure) there.
    pub value: f64,
}

/// What was found by a validation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ValidationReport {
    /// The number of outer steps taken.
    pub step: u64,
    /// The loss, and the accuracy of classes.
    pub evaluation: Evaluation,
    /// Whether no validation before was as good.
    pub is_best: bool,
}

/// What later decisions depend on; a checkpoint keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) best: Option<Best>,
    /// Validations since the best one.
    pub(crate) since: u64,
}

/// A run's validation.
pub(crate) struct Validation {
    source: Arc<dyn EpisodeSource>,
    pub(crate) config: ValidationConfig,
    /// Where the best state is kept.
    pub(crate) path: PathBuf,
    pub(crate) progress: Progress,
}

impl Validation {
    pub(crate) fn new(
        source: Arc<dyn EpisodeSource>,
        config: ValidationConfig,
        path: PathBuf,
    ) -> Result<Self> {
        if config.every == 0 || config.patience == Some(0) {
            return Err(Error::config(format!(
                "a validation every 0 steps, or a patience of 0 validations, makes no sense; use at least 1, got {} \
                 and {:?}",
                config.every, config.patience
            )));
        }
        Ok(Self { source, config, path, progress: Progress::default() })
    }

    /// Whether patience has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.config.patience.is_some_and(|patience| self.progress.since >= patience)
    }

    /// Validates the state after `step` steps.
    pub(crate) fn validate(&mut self, learner: &dyn Learner, step: u64) -> Result<ValidationReport> {
        let ValidationConfig { tasks, together, measure, .. } = self.config;
        let config = EvaluationConfig { tasks, together, ..EvaluationConfig::default() };
        let mut found = evaluate_in_detail(learner, self.source.as_ref(), &config)?;
        let evaluation = found.remove(0);
        let value = measure.of(&evaluation)?;
        let is_best = self.progress.best.is_none_or(|best| measure.is_better(value, best.value));
        self.progress = match is_best {
            true => Progress { best: Some(Best { step, value }), since: 0 },
            false => Progress { since: self.progress.since + 1, ..self.progress },
        };
        Ok(ValidationReport { step, evaluation, is_best })
    }
}
