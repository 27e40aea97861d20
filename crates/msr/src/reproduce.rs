//! `msr reproduce`: one experiment a subcommand.

use anyhow::Result;
use clap::Subcommand;

use msr_experiments::{groups, table1, table2};

/// The experiments.
#[derive(Subcommand)]
pub enum Experiment {
    /// Partial translation symmetry in one dimension: MAML, MTSR and MSR on rank 1, 2 and 5.
    Table1(table1::Args),
    /// Rotations and flips in two dimensions: MAML, MTSR and MSR on C8 and D8, and the group that each learned.
    Table2(table2::Args),
    /// Tasks with the symmetry of 16 groups: MSR learns U, and the group is read out of it.
    Groups(groups::Args),
    /// Sums of numbers: which positions of a sequence are interchangeable.
    Numbers(groups::Args),
}

/// Runs an experiment.
pub fn run(experiment: Experiment) -> Result<()> {
    match experiment {
        Experiment::Table1(args) => table1::run(args),
        Experiment::Table2(args) => table2::run(args),
        Experiment::Groups(args) => groups::run("groups", args),
        Experiment::Numbers(args) => groups::run("numbers", args),
    }
}
