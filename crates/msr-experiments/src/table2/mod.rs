//! Table 2: five methods on two problems with rotations and flips, and the group that each learned.

mod cell;
mod definition;
mod filters;
mod pictures;
mod plan;
mod sizes;
mod symmetry;
mod table;

use anyhow::Result;

use super::run_folder::RunFolder;
use super::runner::{CELLS, Experiment, Report, RunArgs, RunCell, RunPlan, RunResult, reproduce};
use crate::report::table::number;
use cell::CellResult;
use definition::Definition;
use filters::Filters;
use plan::{Cell, Plan, PlanArgs};
use table::Table;

/// The name of the definition, and of what is written.
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
    let experiment = Experiment {
        plan: || Plan::new(Definition::read(NAME)?, &args.plan),
        check: cell::check_data,
        run: cell::run,
    };
    reproduce(NAME, &args.run, experiment, |plan: &Plan, results, folder| {
        compare_filters(plan, folder)?;
        let table = Table::new(plan, results);
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    })
}

/// A picture for each problem: what the methods made of one test task, from what the cells of the first seed left.
fn compare_filters(plan: &Plan, folder: &RunFolder) -> Result<()> {
    for problem in plan.definition.problems.iter().filter(|p| plan.problems.contains(&p.name)) {
        let mut methods = Vec::new();
        for cell in plan.cells().iter().filter(|c| c.problem.name == problem.name && c.seed == 0) {
            let found = Filters::read(&folder.inside(CELLS)?.inside(&cell.name())?)?;
            methods.extend(found.map(|(filters, sizes)| (cell.method.name.clone(), filters, sizes)));
        }
        if let Some(picture) = pictures::comparison(&problem.name, problem.group(), &methods)? {
            folder.write(&format!("filters-{}.png", problem.name), &picture)?;
        }
    }
    Ok(())
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
