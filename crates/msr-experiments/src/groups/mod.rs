//! Groups read out of learned symmetry matrices: tasks with the symmetry of a group, an oracle that knows it, MSR
//! that does not, and MAML without any.

mod cell;
mod definition;
mod plan;
mod table;

use anyhow::Result;

use super::runner::{Experiment, Report, RunArgs, reproduce};
use crate::report::picture;
use definition::Definition;
use plan::{Plan, PlanArgs};
use table::Table;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Runs the experiment that `data/experiments/<name>.toml` defines, prints the table, and fails when a bound does
/// not hold.
pub fn run(name: &str, args: Args) -> Result<()> {
    let experiment = Experiment {
        plan: || Plan::new(name, Definition::read(name)?, &args.plan),
        check: |_: &Plan| Ok(()),
        run: cell::run,
    };
    reproduce(name, &args.run, experiment, |plan: &Plan, results, folder| {
        let table = Table::new(plan, results)?;
        folder.write("recovered.png", &picture::patterns(&table.first_recovered())?)?;
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    })
}
