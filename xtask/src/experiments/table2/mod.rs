//! Table 2: five methods on two problems with rotations and flips, and the group that each learned.

mod cell;
mod definition;
mod pictures;
mod plan;
mod symmetry;
mod table;

use std::time::Instant;

use anyhow::Result;

use super::runner::{Report, RunArgs, RunCell, RunPlan, RunResult, conclude, open, run_cells};
use crate::report::table::number;
use crate::workspace::DeviceName;
use cell::CellResult;
use definition::Definition;
use plan::{Cell, Plan, PlanArgs};
use table::Table;

const NAME: &str = "table2";

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
    let plan = || Plan::new(Definition::read(NAME)?, &args.plan);
    let (folder, plan): (_, Plan) = open(NAME, &args.run, plan, cell::check_data)?;
    let _lock = folder.lock()?;
    let started = Instant::now();
    let results: Vec<CellResult> =
        run_cells(NAME, plan.device, &plan.cells()?, &folder, |cell, folder, bar| {
            cell::run(&plan, cell, folder, bar)
        })?;
    let table = Table::new(&plan, &results);
    let (checked, outside) = table.outside();
    let report = Report { text: table.to_string(), checked, outside, started };
    conclude(NAME, &args.run, &plan, &folder, &results, &report)
}

impl RunPlan for Plan {
    fn device(&self) -> DeviceName {
        self.device
    }

    fn is_whole(&self) -> bool {
        let d = &self.definition;
        let all = (d.methods.len(), d.problems.len());
        self.is_the_defined_experiment() && !self.quick && (self.methods.len(), self.problems.len()) == all
    }

    fn record_name(&self) -> String {
        if self.seeds == 1 { NAME.to_string() } else { format!("{NAME}-{}-seeds", self.seeds) }
    }
}

impl RunCell for Cell {
    fn name(&self) -> String {
        format!("{}-{}-seed{}", self.problem.name, self.method.name, self.seed)
    }
}

impl RunResult for CellResult {
    fn line(&self) -> String {
        let tested = self
            .tested
            .last()
            .map_or_else(String::new, |t| format!("{} ± {}", number(t.mean), number(t.half_width)));
        let group = self.symmetry.as_ref().map_or_else(String::new, |s| {
            format!(", symmetry {}", s.group.as_deref().unwrap_or("not named"))
        });
        format!("{} {:14} seed {}: {tested}{group}", self.problem, self.method, self.seed)
    }
}
