//! Training and testing one model, with checkpoints, metrics and a progress bar: what all experiments share.

use std::collections::HashMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use indicatif::ProgressBar;
use msr_data::{EpisodeSampler, Episodes, Shots};
use msr_meta::{AdamConfig, Batch, Examples, Objective, Observer, StepReport, Summary, Trainer, evaluate};
use serde::{Deserialize, Serialize};

use super::run_folder::{Metrics, RunFolder};

const CHECKPOINT: &str = "checkpoint.safetensors";
/// What was learned, under the names of the parameters.
pub const LEARNED: &str = "learned.safetensors";
/// The key of the metadata that says what the rows of a symmetry matrix are: `outputs x inputs`, for a convolution
/// `outputs x channels x kernel x kernel`. One key, because several would be written in a random order, and the same run must
/// write the same bytes.
const WEIGHT_SHAPE: &str = "weight_shape";

/// How a model is trained and tested.
#[derive(Clone, Debug)]
pub struct Course {
    /// The number of outer steps.
    pub outer_steps: u64,
    /// After how many outer steps to test, besides the end.
    pub test_at: Vec<u64>,
    /// Tasks in an outer step.
    pub meta_batch: usize,
    /// The outer optimiser.
    pub adam: AdamConfig,
    /// Examples of a training task.
    pub shots: Shots,
    /// Examples of a test task.
    pub test_shots: Shots,
    /// How many test tasks to use; `None` for all.
    pub test_tasks: Option<usize>,
    /// Tasks adapted at once when testing.
    pub test_batch: usize,
    /// Outer steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Outer steps from one line of metrics to the next.
    pub metrics_every: u64,
}

/// The mean query loss over held-out tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// After so many outer steps.
    pub outer_steps: u64,
    /// Over the tasks.
    pub mean: f64,
    /// Half of the 95 % Student-t interval.
    pub half_width: f64,
    /// How many tasks.
    pub tasks: usize,
}

impl Course {
    /// Trains, from the folder's checkpoint when there is one, tests on held-out tasks, and leaves metrics and
    /// the learned tensors in the folder, with `metadata`. Returns the trained learner and what each test gave, the last
    /// one at the end of the training. Runs on the calling thread.
    pub fn run(
        &self,
        metadata: HashMap<String, String>,
        objective: Box<dyn Objective>,
        sampler: &EpisodeSampler,
        device: &Device,
        folder: &RunFolder,
        bar: &ProgressBar,
    ) -> Result<(Trainer, Vec<Tested>)> {
        let mut trainer = Trainer::new(objective, self.adam)?;
        let checkpoint = folder.path().join(CHECKPOINT);
        let length = match trainer.resume_from(&checkpoint)? {
            Some(note) => {
                note.parse().with_context(|| format!("the note {note:?} in {}", checkpoint.display()))?
            }
            None => 0,
        };
        tracing::info!(folder = %folder.path().display(), from_step = trainer.steps_taken(), "training");
        trainer.checkpoint_to(checkpoint, self.checkpoint_every)?;
        let metrics = Metrics::open(&folder.path().join("metrics.jsonl"), length)?;
        bar.set_length(self.outer_steps);
        bar.set_position(trainer.steps_taken());
        let mut watcher = Watcher { metrics, every: self.metrics_every, steps: self.outer_steps, bar };
        let mut stops: Vec<u64> = self.test_at.iter().copied().filter(|&s| s < self.outer_steps).collect();
        stops.push(self.outer_steps);
        let mut tested = Vec::with_capacity(stops.len());
        for stop in stops {
            trainer.run(
                stop,
                |step| Ok(batch(&sampler.train(step, self.meta_batch, self.shots)?.to_device(device)?)),
                &mut watcher,
            )?;
            // A resumed run may be past this test: then its result is there, for no checkpoint is written beyond it
            // before it is.
            let name = format!("tested-{stop}.json");
            let result = match folder.read_json(&name)? {
                Some(result) => result,
                None => {
                    tracing::info!(folder = %folder.path().display(), steps = trainer.steps_taken(), "testing");
                    bar.set_message("testing");
                    let summary = self.test(trainer.objective(), sampler, device)?;
                    let (mean, half_width, tasks) = (summary.mean, summary.half_width, summary.tasks);
                    let result = Tested { outer_steps: stop, mean, half_width, tasks };
                    folder.write_json(&name, &result)?;
                    result
                }
            };
            tested.push(result);
        }
        let learned: Vec<(String, Tensor)> = trainer
            .objective()
            .outer_parameters()
            .iter()
            .map(|p| (p.name.clone(), p.variable.as_detached_tensor()))
            .collect();
        folder.write(LEARNED, &safetensors::serialize(learned, Some(metadata))?)?;
        Ok((trainer, tested))
    }

    fn test(&self, objective: &dyn Objective, sampler: &EpisodeSampler, device: &Device) -> Result<Summary> {
        let tasks = self.test_tasks.unwrap_or(usize::MAX).min(sampler.split().test);
        let size = self.test_batch.max(1);
        let batches = (0..tasks).step_by(size).map(|start| -> msr_data::Result<Batch> {
            Ok(batch(&sampler.test(start..(start + size).min(tasks), self.test_shots)?.to_device(device)?))
        });
        Ok(evaluate(objective, batches)?)
    }
}

/// Metadata of a file with a symmetry matrix: what its rows mean.
pub fn weight_shape(shape: &[usize]) -> HashMap<String, String> {
    let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
    HashMap::from([(WEIGHT_SHAPE.into(), shape.join("x"))])
}

/// The shape of the weight, from such metadata.
pub fn read_weight_shape(metadata: &HashMap<String, String>) -> Option<Vec<usize>> {
    metadata.get(WEIGHT_SHAPE)?.split('x').map(|size| size.parse().ok()).collect()
}

/// Episodes in the learner's terms.
pub fn batch(episodes: &Episodes) -> Batch {
    Batch {
        tasks: episodes.tasks.clone(),
        support: Examples { x: episodes.x_support.clone(), y: episodes.y_support.clone() },
        query: Examples { x: episodes.x_query.clone(), y: episodes.y_query.clone() },
    }
}

/// Shows progress and writes metrics.
struct Watcher<'a> {
    metrics: Metrics,
    every: u64,
    steps: u64,
    bar: &'a ProgressBar,
}

#[derive(Serialize)]
struct MetricsLine {
    step: u64,
    /// The mean query loss of the step's tasks, before the update.
    loss: f64,
}

impl Observer for Watcher<'_> {
    fn on_step(&mut self, report: &StepReport) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        self.bar.inc(1);
        if report.step.is_multiple_of(self.every) || report.step + 1 == self.steps {
            self.bar.set_message(format!("loss {:.4}", report.mean()));
            self.metrics.line(&MetricsLine { step: report.step, loss: report.mean() })?;
        }
        Ok(true)
    }

    fn note(&mut self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.metrics.sync()?.to_string())
    }
}
