//! Table 1: six methods on three problems with two sizes of training set.

mod cell;
mod definition;
mod plan;
mod table;

use anyhow::Result;

use super::runner::{Experiment, Report, RunArgs, RunCell, RunResult, reproduce};
use crate::report::table::number;
use cell::CellResult;
use definition::Definition;
use plan::{Cell, Plan, PlanArgs};
use table::Table;

/// The name of the definition, and of what is written.
const NAME: &str = "table1";

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Runs the experiment, prints the table, and fails when a value leaves the interval that the definition allows.
pub fn run(args: Args) -> Result<()> {
    let experiment = Experiment {
        plan: || Plan::new(Definition::read(NAME)?, &args.plan),
        check: cell::check_data,
        run: cell::run,
    };
    reproduce(NAME, &args.run, experiment, |plan: &Plan, results, _| {
        let table = Table::new(plan, results);
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    })
}

impl RunCell for Cell {
    fn name(&self) -> String {
        format!("{}-rank{}-{}-seed{}", self.method.name, self.problem.rank, self.set.name, self.seed)
    }
}

impl RunResult for CellResult {
    fn line(&self) -> String {
        format!(
            "{:10} rank {} {:5} seed {}: {} ± {}",
            self.method,
            self.rank,
            self.set,
            self.seed,
            number(self.mean),
            number(self.half_width)
        )
    }
}
