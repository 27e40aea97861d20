//! `msr completions`: a shell completion script.

use clap::{Args, Command};
use clap_complete::Shell;

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// The shell to print it for.
    shell: Shell,
}

/// Prints the shell's script for this command.
pub fn run(flags: &Flags, command: &mut Command) {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, command, "msr", &mut script);
    msr_report::print(&String::from_utf8_lossy(&script));
}
