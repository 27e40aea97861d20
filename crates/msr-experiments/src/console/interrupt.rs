//! Ctrl-C.

use std::io::Write;

use anyhow::{Context, Result};

/// The exit code of a program that was interrupted: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// From now on, Ctrl-C prints these words on stderr and ends the program with code 130. Nothing is
/// lost: what a run has written is whole at any moment. To be called once.
///
/// # Errors
/// When the system does not let the signal be handled.
pub fn on_interrupt(words: &str) -> Result<()> {
    let words = words.to_string();
    ctrlc::set_handler(move || {
        // On a line of its own, below the bars.
        let _ = write!(std::io::stderr(), "\n{words}\n");
        std::process::exit(INTERRUPTED);
    })
    .context("Ctrl-C cannot be handled")
}
