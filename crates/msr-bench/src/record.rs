//! Who started this program, and where results are recorded.

use std::path::PathBuf;

use anyhow::{Context, Result};
use msr_report::{Origin, Record, invoked_as};
use msr_symmetry::write_atomic;

/// What starts this program, as a user types it.
pub fn program() -> String {
    invoked_as(env!("CARGO_PKG_NAME"))
}

/// Writes `text` to `<date>-<device>/<name>.md` in the folder of results, followed by the machine,
/// and returns the path.
pub fn record(name: &str, device: &str, text: &str) -> Result<PathBuf> {
    let record = Record::in_results(name, device, text, &Origin::of(&program()));
    let folder = record.path.parent().unwrap_or(&record.path);
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    write_atomic(&record.path, record.text.as_bytes())?;
    Ok(record.path)
}
