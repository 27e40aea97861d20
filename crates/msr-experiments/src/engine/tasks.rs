//! The tasks of a training run: where its episodes come from, and how many are tested.

use anyhow::{Result, ensure};
use candle_core::Device;
use msr_data::EpisodeSampler;
use msr_episodes::{Episode, EpisodeSource, Split};

use super::truth::Truth;

/// Training episodes by outer step, and the test tasks by number.
#[derive(Clone, Debug)]
pub struct CellTasks {
    /// Where the episodes come from.
    pub sampler: EpisodeSampler,
    /// The most test tasks to use.
    pub test_tasks: usize,
    /// Tasks adapted at once when testing.
    pub test_batch: usize,
    /// Where the tensors go.
    pub device: Device,
    /// The symmetry of all tasks, where it is known.
    pub truth: Option<Truth>,
}

impl CellTasks {
    /// Some test tasks, on the device.
    pub fn test(&self, range: std::ops::Range<usize>) -> Result<Episode> {
        Ok(self.sampler.test(range)?.to_device(&self.device)?)
    }

    /// The test tasks, in batches.
    pub fn tests(&self) -> impl Iterator<Item = Result<Episode>> + '_ {
        let (count, size) = (self.count(), self.test_batch.max(1));
        (0..count).step_by(size).map(move |start| self.test(start..start.saturating_add(size).min(count)))
    }

    /// How many tasks are tested.
    pub fn count(&self) -> usize {
        self.test_tasks.min(self.sampler.held_out())
    }

    /// Draws the first episode and the first test task, so that a run that cannot work is refused
    /// before it leaves anything behind; how the tasks are used, in words.
    pub fn try_out(&self) -> Result<String> {
        let count = self.count();
        ensure!(count >= 2, "an interval needs at least two test tasks, got {count}");
        self.sampler.train(0)?;
        self.test(0..1)?;
        let Split { train, validation, .. } = self.sampler.config().split;
        let validate =
            if validation > 0 { format!(", the next {validation} validate") } else { String::new() };
        Ok(format!("the first {train} tasks train{validate}, {count} of the others test"))
    }
}
