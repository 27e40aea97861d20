//! Groups read out of learned symmetry matrices: tasks with the symmetry of a group, an oracle that
//! knows it, MSR that does not, and MAML without any. `groups` and `numbers` are two definitions of
//! it.

mod cell;
mod definition;
mod table;

use anyhow::Result;
use candle_core::Device;
use msr_report::number;
use msr_report::picture;

use crate::engine::{Cell, CellFolder, Definition, Experiment, Folder, Prepared, Report, Run, keep};
use cell::Outcome;
use definition::{Bounds, Problem, Tasks};
use table::Table;

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct Groups;

/// The flags that other experiments do not have.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Only the problems with these names, separated by semicolons.
    #[arg(long, value_delimiter = ';', conflicts_with = "resume")]
    problems: Vec<String>,
}

impl Experiment for Groups {
    type Tasks = Tasks;
    type Problem = Problem;
    type Bounds = Bounds;
    type Flags = Flags;
    type Outcome = Outcome;

    fn name(problem: &Problem) -> &str {
        &problem.name
    }

    fn cell_name(cell: &Cell<Self>) -> String {
        // Names of problems are for people; those of folders have no blanks, and letters that all
        // systems know.
        let plain: String = ascii(&cell.problem.name)
            .chars()
            .filter(|c| *c != ',')
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .collect();
        format!("{plain}-{}-seed{}", cell.method.name, cell.seed)
    }

    /// However it is typed: `C_7 ⋊ C_3`, `c_7:c_3`, or the name of the folder.
    fn same(a: &str, b: &str) -> bool {
        let plain = |name: &str| -> String {
            let letters = ascii(name).to_lowercase();
            letters.chars().filter(char::is_ascii_alphanumeric).collect()
        };
        plain(a) == plain(b)
    }

    fn check_plan(definition: &Definition<Self>) -> Result<()> {
        definition::check_plan(definition)
    }

    fn check(definition: &Definition<Self>) -> Result<()> {
        definition::check(definition)
    }

    fn narrow(run: &mut Run<Self>, flags: &Flags) -> Result<()> {
        let Definition { problems, quick, .. } = &mut run.definition;
        let by_default = run.quick.then(|| quick.problems.clone());
        keep("problem", problems, |p| p.name.clone(), &flags.problems, by_default, |a, b| Self::same(a, b))
    }

    fn prepare(run: &Run<Self>, cell: &Cell<Self>, device: Device) -> Result<Prepared> {
        cell::prepare(run, cell, device)
    }

    fn run(run: &Run<Self>, cell: &Cell<Self>, folder: &CellFolder) -> Result<Outcome> {
        cell::run(run, cell, folder)
    }

    fn line(outcome: &Outcome) -> String {
        let found = outcome.found.as_ref().map_or(String::new(), |f| {
            let name = match (&f.reason, &f.name) {
                (Some(_), _) => "nothing".to_string(),
                (None, Some(name)) => name.clone(),
                (None, None) => format!("a group of order {}", f.order),
            };
            let right = if f.is_true_group { "the true group" } else { "not the true group" };
            format!(", recovered {name}: {right}")
        });
        let mean = number(outcome.error.mean);
        format!("{}, {}, seed {}: MSE {mean}{found}", outcome.problem, outcome.method, outcome.seed)
    }

    fn report(run: &Run<Self>, outcomes: &[Outcome], folder: &Folder) -> Result<Report> {
        let table = Table::new(run, outcomes)?;
        let recovered = table.first_recovered()?;
        if !recovered.is_empty() {
            folder
                .write_picture("recovered", &picture::patterns("Recovered sharing patterns", recovered)?)?;
        }
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    }
}

/// Signs of group theory as letters that all keyboards and file systems have.
fn ascii(text: &str) -> String {
    text.replace('×', "x").replace('⋊', ":").replace('≀', "wr").replace('²', "^2").replace(['→', '–'], "-")
}
