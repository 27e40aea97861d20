//! Results that stay in the repository: dated, with the machine and the command.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};
use msr_meta::write_atomic;

use crate::workspace;

/// The command of this process, as a user would type it.
pub fn command() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", words.join(" "))
}

/// Writes `text` to `docs/results/<date>-<device>/<name>.md`, followed by the machine, and returns the path.
pub fn record(name: &str, device: &str, text: &str) -> Result<PathBuf> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let folder = workspace::root().join("docs/results").join(format!("{}-{device}", &time[..10]));
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let whole = format!("Command: {}\nTime: {time}\n\n{text}\n{}", command(), workspace::machine());
    let path = folder.join(format!("{name}.md"));
    write_atomic(&path, whole.as_bytes())?;
    Ok(path)
}
