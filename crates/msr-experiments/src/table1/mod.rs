//! Table 1: six methods on three problems with two sizes of training set.

mod cell;
mod definition;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use candle_core::Device;
use msr_report::number;

use crate::engine::{
    ArrayNames, Cell, CellFolder, Definition, Experiment, Folder, Inner, Prepared, Report, Run, by_name, keep,
};
use cell::Outcome;
use definition::{Bounds, Problem, Tasks};
use table::Table;

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct Table1;

/// The flags that other experiments do not have.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Only the methods with this kind of inner loop. By default there are all, those with an exact
    /// one beside the others.
    #[arg(long, value_enum, conflicts_with = "resume")]
    inner: Option<Inner>,
    /// Only these ranks, as `1,5`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    ranks: Vec<usize>,
    /// Only these training sets: `small`, `large`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    sets: Vec<String>,
    /// A folder with the authors' files rank1.npz, rank2.npz and rank5.npz, used instead of our
    /// generator. They may be larger than memory.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    data: Option<PathBuf>,
    /// What the arrays in those files are called.
    #[command(flatten)]
    arrays: ArrayNames,
}

impl Experiment for Table1 {
    type Tasks = Tasks;
    type Problem = Problem;
    type Bounds = Bounds;
    type Flags = Flags;
    type Outcome = Outcome;

    fn name(problem: &Problem) -> &str {
        &problem.name
    }

    fn cell_name(cell: &Cell<Self>) -> String {
        let Problem { rank, set, .. } = &cell.problem;
        format!("{}-rank{rank}-{set}-seed{}", cell.method.name, cell.seed)
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
        let (mut sets, mut ranks) = (None, None);
        if run.quick {
            let by_default = || problems.iter().filter(|p| quick.problems.contains(&p.name));
            sets = Some(by_default().map(|p| p.set.clone()).collect());
            ranks = Some(by_default().map(|p| p.rank).collect());
            tasks.test_tasks = quick.test_tasks.or(tasks.test_tasks);
        }
        keep("set", problems, |p| p.set.clone(), &flags.sets, sets, |a, b| by_name(a, b))?;
        keep("rank", problems, |p| p.rank, &flags.ranks, ranks, |a, b| a == b)
    }

    fn prepare(run: &Run<Self>, cell: &Cell<Self>, device: Device) -> Result<Prepared> {
        cell::prepare(run, cell, device)
    }

    fn run(run: &Run<Self>, cell: &Cell<Self>, folder: &CellFolder) -> Result<Outcome> {
        cell::run(run, cell, folder)
    }

    fn line(outcome: &Outcome) -> String {
        format!(
            "{:10} rank {} {:5} seed {}: {} ± {}",
            outcome.method,
            outcome.rank,
            outcome.set,
            outcome.seed,
            number(outcome.error.mean),
            number(outcome.error.half_width)
        )
    }

    fn report(run: &Run<Self>, outcomes: &[Outcome], _: &Folder) -> Result<Report> {
        let table = Table::new(run, outcomes);
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    }
}
