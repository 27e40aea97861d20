//! Standard output as a person sees it.

use std::io::{IsTerminal, Write};

use console::Term;

/// Prints a line. A reader that went away (`… | head`) is no reason to stop a run.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Whether a person watches standard output, rather than a file or another program.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
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
