//! The learners that the tables compare.

use anyhow::{Context, Result, ensure};
use msr_meta::{
    GradientSteps, HeadTargets, Learner, Loss, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig,
    OuterParameter, Prototypes, PrototypesConfig, Rates, Reduction, RidgeHead, RidgeHeadConfig,
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
                let learner = Prototypes::new(model.layer(), config)?;
                let factor = self.outer_factor(learner.outer_parameters())?;
                return Ok(Box::new(learner.with_outer_rates(factor)));
            }
            LearnerKind::RidgeHead => {
                let targets = HeadTargets::OneHot { classes: model.outputs() };
                let config = RidgeHeadConfig { reduction: Reduction::Mean, ..RidgeHeadConfig::new(targets) };
                let learner = RidgeHead::new(model.layer(), config)?;
                let factor = self.outer_factor(learner.outer_parameters())?;
                return Ok(Box::new(learner.with_outer_rates(factor)));
            }
        };
        let config = match model.tells_classes() {
            true => MetaConfig { loss: Loss::CrossEntropy, reduction: Reduction::Mean, ..config },
            false => config,
        };
        let learner = MetaLearner::new(model.layer(), config)?;
        let factor = self.outer_factor(learner.outer_parameters())?;
        Ok(Box::new(learner.with_outer_rates(factor)))
    }

    /// The factor of the outer rate of each of these parameters, by its name.
    fn outer_factor<'a>(&'a self, parameters: &[OuterParameter]) -> Result<impl Fn(&str) -> f64 + use<'a>> {
        for ending in self.outer_factors.keys() {
            ensure!(
                parameters.iter().any(|p| p.name.ends_with(ending.as_str())),
                "{} has a factor for the outer rate of `{ending}`, but no parameter is called so",
                self.name
            );
        }
        Ok(|name: &str| {
            let own = self.outer_factors.iter().filter(|(ending, _)| name.ends_with(ending.as_str()));
            own.map(|(_, factor)| factor).product()
        })
    }
}
