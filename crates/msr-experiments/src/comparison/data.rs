//! The authors' files in place of a generator.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use msr_data::{EpisodeSampler, NpzProblem, Split, TaskSource};

use crate::report::say;
use crate::training::Course;

/// Opens a file of the authors' generator in the folder of `--data`; `arrays` says what x, y and w hold.
pub fn open_file(folder: &Path, file: &str, arrays: &str) -> Result<Arc<dyn TaskSource>> {
    let problem = NpzProblem::open(folder.join(file)).with_context(|| {
        format!("--data expects {file}, from the authors' generator: float32 arrays {arrays}")
    })?;
    Ok(Arc::new(problem))
}

/// Draws the first meta-batch and the first test task, so that a run that cannot work is refused before it leaves anything
/// behind, and says how the file is used.
pub fn try_out(sampler: &EpisodeSampler, course: &Course, what: &str) -> Result<()> {
    sampler.train(0, course.meta_batch, course.shots)?;
    sampler.test(0..1, course.test_shots)?;
    let Split { train, test } = sampler.split();
    let tested = course.test_tasks.unwrap_or(test).min(test);
    say(&format!("{what}: the first {train} tasks train, {tested} of the others test"));
    Ok(())
}
