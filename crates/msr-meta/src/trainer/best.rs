//! Which state of a run is kept: validation, the best state, averages over steps.

use std::path::PathBuf;
use std::sync::Arc;

use msr_episodes::EpisodeSource;

use super::Trainer;
use crate::average::{self, Average};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::learner::device_of;
use crate::observer::Observer;
use crate::validation::{Best, Validation, ValidationConfig};

impl Trainer {
    /// Validates the run on the held-out tasks of `source`, which are to be tasks that neither
    /// train nor test, and keeps the best state at `best`: a checkpoint of its own, written
    /// whenever a validation is better than all before. With a
    /// [patience](ValidationConfig::patience) the run ends early.
    ///
    /// What validations have found is part of the checkpoints of [`Trainer::checkpoint_to`], so
    /// that a run that is killed and resumed decides as one that was never stopped. This comes
    /// before [`Trainer::resume_from`].
    ///
    /// # Errors
    /// [`Error::Config`] for a validation every zero steps or a patience of zero, and for a run
    /// that has begun.
    pub fn validate_on(
        &mut self,
        source: Arc<dyn EpisodeSource>,
        config: ValidationConfig,
        best: impl Into<PathBuf>,
    ) -> Result<()> {
        self.check_new("validation")?;
        self.validation = Some(Validation::new(source, config, best.into())?);
        Ok(())
    }

    /// Averages the outer parameters p over the steps t of the run, with weights that fall by a
    /// factor β, `decay`, from one step to the one before it:
    /// `(1 − β) / (1 − β^t) · Σ_{s ≤ t} β^{t − s} p_s`.
    ///
    /// What is trained stays as it would be; validations look at the averages, and the best state
    /// is one of averages. Running statistics of normalisations are not averaged once more. This
    /// comes before [`Trainer::resume_from`].
    ///
    /// Source: Polyak, Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992),
    /// with the weights of an exponential average.
    ///
    /// # Errors
    /// [`Error::Config`] for a decay outside [0, 1), and for a run that has begun.
    pub fn average(&mut self, decay: f64) -> Result<()> {
        self.check_new("averages")?;
        self.average = Some(Average::new(decay, self.learner.outer_parameters())?);
        Ok(())
    }

    /// Refuses `what` in a run that has begun.
    fn check_new(&self, what: &str) -> Result<()> {
        match self.step {
            0 => Ok(()),
            steps => Err(Error::config(format!(
                "{steps} outer steps were taken without {what}; say so before the first step, or before resume_from"
            ))),
        }
    }

    /// Puts the averages in place of the outer parameters, for good: this is what an
    /// [averaged](Trainer::average) run without validation has learned, and training does not go on
    /// from it. Without averages, or before the first step, nothing changes.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn put_averages(&mut self) -> Result<()> {
        if let Some(average) = self.average.as_ref().filter(|_| self.step > 0) {
            let parameters = self.learner.outer_parameters();
            average::put(parameters, &average.values(self.step, parameters)?)?;
            self.average = None;
        }
        Ok(())
    }

    /// The best state that a validation has found; `None` before the first one.
    pub fn best(&self) -> Option<Best> {
        self.validation.as_ref()?.progress.best
    }

    /// Whether validations have ended the run: it takes no further steps.
    pub fn has_ended_early(&self) -> bool {
        self.validation.as_ref().is_some_and(Validation::is_over)
    }

    /// Goes back to the best state: the learner, and with it the optimiser and the number of steps,
    /// are as they were then. `None` when no validation has found one.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the file is missing or holds another state (that of a run that
    /// was killed after it found a better one: let it go on); otherwise as
    /// [`Trainer::resume_from`].
    pub fn back_to_best(&mut self) -> Result<Option<Best>> {
        let Some(Validation { path, progress, .. }) = &self.validation else { return Ok(None) };
        let (path, Some(best)) = (path.clone(), progress.best) else { return Ok(None) };
        let problem = |problem: String| Error::Checkpoint { path: path.clone(), problem };
        let found = Checkpoint::read(&path, &device_of(self.learner.as_ref()))?
            .ok_or_else(|| problem("the file is not there".into()))?;
        if found.step != best.step {
            return Err(problem(format!(
                "it was written after {} outer steps, but the best state of this run so far is that after {}; let the run go on, which writes it again",
                found.step, best.step
            )));
        }
        self.restore(found, &path)?;
        Ok(Some(best))
    }

    /// Validates the present state, or its averages, if that is due, and keeps what was validated
    /// when it is the best.
    pub(super) fn validate(&mut self, observer: &mut dyn Observer) -> Result<()> {
        if self.validation.as_ref().is_none_or(|v| !self.step.is_multiple_of(v.config.every)) {
            return Ok(());
        }
        let Some(average) = &self.average else { return self.validate_present(observer) };
        let parameters = self.learner.outer_parameters();
        let (own, averages) = (average::copies(parameters)?, average.values(self.step, parameters)?);
        average::put(parameters, &averages)?;
        let validated = self.validate_present(observer);
        average::put(self.learner.outer_parameters(), &own)?;
        validated
    }

    fn validate_present(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let Some(validation) = &mut self.validation else { return Ok(()) };
        let report = validation.validate(self.learner.as_ref(), self.step)?;
        let path = validation.path.clone();
        observer.on_validation(&report).map_err(Error::Observer)?;
        if report.is_best {
            let note = observer.note().map_err(Error::Observer)?;
            self.write(&path, &note, false)?;
        }
        Ok(())
    }
}
