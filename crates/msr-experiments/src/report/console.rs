//! What a person, or another program, is told.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use indicatif::MultiProgress;
use serde::Serialize;

use super::narrow::fit;

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

    /// Prints a line. A reader that went away (`… | head`) is no reason to stop a run.
    pub fn say(&self, line: &str) {
        let _ = if self.json {
            writeln!(std::io::stderr(), "{line}")
        } else {
            writeln!(std::io::stdout(), "{line}")
        };
    }

    /// Prints text with tables; on a terminal, those that are too wide row by row.
    pub fn table(&self, text: &str) {
        let term = if self.json { console::Term::stderr() } else { console::Term::stdout() };
        let is_terminal =
            if self.json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        match term.size_checked().filter(|_| is_terminal) {
            Some((_, columns)) if columns > 0 => self.say(&fit(text, usize::from(columns))),
            _ => self.say(text),
        }
    }

    /// Prints the value when JSON was asked for.
    ///
    /// # Errors
    /// When the value has no form as JSON.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        if self.json {
            let text = serde_json::to_string_pretty(value)?;
            let _ = writeln!(std::io::stdout(), "{text}");
        }
        Ok(())
    }

    /// Prints a line above the bars; as any other when there are no bars to see.
    pub fn above(&self, bars: &MultiProgress, line: &str) {
        if bars.is_hidden() {
            self.say(line);
        } else {
            // A terminal that went away is no reason to stop the run.
            let _ = bars.println(line);
        }
    }
}
