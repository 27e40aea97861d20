//! Who started this program, what it prints, and where results are recorded.

use std::path::PathBuf;

use anyhow::{Context, Result};
use msr_report::{Origin, Record, complain, invoked_as, say, say_json};
use msr_symmetry::write_atomic;
use serde::Serialize;

/// What becomes of a result.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct OutputArgs {
    /// Also write the result, the machine and the command to a dated folder of docs/results.
    #[arg(long)]
    pub record: bool,
    /// Print the results as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

impl OutputArgs {
    /// Prints the results of a suite, as text or as JSON, and records the text when asked to.
    ///
    /// # Errors
    /// When the text cannot be recorded.
    pub fn publish(self, suite: &str, text: &str, results: &impl Serialize) -> Result<()> {
        self.line(text);
        if self.json {
            say_json(&serde_json::to_string_pretty(results)?);
        }
        if self.record {
            let path = record(&format!("bench-{suite}"), "cpu", text)?;
            self.line(&format!("recorded in {}", path.display()));
        }
        Ok(())
    }

    /// Prints text for a person: on stderr where stdout is for JSON.
    fn line(self, text: &str) {
        if self.json {
            complain(text);
        } else {
            say(text);
        }
    }
}

/// What starts this program, as a user types it.
pub fn program() -> String {
    invoked_as(env!("CARGO_PKG_NAME"))
}

/// Writes `text` to `<date>-<device>/<name>.md` in the folder of results, followed by the machine,
/// and returns the path.
fn record(name: &str, device: &str, text: &str) -> Result<PathBuf> {
    let record = Record::in_results(name, device, text, &Origin::of(&program()));
    let folder = record.path.parent().unwrap_or(&record.path);
    std::fs::create_dir_all(folder).with_context(|| {
        format!("{} cannot be made; MSR_RESULTS may name another folder for results", folder.display())
    })?;
    write_atomic(&record.path, record.text.as_bytes())?;
    Ok(record.path)
}
