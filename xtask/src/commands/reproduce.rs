//! `cargo xtask reproduce`: one experiment a subcommand.

use anyhow::Result;
use clap::Subcommand;

use crate::experiments::table1;

/// The experiments.
#[derive(Subcommand)]
pub enum Experiment {
    /// Partial translation symmetry in one dimension: MAML, MTSR and MSR on rank 1, 2 and 5.
    Table1(table1::Args),
}

/// Runs an experiment.
pub fn run(experiment: Experiment) -> Result<()> {
    match experiment {
        Experiment::Table1(args) => table1::run(args),
    }
}
