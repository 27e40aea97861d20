//! What a person, or another program, is told.

mod interrupt;
mod narrow;

use anyhow::Result;
use indicatif::MultiProgress;
use serde::Serialize;

pub use self::interrupt::on_interrupt;
use self::narrow::fit;

/// Lines on stdout; with `--json`, a JSON value on stdout and all lines on stderr.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    json: bool,
}

impl Console {
    /// With `--json` or without.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a line, as [`msr_report::say`] does.
    pub fn say(&self, line: &str) {
        if self.json {
            msr_report::complain(line);
        } else {
            msr_report::say(line);
        }
    }

    /// Prints text with tables; those that are wider than the terminal row by row.
    pub fn table(&self, text: &str) {
        let is_terminal = msr_report::is_terminal() && !self.json;
        match msr_report::width().filter(|_| is_terminal) {
            Some(columns) => self.say(&fit(text, columns)),
            None => self.say(text),
        }
    }

    /// Prints the value when JSON was asked for.
    ///
    /// # Errors
    /// When the value has no form as JSON.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            msr_report::say_json(&serde_json::to_string_pretty(value)?);
        }
        Ok(())
    }

    /// Prints a line above the bars; as any other when there are no bars to see.
    pub fn above(&self, bars: &MultiProgress, line: &str) {
        if bars.is_hidden() {
            self.say(line);
        } else {
            // A terminal that went away is no reason to stop the run.
            let _ = bars.println(msr_files::printable_lines(line));
        }
    }
}
