//! One experiment a folder, plus what experiments share: definitions, the run folder, the training of one model, the
//! running of many side by side, and what comparisons of methods have in common.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

mod choice;
mod comparison;
mod device;
pub mod groups;
mod learner;
pub mod machine;
mod mean;
pub mod report;
mod run_folder;
mod runner;
pub mod table1;
pub mod table2;
pub mod tensors;
pub mod training;

/// The definitions that travel inside the program, by name.
const DEFINITIONS: [(&str, &str); 4] = [
    ("groups", include_str!("../../../data/experiments/groups.toml")),
    ("numbers", include_str!("../../../data/experiments/numbers.toml")),
    ("table1", include_str!("../../../data/experiments/table1.toml")),
    ("table2", include_str!("../../../data/experiments/table2.toml")),
];

/// Reads and checks `data/experiments/<name>.toml`.
fn read_definition<T: DeserializeOwned>(name: &str, check: impl Fn(&T) -> Result<()>) -> Result<T> {
    let context = || format!("data/experiments/{name}.toml");
    let (_, text) = DEFINITIONS.iter().find(|(known, _)| *known == name).with_context(context)?;
    let definition: T = toml::from_str(text).with_context(context)?;
    check(&definition).with_context(context)?;
    Ok(definition)
}
