//! Training and testing one model, with checkpoints, metrics and a progress bar.

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use msr_meta::{Learner, Trainer, evaluate};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::curves::draw_curves;
use super::folder::Folder;
use super::learned::LEARNED;
use super::mean::Mean;
use super::metrics::{Lengths, Watcher};
use super::settings::Training;
use super::tasks::CellTasks;
use super::validation::{BEST, VALIDATED, Validated};

const CHECKPOINT: &str = "checkpoint.safetensors";

/// Where a training run writes, and shows how far it is.
#[derive(Clone, Debug)]
pub struct CellFolder {
    /// Its files.
    pub files: Folder,
    /// Its progress.
    pub bar: ProgressBar,
}

/// The mean query loss over held-out tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// After so many outer steps; at the end of a training with validation, the best state before.
    pub outer_steps: u64,
    /// Over the tasks.
    #[serde(flatten)]
    pub error: Mean,
    /// How many tasks.
    pub tasks: usize,
}

impl Training {
    /// Trains, from the folder's checkpoint when there is one, tests on held-out tasks, and leaves
    /// metrics, curves and what was learned in the folder. Returns the trained learner and what
    /// each test gave, the last one at the end of the training; nothing where the experiment tests
    /// by itself. Where there is validation, what is
    /// tested at the end, kept and returned is the best state. Runs on the calling thread.
    pub fn run(
        &self,
        learner: Box<dyn Learner>,
        tasks: &CellTasks,
        folder: &CellFolder,
    ) -> Result<(Trainer, Vec<Tested>)> {
        let CellFolder { files, bar } = folder;
        let at = files.path().display();
        let mut trainer = Trainer::new(learner, self.adam())?;
        if let Some(decay) = self.average {
            trainer.average(decay)?;
        }
        trainer.describe(json!({ "tasks": tasks.episodes.name(), "seed": tasks.seed }));
        if let Some(validation) = &self.validation {
            let source = tasks.validation.clone().context("there are no validation tasks")?;
            trainer.validate_on(source, validation.config(tasks.test_batch), files.path().join(BEST))?;
        }
        let checkpoint = files.path().join(CHECKPOINT);
        let lengths = match trainer.resume_from(&checkpoint)? {
            Some(note) => {
                note.parse().with_context(|| format!("the note {note:?} in {}", checkpoint.display()))?
            }
            None => Lengths::default(),
        };
        // Steps beyond the plan would be taken at the rate zero of its schedule, or not be of it.
        ensure!(
            trainer.steps_taken() <= self.outer_steps,
            "{} was written after {} outer steps, but the run has {}; it is of another run",
            checkpoint.display(),
            trainer.steps_taken(),
            self.outer_steps
        );
        tracing::info!(folder = %at, from_step = trainer.steps_taken(), "training");
        trainer.checkpoint_to(checkpoint, self.checkpoint_every)?;
        bar.set_length(self.outer_steps);
        bar.set_position(trainer.steps_taken());
        bar.reset_eta();
        let lines = (self.metrics_every, self.outer_steps);
        let lengths = (lengths, self.validation.is_some());
        let mut watcher =
            Watcher::new(files.path(), lengths, trainer.learner(), lines, tasks.truth.as_ref(), bar)?;
        let mut tested = Vec::new();
        for stop in self.tests() {
            // A resumed run may be past this test: then its result is there, for no checkpoint is
            // written beyond it before it is.
            if trainer.steps_taken() < stop {
                let _ = trainer.run(stop, tasks.episodes.as_ref(), &mut watcher)?;
            }
            if stop < self.outer_steps && trainer.steps_taken() < stop {
                // Validations ended the training before this test.
                continue;
            }
            if stop == self.outer_steps && self.validation.is_some() {
                let (outer_steps, ended_early) = (trainer.steps_taken(), trainer.has_ended_early());
                let best = trainer.back_to_best()?;
                files.write_json(VALIDATED, &Validated { best, outer_steps, ended_early })?;
            }
            if stop == self.outer_steps {
                // The best state of a validation is one of averages already: then nothing changes.
                trainer.put_averages()?;
            }
            if tasks.tested_apart {
                continue;
            }
            let name = format!("tested-{stop}.json");
            if let Some(result) = files.read_json(&name)? {
                tested.push(result);
                continue;
            }
            tracing::info!(folder = %at, steps = trainer.steps_taken(), "testing");
            bar.set_message("testing");
            let found =
                evaluate(trainer.learner(), tasks.episodes.as_ref(), tasks.count(), tasks.test_batch)?;
            let error = Mean::new(found.mean, found.half_width);
            let result = Tested { outer_steps: stop, error, tasks: found.tasks };
            files.write_json(&name, &result)?;
            tested.push(result);
        }
        trainer.learner().save(&files.path().join(LEARNED))?;
        let title =
            files.path().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        draw_curves(files, &title)?;
        Ok((trainer, tested))
    }
}
