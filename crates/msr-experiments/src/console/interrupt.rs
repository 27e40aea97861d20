//! Ctrl-C.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// The exit code of a program that was interrupted: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// What is said then; nothing before the first call.
static WORDS: Mutex<Option<String>> = Mutex::new(None);

/// From now on, Ctrl-C prints these words on stderr and ends the program with code 130. Nothing is
/// lost: what a run has written is whole at any moment. Later calls change the words.
///
/// # Errors
/// When the system does not let the signal be handled.
pub fn on_interrupt(words: &str) -> Result<()> {
    let before = WORDS.lock().unwrap_or_else(PoisonError::into_inner).replace(words.to_string());
    if before.is_some() {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        let words = WORDS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // On a line of its own, below the bars.
        let _ = write!(std::io::stderr(), "\n{}\n", words.unwrap_or_default());
        std::process::exit(INTERRUPTED);
    })
    .context("Ctrl-C cannot be handled")
}
