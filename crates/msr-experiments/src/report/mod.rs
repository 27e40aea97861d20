//! What people look at: tables and pictures.

use std::io::Write;

pub mod picture;
pub mod record;
pub mod table;

/// Prints a line. A reader that went away (`… | head`) is no reason to stop a run.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
