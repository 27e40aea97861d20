//! The authors' files in place of a generator.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use msr_data::NpzProblem;
use msr_episodes::TaskSource;

/// Opens a file of the authors' generator in the folder of `--data`; `arrays` says what x, y and w
/// hold.
pub fn open_file(folder: &Path, file: &str, arrays: &str) -> Result<Arc<dyn TaskSource>> {
    let problem = NpzProblem::open(folder.join(file)).with_context(|| {
        format!("--data expects {file}, from the authors' generator: float32 arrays {arrays}")
    })?;
    Ok(Arc::new(problem))
}
