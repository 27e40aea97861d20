//! The tasks of a training run: which train and which test, and with how many examples.

use anyhow::Result;
use candle_core::Device;
use msr_data::{EpisodeSampler, Episodes, Shots, Split};
use msr_meta::{Batch, Examples};

/// Batches of training tasks by outer step, and the test tasks by number.
pub struct CellTasks {
    /// Where the examples come from.
    pub sampler: EpisodeSampler,
    /// Tasks in an outer step.
    pub meta_batch: usize,
    /// Examples of a training task.
    pub shots: Shots,
    /// Examples of a test task.
    pub test_shots: Shots,
    /// The most test tasks to use.
    pub test_tasks: usize,
    /// Tasks adapted at once when testing.
    pub test_batch: usize,
    /// Where the tensors go.
    pub device: Device,
}

impl CellTasks {
    /// The meta-batch of an outer step.
    pub fn train(&self, step: u64) -> msr_data::Result<Batch> {
        Ok(batch(self.sampler.train(step, self.meta_batch, self.shots)?.to_device(&self.device)?))
    }

    /// Some test tasks.
    pub fn test(&self, range: std::ops::Range<usize>) -> msr_data::Result<Batch> {
        Ok(batch(self.sampler.test(range, self.test_shots)?.to_device(&self.device)?))
    }

    /// The test tasks, in batches.
    pub fn tests(&self) -> impl Iterator<Item = msr_data::Result<Batch>> + '_ {
        let (count, size) = (self.count(), self.test_batch.max(1));
        (0..count).step_by(size).map(move |start| self.test(start..(start + size).min(count)))
    }

    /// How many tasks are tested.
    pub fn count(&self) -> usize {
        self.test_tasks.min(self.sampler.split().test)
    }

    /// Draws the first meta-batch and the first test task, so that a run that cannot work is
    /// refused before it leaves anything behind; a line that says how the tasks are used.
    pub fn try_out(&self, what: &str) -> Result<String> {
        self.train(0)?;
        self.test(0..1)?;
        let Split { train, .. } = self.sampler.split();
        Ok(format!("{what}: the first {train} tasks train, {} of the others test", self.count()))
    }
}

/// Episodes in the learner's terms.
fn batch(episodes: Episodes) -> Batch {
    Batch {
        tasks: episodes.tasks,
        support: Examples { x: episodes.x_support, y: episodes.y_support },
        query: Examples { x: episodes.x_query, y: episodes.y_query },
    }
}
