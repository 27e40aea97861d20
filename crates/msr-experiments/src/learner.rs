//! The learners that the tables compare.

use std::sync::Arc;

use anyhow::Result;
use clap::ValueEnum;
use msr_layers::Layer;
use msr_meta::{
    Adaptation, Granularity, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Objective, Rates,
};
use serde::{Deserialize, Serialize};

/// The learner of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learner {
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
    pub fn selects(self, learner: Learner) -> bool {
        (self == Inner::Exact) == (learner == Learner::Exact)
    }
}

/// What learners are made with.
#[derive(Clone, Copy, Debug)]
pub struct LearnerConfig {
    /// The number of inner steps.
    pub inner_steps: usize,
    /// The inner rate at the start.
    pub inner_rate: f64,
    /// The ridge of exact solutions at the start.
    pub ridge: f64,
}

impl Learner {
    /// Whether it adapts by gradient steps.
    pub fn takes_inner_steps(self) -> bool {
        self == Learner::Bilevel
    }

    /// This learner for a model.
    pub fn objective(self, model: Arc<dyn Layer>, config: &LearnerConfig) -> Result<Box<dyn Objective>> {
        let &LearnerConfig { inner_steps, inner_rate, ridge } = config;
        let rates = Rates::Learned { initial: inner_rate, per: Granularity::PerLayer, positive: false };
        let adaptation = match self {
            Learner::Bilevel => Adaptation::GradientSteps,
            Learner::Exact => Adaptation::LeastSquares { ridge },
            Learner::MultiTask => return Ok(Box::new(MultiTask::new(model, MultiTaskConfig::default())?)),
        };
        let config = MetaConfig { adaptation, inner_steps, rates, ..MetaConfig::default() };
        Ok(Box::new(MetaLearner::new(model, config)?))
    }
}
