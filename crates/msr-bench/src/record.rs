//! Who started this program, what it prints, and where results are recorded.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use msr_kernels::Place;
use msr_report::{Origin, Record, complain, invoked_as, say, say_json};
use msr_symmetry::write_atomic;
use serde::Serialize;

/// What stands for stdout where a file may be named.
const STDOUT: &str = "-";

/// What becomes of a result.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OutputArgs {
    /// Also write the result, the machine and the command to a dated folder of docs/results.
    #[arg(long)]
    pub record: bool,
    /// Write the results as JSON to FILE; without one, print them on stdout, and everything else on
    /// stderr.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = STDOUT)]
    pub json: Option<PathBuf>,
}

impl OutputArgs {
    /// Prints the results of a suite, as text or as JSON, and records the text when asked to.
    ///
    /// # Errors
    /// When the text or the JSON cannot be written.
    pub fn publish(&self, suite: &str, place: Place, text: &str, results: &impl Serialize) -> Result<()> {
        self.line(text);
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(results)?;
            if self.to_stdout() {
                say_json(&json);
            } else {
                write_atomic(path, format!("{json}\n").as_bytes())?;
            }
        }
        if self.record {
            let path = record(&format!("bench-{suite}"), place.kind(), text)?;
            self.line(&format!("recorded in {}", path.display()));
        }
        Ok(())
    }

    /// Whether stdout is for JSON.
    fn to_stdout(&self) -> bool {
        self.json.as_deref() == Some(Path::new(STDOUT))
    }

    /// Prints text for a person: on stderr where stdout is for JSON.
    fn line(&self, text: &str) {
        if self.to_stdout() {
            complain(text);
        } else {
            say(text);
        }
    }
}

/// Where to compute, as a flag.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct PlaceArgs {
    /// Where to compute: cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value_t = Place::Cpu)]
    pub device: Place,
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
