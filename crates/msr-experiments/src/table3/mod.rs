//! Table 3: few-shot classification of Omniglot's characters, query images augmented.

mod budgets;
mod cell;
mod definition;
mod features;
mod learning;
mod symmetry;
mod table;
mod tasks;

use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::Device;
use clap::ValueEnum;

use crate::engine::{Cell, CellFolder, Definition, Experiment, Folder, Method, Prepared, Report, Run, by_name, keep};
use cell::Outcome;
use definition::{Bounds, Full, Problem, Tasks};
use table::Table;

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct Table3;

/// How large a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Networks and budgets for two cores.
    #[default]
    Cpu,
    /// Those of the literature, for a GPU.
    Full,
}

/// The flags that other experiments do not have.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// How large networks and budgets are.
    #[arg(long, value_enum, default_value_t, conflicts_with = "resume")]
    pub profile: Profile,
    /// Only these problems: `5w1s`, `5w1s-new-alphabets`, `5w5s`, `20w1s`, `20w5s`.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub problems: Vec<String>,
    /// The folder of Omniglot's archives, images_background.zip and images_evaluation.zip, with
    /// images of any size.
    #[arg(long, value_name = "DIR", default_value = "data/omniglot", conflicts_with = "resume")]
    pub data: PathBuf,
    /// What was learned before, learned.safetensors of a training run: symmetry matrices of methods
    /// that start from it.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub symmetry: Option<PathBuf>,
}

impl Experiment for Table3 {
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

    fn has_cell(problem: &Problem, method: &Method) -> bool {
        problem.methods.is_empty() || problem.methods.contains(&method.name)
    }

    fn work(run: &Run<Table3>, cell: &Cell<Self>) -> f64 {
        cell::work(run, cell)
    }

    fn own_of_a_seed(_: &Run<Self>) -> &'static str {
        "its own characters in the published split, its own tasks and its own start"
    }

    fn check_plan(definition: &Definition<Self>) -> Result<()> {
        definition::check_plan(definition)
    }

    fn check(definition: &Definition<Self>) -> Result<()> {
        definition::check(definition)
    }

    fn narrow(run: &mut Run<Self>, flags: &Flags) -> Result<()> {
        // A run is continued from any folder. There is no other source of characters: a definition
        // is the same with it.
        let data = std::path::absolute(&flags.data);
        run.data = Some(data.with_context(|| flags.data.display().to_string())?);
        let Definition { problems, methods, quick, tasks, training, .. } = &mut run.definition;
        if flags.profile == Profile::Full {
            let Full { channels, big_channels, meta_batch, outer_steps } = tasks.full;
            (tasks.channels, training.meta_batch) = (channels, meta_batch);
            methods.iter_mut().filter_map(|m| m.channels.as_mut()).for_each(|own| *own = big_channels);
            if !run.quick && !run.has_own_steps {
                training.outer_steps = outer_steps;
            }
            run.is_defined = false;
        }
        if run.has_own_steps || flags.profile == Profile::Full {
            problems.iter_mut().for_each(|problem| problem.outer_steps = None);
        } else if run.quick {
            for steps in problems.iter_mut().filter_map(|problem| problem.outer_steps.as_mut()) {
                *steps = training.outer_steps.min(*steps);
            }
        }
        if let Some(path) = &flags.symmetry {
            tasks.symmetry = Some(std::path::absolute(path).with_context(|| path.display().to_string())?);
        }
        let by_default = run.quick.then(|| quick.problems.clone());
        if run.quick {
            tasks.test_tasks = quick.test_tasks.unwrap_or(tasks.test_tasks);
        }
        keep("problem", problems, |p| p.name.clone(), &flags.problems, by_default, |a, b| by_name(a, b))
    }

    fn prepare(run: &Run<Self>, cell: &Cell<Self>, device: Device) -> Result<Prepared> {
        tasks::prepare(run, cell, device)
    }

    fn run(run: &Run<Self>, cell: &Cell<Self>, folder: &CellFolder) -> Result<Outcome> {
        cell::run(run, cell, folder)
    }

    fn line(outcome: &Outcome) -> String {
        let best =
            outcome.best().map_or_else(String::new, |m| format!("{:.2} ± {:.2} %", m.mean, m.half_width));
        let steps = outcome.test.get(outcome.chosen).and_then(|a| a.inner_steps);
        let steps = steps.map_or_else(String::new, |steps| format!(" with {steps} inner step{}", if steps == 1 { "" } else { "s" }));
        format!("{} {:10} seed {}: {best}{steps}", outcome.problem, outcome.method, outcome.seed)
    }

    fn report(run: &Run<Self>, outcomes: &[Outcome], folder: &Folder) -> Result<Report> {
        learning::draw(run, folder)?;
        budgets::draw(run, outcomes, folder)?;
        let table = Table::new(run, outcomes);
        let (checked, outside) = table.outside();
        Ok(Report { text: table.to_string(), checked, outside })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::{Flags, Profile, Table3};
    use crate::engine::{self, Run};

    fn run(text: &str, mut flags: engine::Flags<Flags>) -> Result<Run<Table3>> {
        flags.own.data = "images".into();
        Run::new("it", text, &flags)
    }

    fn steps(run: &Run<Table3>) -> Vec<u64> {
        let own = run.definition.training.outer_steps;
        run.definition.problems.iter().map(|p| p.outer_steps.unwrap_or(own)).collect()
    }

    #[test]
    fn budgets_of_columns_give_way_to_flags() -> Result<()> {
        let budgets = include_str!("../../definitions/table3-budgets.toml");
        let with = |change: fn(&mut engine::Flags<Flags>)| {
            let mut flags = engine::Flags::default();
            change(&mut flags);
            run(budgets, flags)
        };
        assert_eq!(steps(&with(|_| {})?), [500, 1_000, 2_000, 6_000, 16_000]);
        assert_eq!(steps(&with(|f| f.quick = true)?), [500, 1_000]);
        assert_eq!(steps(&with(|f| f.outer_steps = Some(1_500))?), [1_500; 5]);
        let full = with(|f| f.own.profile = Profile::Full)?;
        assert_eq!((steps(&full), full.definition.training.meta_batch), (vec![60_000; 5], 32));
        Ok(())
    }

    #[test]
    fn columns_name_the_methods_that_learn_them() -> Result<()> {
        let controls = include_str!("../../definitions/table3-controls.toml");
        let names = |flags| -> Result<Vec<String>> {
            let run = run(controls, flags)?;
            let cells = run.definition.cells_of(0);
            Ok(cells.map(|cell| format!("{} {}", cell.problem.name, cell.method.name)).collect())
        };
        let all = names(engine::Flags::default())?;
        assert_eq!(all.len() as u64 * 3, run(controls, engine::Flags::default())?.definition.cell_count());
        assert!(all.contains(&"no-flips MSR-Conv".into()) && !all.contains(&"no-flips MAML".into()));
        let one = names(engine::Flags { methods: vec!["maml".into()], ..engine::Flags::default() })?;
        assert_eq!(one, ["5w1s MAML"]);
        assert!(run(&controls.replace("[\"MSR-Conv\"]", "[\"MSR\"]"), engine::Flags::default()).is_err());
        Ok(())
    }
}
