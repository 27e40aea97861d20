//! Standard output as a person sees it.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use console::Term;
use msr_files::{printable_json, printable_lines};

/// Why the first of the lines that were lost could not be written.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line on standard output. What a terminal would take for commands is shown instead,
/// wherever in the line it came from.
///
/// A reader that went away (`… | head`) is no reason to stop a run. Neither is a full disk, which
/// [`finish`] reports.
pub fn say(line: &str) {
    write(&printable_lines(line));
}

/// Prints JSON on standard output, as [`say`] prints lines.
pub fn say_json(json: &str) {
    write(&printable_json(json));
}

/// Prints a line on standard error, as [`say`] does on standard output. Where it cannot be
/// written, there is no one left to tell.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable_lines(line));
}

/// Prints text as it is, which must be the program's own: help, a script for a shell.
pub fn print(text: &str) {
    keep(io::stdout().write_all(text.as_bytes()));
}

fn write(text: &str) {
    keep(writeln!(io::stdout(), "{text}"));
}

/// Remembers what went wrong, when it is not that nobody reads on.
fn keep(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Whether everything that was said so far has arrived; to be asked before a program says that all
/// went well.
///
/// # Errors
/// What the system said of the first line that was lost.
pub fn finish() -> io::Result<()> {
    keep(io::stdout().flush());
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
}

/// Whether a person watches standard output, rather than a file or another program.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether what is written to standard error may have colours: a person watches it, and `NO_COLOR`
/// does not say otherwise.
pub fn has_colours_on_stderr() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !refused
}

/// The letters on a line: what `COLUMNS` says, else the terminal; `None` where standard output is
/// no terminal, whose lines may be as long as they like.
pub fn width() -> Option<usize> {
    let terminal = || Term::stdout().size_checked().map(|(_, columns)| columns.into());
    columns(std::env::var("COLUMNS").ok().as_deref()).or_else(|| is_terminal().then(terminal).flatten())
}

fn columns(variable: Option<&str>) -> Option<usize> {
    variable?.trim().parse().ok().filter(|&columns| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_that_are_a_width() {
        let widths = ["80", " 120 ", "0", "-1", "wide"].map(|text| columns(Some(text)));
        assert_eq!(widths, [Some(80), Some(120), None, None, None]);
        assert_eq!(columns(None), None);
    }
}
