//! The folder of a verdict, and what is in it already.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use msr_files::printable;

use super::mark::Mark;
use super::record::Found;
use super::unusable;
use crate::verdict_file::VERDICT;

/// How the report is called.
const REPORT: &str = "report.html";

/// Where a verdict and its report go.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: PathBuf,
    pub verdict: PathBuf,
    pub report: PathBuf,
}

/// What an earlier run has left.
#[derive(Clone, Debug)]
pub enum Left {
    Nothing,
    /// A verdict, and no report.
    Verdict(Box<Found>),
    /// Both.
    All(Box<Found>),
}

impl Place {
    /// In this folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), verdict: folder.join(VERDICT), report: folder.join(REPORT) }
    }

    /// What is there already, of these data and settings.
    ///
    /// # Errors
    /// When something is there and the run is not one that goes on; when it is of other data or
    /// settings; when the folder is none.
    pub fn left(&self, goes_on: bool, mark: &Mark) -> Result<Left> {
        let shown = |path: &Path| printable(&path.display().to_string()).into_owned();
        if self.folder.exists() && !self.folder.is_dir() {
            return Err(unusable(format!("{} is no folder; --out names one", shown(&self.folder))));
        }
        let (has_verdict, has_report) = (self.verdict.exists(), self.report.exists());
        if !goes_on && (has_verdict || has_report) {
            let problem = match (has_verdict, has_report) {
                (true, true) => format!(
                    "{} is finished; give another --out, or add --resume to print it again",
                    shown(&self.verdict)
                ),
                (true, false) => format!(
                    "{} is there, and its report is missing; add --resume to finish it, or give another --out",
                    shown(&self.verdict)
                ),
                _ => format!(
                    "{} is there, and {VERDICT} is missing; add --resume to make both again, or give another --out",
                    shown(&self.report)
                ),
            };
            return Err(unusable(problem));
        }
        let Some(found) = Found::read(&self.verdict)? else { return Ok(Left::Nothing) };
        if let Some(others) = found.mark.others(mark) {
            return Err(unusable(format!("{} is of {others}; give another --out", shown(&self.verdict))));
        }
        Ok(if has_report { Left::All(Box::new(found)) } else { Left::Verdict(Box::new(found)) })
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())
    }

    /// Writes the verdict, whole or not at all.
    ///
    /// # Errors
    /// When that fails.
    pub fn write_verdict(&self, found: &Found) -> Result<()> {
        Ok(msr_files::write_atomic(&self.verdict, found.to_json()?.as_bytes())?)
    }

    /// Writes the report beside it.
    ///
    /// # Errors
    /// When that fails; the message says that the verdict is there.
    pub fn write_report(&self, html: &str) -> Result<()> {
        let missing = || format!("{} is there, and its report is missing", self.verdict.display());
        msr_files::write_atomic(&self.report, html.as_bytes()).with_context(missing)
    }
}
