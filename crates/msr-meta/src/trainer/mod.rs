//! The outer loop.

mod best;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use msr_episodes::{Episode, EpisodeSource};
use serde_json::Value;

use crate::adam::{Adam, AdamConfig};
use crate::average::Average;
use crate::checkpoint::{Checkpoint, Meaning, State};
use crate::error::{Error, Result};
use crate::known_tasks::KnownTasks;
use crate::learner::{Gradients, Learner, device_of, on_device};
use crate::observer::{Observer, StepReport};
use crate::pool::in_pool;
use crate::recorded::Recorded;
use crate::validation::Validation;

/// Runs the outer loop of a [`Learner`] with Adam, checkpoints, validation and resuming.
///
/// A run that is killed at any moment and resumed gives the same bits as one that was never
/// stopped, if the episodes depend on the step alone, the model and the configuration are built as
/// before, and the rayon pool has as many threads as before.
pub struct Trainer {
    learner: Box<dyn Learner>,
    adam: Adam,
    step: u64,
    checkpoints: Option<(PathBuf, u64)>,
    last_good: Option<(PathBuf, u64)>,
    validation: Option<Validation>,
    average: Option<Average>,
    /// What the caller says of the run.
    description: Value,
    /// What is kept of the training tasks of the source that was last run on.
    known: Option<KnownTasks>,
    /// Steps on a GPU.
    recorded: Recorded,
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("learner", &self.learner.spec()).field("steps", &self.step).finish()
    }
}

impl Trainer {
    /// A trainer at step zero.
    ///
    /// # Errors
    /// [`Error::Config`] for constants of Adam outside their range.
    pub fn new(learner: impl Learner + 'static, adam: AdamConfig) -> Result<Self> {
        let adam = Adam::new(adam, learner.outer_parameters())?;
        let (learner, description): (Box<dyn Learner>, _) = (Box::new(learner), Value::Null);
        Ok(Self {
            learner,
            adam,
            step: 0,
            checkpoints: None,
            last_good: None,
            validation: None,
            average: None,
            description,
            known: None,
            recorded: Recorded::default(),
        })
    }

    /// What else makes this run what it is: seeds, data. It is stored with checkpoints, and a run
    /// that says something else cannot go on from them.
    pub fn describe(&mut self, run: Value) {
        self.description = run;
    }

