//! Who started this program, and where results are recorded.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use msr_report::{Origin, Record};
use msr_symmetry::write_atomic;

/// What starts this program, as a user types it.
pub fn program() -> String {
    std::env::var("MSR_INVOKED_AS").unwrap_or_else(|_| env!("CARGO_PKG_NAME").into())
}

/// Writes `text` to `<date>-<device>/<name>.md` in the folder MSR_RESULTS, or in docs/results,
/// followed by the machine, and returns the path.
pub fn record(name: &str, device: &str, text: &str) -> Result<PathBuf> {
    let results = std::env::var_os("MSR_RESULTS").map_or_else(|| "docs/results".into(), PathBuf::from);
    let checkout = std::env::var_os("MSR_CHECKOUT").unwrap_or_default();
    let origin = Origin::here(&program(), Path::new(&checkout));
    let record = Record::new(&results, name, device, text, &origin);
    let folder = record.path.parent().unwrap_or(&results);
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    write_atomic(&record.path, record.text.as_bytes())?;
    Ok(record.path)
}
