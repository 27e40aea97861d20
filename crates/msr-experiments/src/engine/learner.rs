//! The learners that the tables compare.

use anyhow::{Context, Result};
use msr_meta::{
    GradientSteps, Granularity, Learner, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Rates,
};

use super::model::Model;
use super::settings::{LearnerKind, Method, Training};

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
