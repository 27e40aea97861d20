//! One experiment a folder, plus what experiments share: definitions, the run folder, the training of one model, the
//! running of many side by side, and what comparisons of methods have in common.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use crate::workspace;

mod choice;
mod comparison;
pub mod groups;
mod learner;
mod mean;
mod run_folder;
mod runner;
pub mod table1;
pub mod table2;
pub mod training;

/// Reads and checks `data/experiments/<name>.toml`.
fn read_definition<T: DeserializeOwned>(name: &str, check: impl Fn(&T) -> Result<()>) -> Result<T> {
    let path = workspace::root().join("data/experiments").join(format!("{name}.toml"));
    let context = || format!("{}", path.display());
    let text = std::fs::read_to_string(&path).with_context(context)?;
    let definition: T = toml::from_str(&text).with_context(context)?;
    check(&definition).with_context(context)?;
    Ok(definition)
}
