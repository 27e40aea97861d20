//! Table 3: few-shot classification of characters and photographs, query images augmented.

mod budgets;
mod cell;
mod definition;
mod features;
mod images;
mod learning;
mod symmetry;
mod table;
mod tasks;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use clap::ValueEnum;

use crate::engine::{
    Cell, CellFolder, Definition, Experiment, Folder, Method, Prepared, Report, Run, SymmetryStart, Training,
    by_name, keep,
};
use cell::Outcome;
use definition::{Bounds, File, Full, Problem, Tasks};
use images::DataSet;
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
    /// Only these problems, by the names in the table (of table3 `5w1s`, `5w1s-new-alphabets`,
    /// `5w5s`, `20w1s`, `20w5s`, `mini-5w1s`, `mini-5w5s`).
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub problems: Vec<String>,
    /// Images in place of those that `msr data` keeps: a file that it wrote, the folder of
    /// Omniglot's two archives, or your own classes, as folders, in a zip archive, or in an .npz
    /// file.
    #[arg(long, value_name = "PATH", conflicts_with = "resume")]
    pub data: Option<PathBuf>,
    /// Where `msr data` keeps images.
    #[arg(long, value_name = "DIR", env = "MSR_DATA", hide_env_values = true, default_value = "data")]
    pub folder: PathBuf,
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

    fn plan(run: &Run<Table3>, cell: &Cell<Self>) -> (Method, Training) {
        cell::plan(run, cell)
    }

    fn own_of_a_seed(_: &Run<Self>) -> &'static str {
        "its own classes where a split is random, its own tasks and its own start"
    }

    fn check_plan(definition: &Definition<Self>) -> Result<()> {
        definition::check_plan(definition)
    }

    fn check(definition: &Definition<Self>) -> Result<()> {
        definition::check(definition)
    }

    fn narrow(run: &mut Run<Self>, flags: &Flags) -> Result<()> {
        let Definition { problems, methods, quick, tasks, training, .. } = &mut run.definition;
        if flags.profile == Profile::Full {
            let Full { channels, big_channels, meta_batch, outer_steps } = tasks.full;
            (tasks.channels, training.meta_batch) = (channels, meta_batch);
            methods.iter_mut().filter_map(|m| m.channels.as_mut()).for_each(|own| *own = big_channels);
            if !run.quick && !run.has_own_steps {
                training.outer_steps = outer_steps;
            }
            problems.iter_mut().for_each(|problem| (problem.meta_batch, problem.late) = (None, None));
            run.is_defined = false;
        }
        if run.has_own_steps || flags.profile == Profile::Full {
            problems.iter_mut().for_each(|problem| problem.outer_steps = None);
            // Columns that differ in nothing else are one.
            let mut seen: Vec<Problem> = Vec::new();
            problems.retain(|problem| {
                let is_new = !seen.contains(&budgets::but_for_steps(problem));
                seen.push(budgets::but_for_steps(problem));
                is_new
            });
        } else if run.quick {
            for steps in problems.iter_mut().filter_map(|problem| problem.outer_steps.as_mut()) {
                *steps = training.outer_steps.min(*steps);
            }
        }
        if let Some(path) = &flags.symmetry {
            let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
            ensure!(
                methods.iter().any(|method| method.symmetry == SymmetryStart::Given),
                "--symmetry is for methods that start from what was learned before, and there is none of them"
            );
            tasks.symmetry = Some(File { digest: tasks::digest_of(&path)?, path: Some(path) });
        }
        let by_default = run.quick.then(|| quick.problems.clone());
        if run.quick {
            tasks.test_tasks = quick.test_tasks.unwrap_or(tasks.test_tasks);
            for own in problems.iter_mut().filter_map(|problem| problem.test_tasks.as_mut()) {
                *own = tasks.test_tasks.min(*own);
            }
            if let Some(validation) = &mut training.validation {
                validation.tasks = validation.tasks.min(tasks.test_tasks);
            }
        }
        keep("problem", problems, |p| p.name.clone(), &flags.problems, by_default, |a, b| by_name(a, b))?;
        images(run, flags)
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
        let steps = steps.map_or_else(String::new, |steps| match steps {
            1 => " with 1 inner step".into(),
            _ => format!(" with {steps} inner steps"),
        });
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

/// Finds the images of all problems, so that a run is continued from any folder, and with the same
/// ones. Problems whose images are not there are left out, unless they were named.
fn images(run: &mut Run<Table3>, flags: &Flags) -> Result<()> {
    let sets: BTreeSet<DataSet> = run.definition.problems.iter().map(|p| p.data).collect();
    ensure!(
        flags.data.is_none() || sets.len() < 2,
        "--data stands in the place of one data set, and the problems are of {}; choose some with --problems",
        sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(" and ")
    );
    let mut missing = Vec::new();
    for set in sets {
        let Some(path) = set.path(flags.data.as_deref(), &flags.folder)? else {
            let problems = &mut run.definition.problems;
            let all = problems.len();
            problems.retain(|p| p.data != set);
            let said = set.missing(&flags.folder);
            missing.push(said.clone());
            ensure!(!problems.is_empty() && flags.problems.is_empty(), "{}", missing.join("; "));
            let left = match all - problems.len() {
                1 => "1 problem is".to_string(),
                count => format!("{count} problems are"),
            };
            run.left_out.push(format!("{left} left out: {said}"));
            continue;
        };
        let (images, digest) = set.open(&path)?;
        run.is_defined &= set.is(&images);
        run.definition.tasks.images.insert(set, File { path: Some(path), digest });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};
    use candle_core::Device;
    use msr_report::picture::{Chart, Picture};

    use super::{Flags, Profile, Table3};
    use crate::engine::{self, Model, Norm, Run, Shape};

    /// Fifty classes of two small images.
    fn classes() -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        let image = Picture::new("").row([Chart::new("x", "y")]).png()?;
        for class in 0..50 {
            let class = folder.path().join(format!("class{class:02}"));
            std::fs::create_dir(&class)?;
            for name in ["a.png", "b.png"] {
                std::fs::write(class.join(name), &image)?;
            }
        }
        Ok(folder)
    }

    fn run(text: &str, mut flags: engine::Flags<Flags>) -> Result<Run<Table3>> {
        let images = classes()?;
        flags.own.data = Some(images.path().into());
        run_as_it_is(text, flags)
    }

    fn run_as_it_is(text: &str, flags: engine::Flags<Flags>) -> Result<Run<Table3>> {
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
        // One column is left of those that differ in their budgets alone.
        assert_eq!(steps(&with(|f| f.outer_steps = Some(1_500))?), [1_500]);
        let full = with(|f| f.own.profile = Profile::Full)?;
        assert_eq!((steps(&full), full.definition.training.meta_batch), (vec![60_000], 32));
        Ok(())
    }

    #[test]
    fn images_of_others_stand_in_the_place_of_one_data_set() -> Result<()> {
        let table3 = include_str!("../../definitions/table3.toml");
        let images = classes()?;
        let own = |problems: &[&str], data: Option<&std::path::Path>| {
            let problems = problems.iter().map(|p| (*p).to_string()).collect();
            let own = Flags { data: data.map(Into::into), problems, ..Flags::default() };
            run_as_it_is(table3, engine::Flags { own, ..engine::Flags::default() })
        };
        let found = own(&["5w1s"], Some(images.path()))?;
        let read = found.definition.tasks.images.get(&super::DataSet::Omniglot);
        assert!(!found.is_defined && found.left_out.is_empty() && read.is_some_and(|f| f.digest.len() == 64));
        // Continued with others than it began with.
        let mut other = found.clone();
        let cell = found.definition.cells_of(0).next().context("there is a cell")?;
        assert!(super::tasks::Images::of(&found, &cell).is_ok());
        other.definition.tasks.images.values_mut().for_each(|file| file.digest = "0".repeat(64));
        let refused = super::tasks::Images::of(&other, &cell).err().map(|e| format!("{e:#}"));
        assert!(refused.is_some_and(|said| said.contains("something else than when the run began")));
        let missing = own(&["5w1s"], Some(std::path::Path::new("nowhere"))).err().map(|e| format!("{e:#}"));
        assert!(missing.is_some_and(|said| said.contains("nowhere")));
        let none = own(&[], None).err().map(|e| format!("{e:#}")).unwrap_or_default();
        let said = ["`msr data omniglot`", "`msr data mini-imagenet"].map(|command| none.find(command));
        assert!(matches!(said, [Some(first), Some(then)] if first < then), "{none}");
        let both = own(&[], Some(images.path())).err().map(|e| format!("{e:#}"));
        assert!(both.is_some_and(|said| said.contains("omniglot and mini-imagenet")));
        Ok(())
    }

    #[test]
    fn problems_have_rates_and_numbers_of_their_own() -> Result<()> {
        let controls = include_str!("../../definitions/table3-controls.toml");
        let own = |line: &str| {
            controls.replacen("split = \"published\"", &format!("split = \"published\"\n{line}"), 1)
        };
        let lines = "outer_rate = 0.5\ninner_rate = 0.25\nquery = 7\ntest_tasks = 300\nouter_steps = 500\n\
            outer_factors = { C = { symmetry_taps = 0.25, \"block0.conv.symmetry_taps\" = 2.0 } }";
        let flags = |quick| {
            let own = Flags { problems: vec!["5w1s".into()], ..Flags::default() };
            engine::Flags { quick, methods: vec!["C".into()], own, ..engine::Flags::default() }
        };
        let found = run(&own(lines), flags(false))?;
        let cell = found.definition.cells_of(0).next().context("there is a cell")?;
        let (method, training) = <Table3 as engine::Experiment>::plan(&found, &cell);
        assert_eq!((training.outer_rate, training.outer_steps, method.inner_rate), (0.5, 500, Some(0.25)));
        let factors = ["symmetry_taps", "block0.conv.symmetry_taps", "block1.conv.symmetry_taps"];
        assert_eq!(factors.map(|name| method.outer_factors[name]), [0.25, 32.0, 16.0]);
        let tasks = &found.definition.tasks;
        assert_eq!((cell.problem.query(tasks), cell.problem.test_tasks(tasks)), (7, 300));
        // In a quick run no more test and validation tasks than that asks for.
        let quick = run(&own(lines), flags(true))?;
        let validation = quick.definition.training.validation.context("there is validation")?;
        assert_eq!((quick.definition.problems[0].test_tasks, validation.tasks), (Some(200), 200));
        for bad in [
            "outer_rate = -1.0",
            "inner_rate = nan",
            "query = 0",
            "test_tasks = 1",
            "average = 1.0",
            "outer_factors = { C = { symmetry_taps = -1.0 } }",
            "outer_factors = { nobody = { symmetry_taps = 1.0 } }",
            "late = { after = 1.5, meta_batch = 8 }",
            "late = { after = 0.5, meta_batch = 0 }",
        ] {
            assert!(run(&own(bad), flags(false)).is_err(), "{bad}");
        }
        // What only a learner refuses, it refuses before anything is written.
        let zero = run(&own("inner_rate = 0.0"), flags(false))?;
        let cell = zero.definition.cells_of(0).next().context("there is a cell")?;
        let shape = Shape::Classes { image: (1, 16, 16), channels: 2, ways: 5, norm: Norm::PLAIN };
        let model = Model::new(cell.method.layer, &shape, 0, 0, &Device::Cpu)?;
        let (method, training) = <Table3 as engine::Experiment>::plan(&zero, &cell);
        assert!(method.learner(&model, &training).is_err());
        Ok(())
    }

    #[test]
    fn late_steps_have_other_numbers_of_tasks() -> Result<()> {
        let controls = include_str!("../../definitions/table3-controls.toml")
            .replace("test_query = 5", "test_query = 1");
        let own = |line: &str| {
            controls.replacen(
                "split = \"published\"",
                &format!("split = {{ random = {{ train = 20, validation = 10 }} }}\n{line}"),
                1,
            )
        };
        let images = classes()?;
        let found = |line: &str| -> Result<Vec<usize>> {
            let own_flags =
                Flags { data: Some(images.path().into()), problems: vec!["5w1s".into()], ..Flags::default() };
            let flags =
                engine::Flags { methods: vec!["C".into()], own: own_flags, ..engine::Flags::default() };
            let run = run_as_it_is(&own(line), flags)?;
            let cell = run.definition.cells_of(0).next().context("there is a cell")?;
            let prepared = <Table3 as engine::Experiment>::prepare(&run, &cell, Device::Cpu)?;
            let tasks = |step| Ok(prepared.tasks.episodes.train(step)?.tasks.len());
            [0, 749, 750, 999].into_iter().map(tasks).collect()
        };
        let steps = "query = 1\nouter_steps = 1_000\nmeta_batch = 2";
        assert_eq!(found(steps)?, [2, 2, 2, 2]);
        assert_eq!(found(&format!("{steps}\nlate = {{ after = 0.75, meta_batch = 5 }}"))?, [2, 2, 5, 5]);
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
        assert_eq!(one, ["5w1s MAML", "8-queries MAML"]);
        assert!(run(&controls.replace("[\"MSR-Conv\"]", "[\"MSR\"]"), engine::Flags::default()).is_err());
        Ok(())
    }
}
