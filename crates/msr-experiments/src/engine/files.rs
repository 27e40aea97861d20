//! The authors' files, or others like them, in place of a generator.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use msr_data::NpzOptions;
use msr_episodes::TaskSource;
use serde::{Deserialize, Serialize};

/// What the arrays in the files of `--data` are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct ArrayNames {
    /// The array of inputs in the files of --data; without it, `x`.
    #[arg(long, value_name = "NAME", requires = "data", conflicts_with = "resume")]
    pub x: Option<String>,
    /// The array of outputs in the files of --data; without it, `y`.
    #[arg(long, value_name = "NAME", requires = "data", conflicts_with = "resume")]
    pub y: Option<String>,
}

/// Opens a file in the folder of `--data`; `arrays` says what x, y and w hold.
pub fn open_file(folder: &Path, file: &str, names: &ArrayNames, arrays: &str) -> Result<Arc<dyn TaskSource>> {
    let options = names.x.iter().fold(NpzOptions::new(), |options, name| options.x(name));
    let options = names.y.iter().fold(options, |options, name| options.y(name));
    let problem = options.open(folder.join(file)).with_context(|| {
        format!(
            "--data expects {file}, with arrays of numbers {arrays} (--x and --y name others than x and y)"
        )
    })?;
    Ok(Arc::new(problem))
}
