//! The learners that the tables compare.

use anyhow::{Context, Result, ensure};
use msr_meta::{
    GradientSteps, HeadTargets, Learner, Loss, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig,
    Prototypes, PrototypesConfig, Rates, Reduction, RidgeHead, RidgeHeadConfig,
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
                let (per, positive) = (self.rates_per.unwrap_or(training.rates_per), training.positive_rates);
                let rates = Rates::Learned { initial, per, positive };
                GradientSteps { steps: training.inner_steps, rates, ..GradientSteps::default() }.into()
            }
            LearnerKind::Exact => {
                let ridge = training.ridge.context("an exact inner loop needs `ridge` in [training]")?;
                MetaConfig::least_squares(ridge)
            }
            LearnerKind::MultiTask => {
                return Ok(Box::new(MultiTask::new(model.layer(), MultiTaskConfig::default())?));
            }
            LearnerKind::Prototypes => {
                let config = PrototypesConfig::new(model.outputs());
                let config = PrototypesConfig { reduction: Reduction::Mean, ..config };
                return Ok(Box::new(Prototypes::new(model.layer(), config)?));
            }
            LearnerKind::RidgeHead => {
                let targets = HeadTargets::OneHot { classes: model.outputs() };
                let config = RidgeHeadConfig { reduction: Reduction::Mean, ..RidgeHeadConfig::new(targets) };
                return Ok(Box::new(RidgeHead::new(model.layer(), config)?));
            }
        };
        let config = match model.tells_classes() {
            true => MetaConfig { loss: Loss::CrossEntropy, reduction: Reduction::Mean, ..config },
            false => config,
        };
        let learner = MetaLearner::new(model.layer(), config)?;
        for ending in self.outer_factors.keys() {
            let mut names = learner.outer_parameters().iter().map(|p| p.name.as_str());
            ensure!(
                names.any(|name| name.ends_with(ending.as_str())),
                "{} has a factor for the outer rate of `{ending}`, but no parameter is called so",
                self.name
            );
        }
        let factor = |name: &str| {
            let own = self.outer_factors.iter().filter(|(ending, _)| name.ends_with(ending.as_str()));
            own.map(|(_, factor)| factor).product()
        };
        Ok(Box::new(learner.with_outer_rates(factor)))
    }
}
