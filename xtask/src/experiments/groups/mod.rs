//! Groups read out of learned symmetry matrices: tasks with the symmetry of a group, an oracle that knows it, MSR
//! that does not, and MAML without any.

mod cell;
mod definition;
mod plan;
mod table;

use std::time::Instant;

use anyhow::Result;

use super::runner::{Report, RunArgs, conclude, open, run_cells};
use crate::report::picture;
use cell::CellResult;
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
    let plan = || Plan::new(name, Definition::read(name)?, &args.plan);
    let (folder, plan): (_, Plan) = open(name, &args.run, plan, |_| Ok(()))?;
    let _lock = folder.lock()?;
    let started = Instant::now();
    let results: Vec<CellResult> =
        run_cells(name, plan.device, &plan.cells()?, &folder, |cell, folder, bar| {
            cell::run(&plan, cell, folder, bar)
        })?;
    let table = Table::new(&plan, &results)?;
    folder.write("recovered.png", &picture::patterns(&table.first_recovered())?)?;
    let (checked, outside) = table.outside();
    let report = Report { text: table.to_string(), checked, outside, started };
    conclude(name, &args.run, &plan, &folder, &results, &report)
}