    fn meaning(&self) -> Meaning {
        let (learner, adam) = (self.learner.spec(), *self.adam.config());
        let validation = self.validation.as_ref().map(|v| v.config);
        let average = self.average.as_ref().map(Average::decay);
        Meaning { learner, adam, run: self.description.clone(), validation, average }
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
    /// [`Error::Io`] or [`Error::Checkpoint`] when the file cannot be used, or learner, optimiser
    /// or description are not those that it was written by; nothing was changed then.
    pub fn resume_from(&mut self, path: &Path) -> Result<Option<String>> {
        let device = device_of(self.learner.as_ref());
        let Some(checkpoint) = Checkpoint::read(path, &device)? else { return Ok(None) };
        let note = checkpoint.note.clone();
        self.restore(checkpoint, path)?;
        Ok(Some(note))
    }

    /// Puts the state in place of the present one.
    fn restore(&mut self, checkpoint: Checkpoint, path: &Path) -> Result<()> {
        let (step, progress) = (checkpoint.step, checkpoint.validation);
        let (meaning, parameters) = (self.meaning(), self.learner.outer_parameters());
        let state = (&mut self.adam, self.average.as_mut());
        checkpoint.restore(path, &meaning, (parameters, &self.learner.buffers()), state)?;
        self.step = step;
        // Moments lie elsewhere now.
        self.recorded = Recorded::default();
        self.last_good = Some((path.into(), step));
        if let Some(validation) = &mut self.validation {
            validation.progress = progress.unwrap_or_default();
        }
        Ok(())
    }

    /// The number of outer steps taken.
    pub fn steps_taken(&self) -> u64 {
        self.step
    }

    /// What is trained.
    pub fn learner(&self) -> &dyn Learner {
        self.learner.as_ref()
    }

    /// One outer step.
    ///
    /// # Errors
    /// [`Error::Diverged`] and [`Error::GradientDiverged`] when a number is not finite,
    /// [`Error::InStep`] for everything else: then nothing was updated.
    pub fn step(&mut self, episode: &Episode) -> Result<StepReport> {
        let recorded = match self.recorded.step(self.learner.as_ref(), &mut self.adam, episode) {
            Ok(recorded) => recorded,
            Err(problem) => return Err(self.in_step(problem, None)),
        };
        // Why a recorded step was not taken, its gradients would say, which are not kept: nothing
        // was changed, and the step is taken without.
        if let Some(taken) = recorded.filter(|taken| taken.is_taken || !taken.are_losses_finite()) {
            let losses = self.adam.after(self.learner.outer_parameters(), &[], taken)?;
            return self.report(&episode.tasks, losses, &[]);
        }
        let (learner, step) = (self.learner.as_ref(), self.step);
        let report = self.update(&episode.tasks, in_pool(|| learner.unread_gradients_at(step, episode)))?;
        self.recorded.after(self.learner.as_ref(), episode)?;
        Ok(report)
    }

    /// Whether steps were recorded, and are replayed on a GPU.
    pub fn replays_steps(&self) -> bool {
        matches!(self.recorded, Recorded::Ready(_))
    }

    /// One outer step with these gradients of these tasks.
    fn update(&mut self, tasks: &[usize], found: Result<Gradients<Tensor>>) -> Result<StepReport> {
        let found = found.map_err(|problem| {
            let task = problem.failed_task().and_then(|at| tasks.get(at).copied());
            self.in_step(problem, task)
        })?;
        let (adam, parameters) = (&mut self.adam, self.learner.outer_parameters());
        let losses = match in_pool(|| adam.step_with(parameters, &found.gradients, &found.losses)) {
            Ok(losses) => losses,
            Err(Error::GradientNotFinite { parameter }) => {
                let (step, checkpoint) = (self.step, self.last_good.clone());
                return Err(Error::GradientDiverged { step, parameter, checkpoint });
            }
            Err(problem) => return Err(self.in_step(problem, None)),
        };
        self.report(tasks, losses, &found.buffers)
    }

    /// What is to be said of a step with these losses, which was taken when they are finite.
    fn report(&mut self, tasks: &[usize], losses: Vec<f64>, buffers: &[Tensor]) -> Result<StepReport> {
        if let Some(i) = losses.iter().position(|l| !l.is_finite()) {
            return Err(Error::Diverged {
                step: self.step,
                task: tasks.get(i).copied().unwrap_or(i),
                loss: losses[i],
                checkpoint: self.last_good.clone(),
            });
        }
        for (buffer, value) in self.learner.buffers().iter().zip(buffers) {
            buffer.set(value)?;
        }
        if let Some(average) = &mut self.average {
            average.add(self.learner.outer_parameters())?;
        }
        let report = StepReport { step: self.step, losses };
        self.step += 1;
        Ok(report)
    }

    fn in_step(&self, problem: Error, task: Option<usize>) -> Error {
        let (step, checkpoint) = (self.step, self.last_good.clone());
        Error::InStep { step, task, checkpoint, problem: Box::new(problem) }
    }

    /// Writes the state to `path` now.
    ///
    /// # Errors
    /// [`Error::InStep`] when a parameter or a moment is NaN or infinite: then the file is left as
    /// it is. When it cannot be written; the message names it.
    pub fn save(&mut self, path: &Path, note: &str) -> Result<()> {
        self.write(path, note, true)
    }

    /// Writes the state; `keep`: whether what was there before is kept beside it.
    fn write(&mut self, path: &Path, note: &str, keep: bool) -> Result<()> {
        let validation = self.validation.as_ref().map(|v| v.progress);
        let state = State { step: self.step, note, meaning: self.meaning(), validation };
        let tensors = (self.learner.outer_parameters(), &self.learner.buffers()[..]);
        let written = Checkpoint::write(path, keep, state, tensors, (&self.adam, self.average.as_ref()));
        written.map_err(|problem| match problem {
            Error::NotFinite { .. } => self.in_step(problem, None),
            other => other,
        })?;
        self.last_good = Some((path.into(), self.step));
        Ok(())
    }

    /// Trains on the episodes of `source` until `steps` outer steps are taken in total, or the
    /// observer stops, or [validations](Trainer::validate_on) end the run
    /// ([`Trainer::has_ended_early`]): [`ControlFlow::Break`] when it stopped before.
    ///
    /// Where a learner needs no more than the second moments of examples
    /// ([`Learner::moments_of_each`]) and the source draws from the same tasks again and again
    /// ([`EpisodeSource::numbered`]), those of each task are computed once and kept, as long as
    /// they take at most 512 MiB.
    ///
    /// # Errors
    /// [`Error::Config`] when more steps were taken than are asked for, the schedule of the rate
    /// has fewer, or checkpoints and the best state are to be one file. As [`Trainer::step`];
    /// [`Error::Episodes`] and [`Error::Observer`] for errors of `source` and `observer`; when a
    /// checkpoint cannot be written.
    pub fn run(
        &mut self,
        steps: u64,
        source: &dyn EpisodeSource,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<()>> {
        if self.step > steps {
            return Err(Error::config(format!(
                "{} outer steps were taken, and the run is to have {steps}: the checkpoint is of a longer run",
                self.step
            )));
        }
        self.adam.config().schedule.check(steps)?;
        if let (Some((path, _)), Some(validation)) = (&self.checkpoints, &self.validation)
            && *path == validation.path
        {
            return Err(Error::config(format!(
                "checkpoints and the best state are both to be written to {}; give them two names",
                path.display()
            )));
        }
        let device = device_of(self.learner.as_ref());
        while self.step < steps {
            if self.has_ended_early() {
                return Ok(ControlFlow::Break(()));
            }
            let sets = KnownTasks::sets(&mut self.known, self.learner.as_ref(), source, self.step);
            let sets = sets.map_err(|problem| match problem {
                Error::Episodes(_) => problem,
                problem => self.in_step(problem, None),
            })?;
            let report = match sets {
                Some(sets) => {
                    let (learner, step) = (self.learner.as_ref(), self.step);
                    self.update(&sets.tasks, in_pool(|| learner.gradients_of_known(step, &sets)?.unread()))?
                }
                None => self.step(&on_device(&source.train(self.step)?, &device)?)?,
            };
            let mut flow = observer.on_step(&report, self.learner.as_ref()).map_err(Error::Observer)?;
            self.validate(observer)?;
            if self.has_ended_early() {
                flow = ControlFlow::Break(());
            }
            let due = |every: u64| self.step.is_multiple_of(every) || self.step == steps || flow.is_break();
            if let Some((path, _)) = self.checkpoints.clone().filter(|(_, every)| due(*every)) {
                let note = observer.note().map_err(Error::Observer)?;
                self.save(&path, &note)?;
            }
            if flow.is_break() && self.step < steps {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
