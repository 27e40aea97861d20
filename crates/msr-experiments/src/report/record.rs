//! Results that stay in the repository: dated, with the machine and the command.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use msr_symmetry::write_atomic;

use crate::engine::machine::machine;

/// What starts this program, as a user types it: its name, or what the program that started it says.
pub fn program() -> String {
    std::env::var("MSR_INVOKED_AS").unwrap_or_else(|_| {
        let path = std::env::args_os().next().map(PathBuf::from);
        let name = path.as_deref().and_then(Path::file_stem);
        name.map_or_else(|| "msr".into(), |name| name.to_string_lossy().into_owned())
    })
}

/// The command of this process, as a user would type it.
pub fn command() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!("{} {}", program(), words.join(" "))
}

/// Writes `text` to `<date>-<device>/<name>.md` in the folder MSR_RESULTS, or in docs/results, followed by the machine, and
/// returns the path.
pub fn record(name: &str, device: &str, text: &str) -> Result<PathBuf> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let results = std::env::var_os("MSR_RESULTS").map_or_else(|| "docs/results".into(), PathBuf::from);
    let folder = results.join(format!("{}-{device}", &time[..10]));
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let whole = format!("Command: {}\nTime: {time}\n\n{text}\n{}", command(), machine());
    let path = folder.join(format!("{name}.md"));
    write_atomic(&path, whole.as_bytes())?;
    Ok(path)
}
