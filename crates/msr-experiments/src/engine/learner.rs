//! The learners that the tables compare.

use anyhow::{Context, Result};
use clap::ValueEnum;
use msr_meta::{
    GradientSteps, Granularity, Learner, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Rates,
};
use serde::{Deserialize, Serialize};

use super::definition::{Method, Training};
use super::model::Model;

/// The learner of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearnerKind {
    /// Gradient steps, differentiated through.
    Bilevel,
    /// An exact least-squares solution, differentiated through.
    Exact,
    /// One level: the filter parameters of all training tasks are fitted jointly.
    MultiTask,
}

/// How methods adapt: what `--inner` selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Inner {
    /// All but the exact ones.
    Gradient,
    /// Those whose inner loop solves the least-squares problem exactly.
    Exact,
}

impl Inner {
    /// Whether a method with this learner is among those selected.
    pub fn selects(self, learner: LearnerKind) -> bool {
        (self == Inner::Exact) == (learner == LearnerKind::Exact)
    }
}

impl LearnerKind {
    /// Whether it adapts by gradient steps.
    pub fn takes_inner_steps(self) -> bool {
        self == LearnerKind::Bilevel
    }
}

impl Method {
    /// The learner of a model, as the training asks for it.
    pub fn learner(&self, model: &Model, training: &Training) -> Result<Box<dyn Learner>> {
        let config = match self.learner {
            LearnerKind::Bilevel => {
                // A mean over outputs is a gradient that shrinks with their number.
                let outputs = if self.per_output { model.outputs() as f64 } else { 1.0 };
                let initial = self.inner_rate.unwrap_or(training.inner_rate) * outputs;
                let rates = Rates::Learned { initial, per: Granularity::PerLayer, positive: false };
                GradientSteps { steps: training.inner_steps, rates, ..GradientSteps::default() }.into()
            }
            LearnerKind::Exact => {
                let ridge = training.ridge.context("an exact inner loop needs `ridge` in [training]")?;
                MetaConfig::least_squares(ridge)
            }
            LearnerKind::MultiTask => {
                return Ok(Box::new(MultiTask::new(model.layer(), MultiTaskConfig::default())?));
            }
        };
        Ok(Box::new(MetaLearner::new(model.layer(), config)?))
    }
}
