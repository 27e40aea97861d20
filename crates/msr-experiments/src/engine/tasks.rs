//! The tasks of a training run: where its episodes come from, and how many are tested.

use std::fmt;
use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::Device;
use msr_data::EpisodeSampler;
use msr_episodes::{Episode, EpisodeSource, Shots, Split, numbers};

use super::truth::Truth;

/// Training episodes by outer step, and the test tasks by number.
#[derive(Clone)]
pub struct CellTasks {
    /// Where the episodes of training and test come from.
    pub episodes: Arc<dyn EpisodeSource>,
    /// Where those of validation come from, when there are any.
    pub validation: Option<Arc<dyn EpisodeSource>>,
    /// What fixes them.
    pub seed: u64,
    /// The most test tasks to use.
    pub test_tasks: usize,
    /// Tasks adapted at once when testing.
    pub test_batch: usize,
    /// Whether the experiment itself tests what was trained.
    pub tested_apart: bool,
    /// Where the tensors go.
    pub device: Device,
    /// The symmetry of all tasks, where it is known.
    pub truth: Option<Truth>,
    /// How large they are.
    pub sizes: Sizes,
    /// What trains and validates, and what the tasks of the test are taken from, in words.
    pub used: [String; 2],
}

/// How large the tasks of a training run are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Tasks of a training episode.
    pub meta_batch: usize,
    /// The numbers of an example, inputs and outputs.
    pub example: u128,
    /// The examples of a training task.
    pub train: usize,
    /// The examples of a test task.
    pub test: usize,
}

impl Sizes {
    /// With examples of these shapes.
    pub fn new(meta_batch: usize, [input, output]: [&[usize]; 2], train: Shots, test: Shots) -> Self {
        let [x, y] = [input, output].map(|shape| numbers(shape).unwrap_or(usize::MAX) as u128);
        let all = |shots: Shots| shots.total().unwrap_or(usize::MAX);
        Self { meta_batch, example: x + y, train: all(train), test: all(test) }
    }
}

impl fmt::Debug for CellTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellTasks")
            .field("episodes", &self.episodes.name())
            .field("sizes", &self.sizes)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl CellTasks {
    /// The tasks of a sampler.
    pub fn sampled(sampler: EpisodeSampler, test_tasks: usize, test_batch: usize, device: Device) -> Self {
        let (config, source) = (sampler.config(), sampler.source());
        let shapes = [source.input_shape(), source.output_shape()];
        let sizes = Sizes::new(config.meta_batch, [&shapes[0], &shapes[1]], config.train, config.test);
        let Split { train, validation, .. } = config.split;
        let validate =
            if validation > 0 { format!(", the next {validation} validate") } else { String::new() };
        Self {
            validation: (validation > 0).then(|| Arc::new(sampler.validation()) as Arc<dyn EpisodeSource>),
            seed: config.seed,
            test_tasks,
            test_batch,
            tested_apart: false,
            device,
            truth: None,
            sizes,
            used: [format!("the first {train} tasks train{validate}"), "of the others".into()],
            episodes: Arc::new(sampler),
        }
    }

    /// Some test tasks, on the device.
    pub fn test(&self, range: std::ops::Range<usize>) -> Result<Episode> {
        Ok(self.episodes.test(range)?.to_device(&self.device)?)
    }

    /// The test tasks, in batches.
    pub fn tests(&self) -> impl Iterator<Item = Result<Episode>> + '_ {
        let (count, size) = (self.count(), self.test_batch.max(1));
        (0..count).step_by(size).map(move |start| self.test(start..start.saturating_add(size).min(count)))
    }

    /// How many tasks are tested.
    pub fn count(&self) -> usize {
        self.test_tasks.min(self.episodes.held_out())
    }

    /// Draws the first episode and the first test task, so that a run that cannot work is refused
    /// before it leaves anything behind; how the tasks are used, in words.
    pub fn try_out(&self) -> Result<String> {
        let count = self.count();
        ensure!(count >= 2, "an interval needs at least two test tasks, got {count}");
        self.episodes.train(0)?;
        self.test(0..1)?;
        let [before, of] = &self.used;
        Ok(format!("{before}, {count} {of} test"))
    }
}
