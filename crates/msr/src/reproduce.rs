//! `msr reproduce`: a subcommand for each experiment in the list.

use anyhow::{Result, bail};
use clap::{ArgMatches, Command};
use msr_experiments::experiments;

/// The command and its experiments.
pub fn command() -> Command {
    Command::new("reproduce")
        .about("Run an experiment of the paper and compare with reference values")
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommands(experiments().iter().map(msr_experiments::engine::Entry::command))
}

/// Runs the experiment that was named.
pub fn run(matches: &ArgMatches) -> Result<()> {
    for experiment in experiments() {
        if let Some(matches) = matches.subcommand_matches(experiment.name) {
            return experiment.run(matches);
        }
    }
    bail!("no experiment was named");
}
