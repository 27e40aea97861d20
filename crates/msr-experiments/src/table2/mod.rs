//! Table 2: five methods on two problems with rotations and flips, and the group that each learned.

mod cell;
mod definition;
mod filters;
mod pictures;
mod sizes;
mod symmetry;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use candle_core::Device;
use msr_report::number;

use crate::engine::{
    ArrayNames, CELLS, Cell, CellFolder, Definition, Experiment, Folder, Inner, Prepared, Report, Run,
    by_name, keep,
};
use cell::Outcome;
use definition::{Bounds, Problem, Tasks};
use filters::Filters;
use table::Table;

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct Table2;

/// The flags that other experiments do not have.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Only the methods with this kind of inner loop. By default there are all, those with an exact
    /// one beside the others.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub inner: Option<Inner>,
    /// Only these problems: `C_8`, `D_8`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub problems: Vec<String>,
    /// A folder with the authors' files 2d_rot8.npz and 2d_rot8_flip.npz, used instead of our
    /// generator. They may be larger than memory.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub data: Option<PathBuf>,
    /// What the arrays in those files are called.
    #[command(flatten)]
    pub arrays: ArrayNames,
}

impl Experiment for Table2 {
    type Tasks = Tasks;
    type Problem = Problem;
    type Bounds = Bounds;
    type Flags = Flags;
    type Outcome = Outcome;

    fn name(problem: &Problem) -> &str {
        &problem.name
    }

    fn cell_name(cell: &Cell<Self>) -> String {
        format!("{}-{}-seed{}", cell.problem.name, cell.method.name, cell.seed)
    }

    /// However it is typed: `C_8`, `c8`.
    fn same(a: &str, b: &str) -> bool {
        by_name(&a.replace('_', ""), &b.replace('_', ""))
    }

    fn check_plan(definition: &Definition<Self>) -> Result<()> {
        definition::check_plan(definition)
    }

    fn check(definition: &Definition<Self>) -> Result<()> {
        definition::check(definition)
    }

    fn narrow(run: &mut Run<Self>, flags: &Flags) -> Result<()> {
        run.keep_inner(flags.inner)?;
        run.take_data(flags.data.as_ref(), &flags.arrays)?;
        let Definition { problems, quick, tasks, .. } = &mut run.definition;
        let by_default = run.quick.then(|| quick.problems.clone());
        if run.quick {
            tasks.test_tasks = quick.test_tasks.unwrap_or(tasks.test_tasks);
        }
        keep("problem", problems, |p| p.name.clone(), &flags.problems, by_default, |a, b| Self::same(a, b))
    }

    fn prepare(run: &Run<Self>, cell: &Cell<Self>, device: Device) -> Result<Prepared> {
        cell::prepare(run, cell, device)
    }

    fn run(run: &Run<Self>, cell: &Cell<Self>, folder: &CellFolder) -> Result<Outcome> {
        cell::run(run, cell, folder)
    }

    fn line(outcome: &Outcome) -> String {
        let tested = outcome.tested.last();
        let tested = tested.map_or_else(String::new, |t| {
            format!("{} ± {}", number(t.error.mean), number(t.error.half_width))
        });
        let group = outcome.symmetry.as_ref().map_or_else(String::new, |s| {
            format!(", symmetry {}", s.group.as_deref().unwrap_or("not named"))
        });
        format!("{} {:14} seed {}: {tested}{group}", outcome.problem, outcome.method, outcome.seed)
    }

    fn report(run: &Run<Self>, outcomes: &[Outcome], folder: &Folder) -> Result<Report> {
        compare_filters(run, folder)?;
        let table = Table::new(run, outcomes);
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    }
}

/// A picture for each problem: what the methods made of one test task, from what the cells of the
/// first seed left.
fn compare_filters(run: &Run<Table2>, folder: &Folder) -> Result<()> {
    for problem in &run.definition.problems {
        let mut methods = Vec::new();
        for cell in run.definition.cells_of(0).filter(|c| c.problem.name == problem.name) {
            let found = Filters::read(&folder.inside(CELLS)?.inside(&Table2::cell_name(&cell))?)?;
            methods.extend(found.map(|(filters, sizes)| (cell.method.name.clone(), filters, sizes)));
        }
        if let Some(picture) = pictures::comparison(&problem.name, problem.group(), &methods)? {
            folder.write_picture(&format!("filters-{}", problem.name), &picture)?;
        }
    }
    Ok(())
}
