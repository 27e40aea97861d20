//! Table 1: five methods on three problems with two sizes of training set.

mod cell;
mod definition;
mod plan;
mod table;

use anyhow::Result;

use super::runner::{Report, RunArgs, RunCell, RunPlan, RunResult, Steps, reproduce};
use crate::report::table::number;
use crate::workspace::DeviceName;
use cell::CellResult;
use definition::Definition;
use plan::{Cell, Plan, PlanArgs};
use table::Table;

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
    let steps = Steps {
        plan: || Plan::new(Definition::read(NAME)?, &args.plan),
        check: cell::check_data,
        run: cell::run,
    };
    reproduce(NAME, &args.run, steps, |plan: &Plan, results, _| {
        let table = Table::new(plan, results);
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    })
}

impl RunPlan for Plan {
    type Cell = Cell;

    fn cells(&self) -> Result<Vec<Cell>> {
        Ok(self.cells())
    }

    fn device(&self) -> DeviceName {
        self.settings.device
    }

    fn is_whole(&self) -> bool {
        let d = &self.definition;
        let all = (self.ranks.len(), self.sets.len()) == (d.problems.len(), d.sets.len());
        all && self.settings.is_whole(&d.methods)
    }

    fn record_name(&self) -> String {
        self.settings.record_name(NAME)
    }
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
