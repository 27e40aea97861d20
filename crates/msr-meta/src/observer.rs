//! What a run says of itself while it goes on.

use std::ops::ControlFlow;

use crate::evaluate::mean;
use crate::learner::Learner;
use crate::validation::ValidationReport;

/// What happened in an outer step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The step, counted from zero.
    pub step: u64,
    /// The query loss of each task before the update.
    pub losses: Vec<f64>,
}

impl StepReport {
    /// The mean loss; zero without tasks.
    pub fn mean(&self) -> f64 {
        mean(&self.losses)
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Watches a run: progress, metrics, stopping. `&mut ()` watches nothing.
pub trait Observer {
    /// Called after each step; [`ControlFlow::Break`] stops the run after a checkpoint.
    ///
    /// # Errors
    /// Any; it stops the run.
    fn on_step(
        &mut self,
        report: &StepReport,
        learner: &dyn Learner,
    ) -> std::result::Result<ControlFlow<()>, BoxError>;

    /// Called after each validation.
    ///
    /// # Errors
    /// Any; it stops the run.
    fn on_validation(&mut self, report: &ValidationReport) -> std::result::Result<(), BoxError> {
        let _ = report;
        Ok(())
    }

    /// Called before each checkpoint: makes what was observed durable and returns a note that is
    /// stored with it, from which a resumed run can put its own records back to this point.
    ///
    /// # Errors
    /// Any; it stops the run.
    fn note(&mut self) -> std::result::Result<String, BoxError> {
        Ok(String::new())
    }
}

/// Nothing to watch.
impl Observer for () {
    fn on_step(&mut self, _: &StepReport, _: &dyn Learner) -> std::result::Result<ControlFlow<()>, BoxError> {
        Ok(ControlFlow::Continue(()))
    }
}
