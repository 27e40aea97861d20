//! The outer loop.

use std::path::{Path, PathBuf};

use candle_core::Device;
use msr_kernels::is_finite;

use crate::adam::{Adam, AdamConfig};
use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::objective::Objective;

/// What happened in an outer step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The step, counted from zero.
    pub step: u64,
    /// The query loss of each task before the update.
    pub losses: Vec<f64>,
}

impl StepReport {
    /// The mean loss.
    pub fn mean(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Watches a run: progress, metrics, stopping. `&mut ()` watches nothing.
pub trait Observer {
    /// Called after each step; `false` stops the run after a checkpoint.
    ///
    /// # Errors
    /// Any; it stops the run.
    fn on_step(&mut self, report: &StepReport) -> std::result::Result<bool, BoxError>;

    /// Called before each checkpoint: makes what was observed durable and returns a note that is stored
    /// with it, from which a resumed run can put its own records back to this point.
    ///
    /// # Errors
    /// Any; it stops the run.
    fn note(&mut self) -> std::result::Result<String, BoxError> {
        Ok(String::new())
    }
}

/// Nothing to watch.
impl Observer for () {
    fn on_step(&mut self, _: &StepReport) -> std::result::Result<bool, BoxError> {
        Ok(true)
    }
}

/// Runs the outer loop of an [`Objective`] with Adam, checkpoints and resuming.
///
/// A run that is killed at any moment and resumed gives the same bits as one that was never stopped, if
/// the batches depend on the step alone, the model and the configuration are built as before, and the
/// rayon pool has as many threads as before.
pub struct Trainer {
    objective: Box<dyn Objective>,
    adam: Adam,
    step: u64,
    checkpoints: Option<(PathBuf, u64)>,
    last_good: Option<(PathBuf, u64)>,
}

impl Trainer {
    /// A trainer at step zero.
    ///
    /// # Errors
    /// [`Error::Config`] for constants of Adam outside their range.
    pub fn new(objective: Box<dyn Objective>, adam: AdamConfig) -> Result<Self> {
        let adam = Adam::new(adam, objective.outer_parameters())?;
        Ok(Self { objective, adam, step: 0, checkpoints: None, last_good: None })
    }

    /// Writes a checkpoint to `path` after every `every` steps and at the end of [`Trainer::run`].
    ///
    /// # Errors
    /// [`Error::Config`] when `every` is zero.
    pub fn checkpoint_to(&mut self, path: impl Into<PathBuf>, every: u64) -> Result<()> {
        if every == 0 {
            return Err(Error::config("checkpoints every 0 steps make no sense; use at least 1"));
        }
        self.checkpoints = Some((path.into(), every));
        Ok(())
    }

    /// Continues from a checkpoint: returns its note, or `None` when there is no such file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Checkpoint`] when the file cannot be used; nothing was changed then.
    pub fn resume_from(&mut self, path: &Path) -> Result<Option<String>> {
        let parameters = self.objective.outer_parameters();
        let device = parameters.first().map_or(Device::Cpu, |p| p.variable.device().clone());
        let Some(checkpoint) = Checkpoint::read(path, &device)? else { return Ok(None) };
        let (step, note) = (checkpoint.step, checkpoint.note.clone());
        checkpoint.restore(path, parameters, &mut self.adam)?;
        self.step = step;
        self.last_good = Some((path.into(), step));
        Ok(Some(note))
    }

    /// The number of outer steps taken.
    pub fn steps_taken(&self) -> u64 {
        self.step
    }

    /// What is trained.
    pub fn objective(&self) -> &dyn Objective {
        self.objective.as_ref()
    }

    /// One outer step.
    ///
    /// # Errors
    /// [`Error::Diverged`] and [`Error::GradientDiverged`] when a number is not finite: then nothing was
    /// updated. Otherwise when the batch does not fit the model.
    pub fn step(&mut self, batch: &Batch) -> Result<StepReport> {
        let found = self.objective.gradients(batch)?;
        if let Some(i) = found.losses.iter().position(|l| !l.is_finite()) {
            return Err(Error::Diverged {
                step: self.step,
                task: batch.tasks.get(i).copied().unwrap_or(i),
                loss: found.losses[i],
                checkpoint: self.last_good.clone(),
            });
        }
        let parameters = self.objective.outer_parameters();
        for (p, gradient) in parameters.iter().zip(&found.gradients) {
            if !is_finite(gradient)? {
                return Err(Error::GradientDiverged {
                    step: self.step,
                    parameter: p.name.clone(),
                    checkpoint: self.last_good.clone(),
                });
            }
        }
        self.adam.step(parameters, &found.gradients)?;
        let report = StepReport { step: self.step, losses: found.losses };
        self.step += 1;
        Ok(report)
    }

    /// Writes the state to `path` now.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn save(&mut self, path: &Path, note: &str) -> Result<()> {
        Checkpoint::write(path, self.step, note, self.objective.outer_parameters(), &self.adam)?;
        self.last_good = Some((path.into(), self.step));
        Ok(())
    }

    /// Runs until `steps` outer steps are taken in total, or the observer stops; whether it got there.
    ///
    /// `batches` makes the batch of a step.
    ///
    /// # Errors
    /// As [`Trainer::step`]; [`Error::Caller`] for errors of `batches` and `observer`; [`Error::Io`] when a
    /// checkpoint cannot be written.
    pub fn run(
        &mut self,
        steps: u64,
        mut batches: impl FnMut(u64) -> std::result::Result<Batch, BoxError>,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        while self.step < steps {
            let batch = batches(self.step).map_err(Error::Caller)?;
            let report = self.step(&batch)?;
            let go_on = observer.on_step(&report).map_err(Error::Caller)?;
            let due = |every: u64| self.step.is_multiple_of(every) || self.step == steps || !go_on;
            if let Some((path, _)) = self.checkpoints.clone().filter(|(_, every)| due(*every)) {
                let note = observer.note().map_err(Error::Caller)?;
                self.save(&path, &note)?;
            }
            if !go_on {
                return Ok(self.step == steps);
            }
        }
        Ok(true)
    }
}
