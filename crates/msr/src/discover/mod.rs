//! `msr discover`: which symmetry tasks share.

mod flags;
mod mark;
mod page;
mod place;
mod record;
mod told;
mod understood;
mod why;

use std::process::ExitCode;

use anyhow::{Context, Result};
use msr_data::tasks::{TaskData, read_tasks, survey};
use msr_discover::{CompareConfig, Comparison, Cost, DiscoverConfig, Model, Tasks, compare, discover};
use msr_experiments::console::{Console, on_interrupt};
use msr_experiments::engine::program;
use msr_files::printable;
use msr_report::complain;

pub use self::flags::Args;
use self::mark::Mark;
use self::page::report;
use self::place::{Left, Place};
use self::record::Found;
use self::understood::{Checked, lasting, span, understood, warnings};
use crate::verdict_file::Answer;

/// What the exit codes are.
pub const EXIT_CODES: &str = "\
Exit codes: 0 a symmetry was found (with --check: the data can be read); 3 there is none; 4 these data do not tell; 2 the data or
the command line cannot be used; 130 Ctrl-C stopped it, and --resume goes on with what --out has kept: the verdict, once there is
one; 1 something else failed.";

/// No symmetry.
const NONE: u8 = 3;
/// Undecided.
const UNDECIDED: u8 = 4;
/// Bad input.
const BAD: u8 = 2;
/// The part of the budget for each of the ways to share that are learned.
const PART: f64 = 15.0;

/// Reads the tasks and prints the verdict; the exit code says which it is.
///
/// # Errors
/// For what is neither the data's fault nor the command line's.
pub fn run(args: &Args) -> Result<ExitCode> {
    let console = Console::new(args.json);
    on_interrupt(match args.out {
        Some(_) => {
            "stopped before there was a verdict, so nothing was kept yet; the same command begins again"
        }
        None => "stopped before there was a verdict; nothing is kept without --out",
    })?;
    let (data, tasks, cost) = match read(args, &console) {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(ExitCode::SUCCESS),
        Err(problem) => {
            // One line, whatever the files are called.
            complain(&format!("error: {}", printable(&format!("{problem:#}"))));
            return Ok(ExitCode::from(BAD));
        }
    };
    match answer(args, &console, &data, &tasks, &cost) {
        Ok(Answer::None) => Ok(ExitCode::from(NONE)),
        Ok(Answer::Undecided) => Ok(ExitCode::from(UNDECIDED)),
        Ok(_) => Ok(ExitCode::SUCCESS),
        // Data and settings that cannot be used, and not a group that is too large.
        Err(problem)
            if problem.downcast_ref().is_some_and(|problem| {
                matches!(problem, msr_discover::Error::Data { .. } | msr_discover::Error::Config { .. })
            }) =>
        {
            complain(&format!("error: {}", printable(&format!("{problem:#}"))));
            Ok(ExitCode::from(BAD))
        }
        Err(problem) => Err(problem),
    }
}

/// The tasks, as they were understood, and what a verdict costs; none when only that was asked for.
fn read(args: &Args, console: &Console) -> Result<Option<(TaskData, Tasks, Cost)>> {
    args.config(&[], &[])?;
    let options = args.options();
    let first = args.data.first().context("there are no data")?;
    let sizes = survey(&args.data, &options)?;
    if args.check && !sizes.is_exact {
        console.say(&format!("about {} examples, by the size of the file", sizes.examples));
    }
    let data = read_tasks(&args.data, &options)?;
    let mut tasks = Tasks::new(data.inputs, data.outputs)?;
    for task in &data.tasks {
        let called = || format!("{}, task {}", first.display(), task.name);
        tasks.add(&task.x, &task.y).with_context(called)?;
    }
    tasks.check().with_context(|| first.display().to_string())?;
    let config = args.config(&data.input_shape, &data.output_shape)?;
    let cost = config.cost(&tasks).with_context(|| first.display().to_string())?;
    console.say(&understood(&data, &tasks));
    for note in &data.notes {
        console.say(&format!("note: {}", printable(note)));
    }
    for warning in warnings(&data) {
        complain(&format!("warning: {}", printable(&warning)));
    }
    if args.check {
        let checked = Checked::new(&data, &tasks, &cost);
        checked.say(console);
        console.json(&checked)?;
        return Ok(None);
    }
    Ok(Some((data, tasks, cost)))
}

/// The verdict, printed, and its report where one is asked for.
fn answer(args: &Args, console: &Console, data: &TaskData, tasks: &Tasks, cost: &Cost) -> Result<Answer> {
    let config = args.config(&data.input_shape, &data.output_shape)?;
    let command = msr_report::command(&program());
    let mark = Mark::new(data, &config, args.budget);
    let place = args.out.as_deref().map(Place::new);
    let left = match &place {
        Some(place) => place.left(args.resume, &mark)?,
        None => Left::Nothing,
    };
    let mut found = match left {
        Left::All(found) => {
            console.say("this verdict and its report are finished already");
            told::verdict(console, &found)?;
            told::worth(console, &found, place.as_ref());
            console.json(&found)?;
            return Ok(found.file.verdict);
        }
        Left::Verdict(mut found) => {
            console.say("the verdict was kept; what is missing is its report");
            found.command.clone_from(&command);
            *found
        }
        Left::Nothing => {
            if let Some(place) = &place {
                place.make()?;
            }
            complain(&format!(
                "finding symmetries on one half of the tasks, and confirming them on the other: {} of one core",
                span(cost.least_seconds, cost.most_seconds)
            ));
            let verdict = discover(tasks, &config)?;
            let found = Found::new(&verdict, data, command.clone(), mark)?;
            if let Some(place) = &place {
                place.write_verdict(&found)?;
            }
            found
        }
    };
    on_interrupt(&match &place {
        Some(place) => format!(
            "stopped; the verdict is kept in {}, and its report is missing; to continue: {command}{}",
            place.verdict.display(),
            if args.resume { "" } else { " --resume" }
        ),
        None => "stopped; the verdict above stands".into(),
    })?;
    told::verdict(console, &found)?;
    if place.is_some() {
        let budget = lasting(args.budget.as_secs_f64());
        complain(&format!("comparing with other ways to learn: about {budget} at most"));
    }
    let comparison = compared(args, tasks, &found, &config)?;
    if let Some(comparison) = &comparison {
        found.compare(comparison);
    }
    if let Some(place) = &place {
        complain("writing the report");
        let html = report(&title(args), data, tasks, &config, comparison.as_ref(), &found, args.budget)?;
        place.write_verdict(&found)?;
        place.write_report(&html)?;
    }
    told::worth(console, &found, place.as_ref());
    console.json(&found)?;
    Ok(found.file.verdict)
}

/// What the data are called.
fn title(args: &Args) -> String {
    let name = args.data.first().and_then(|path| path.file_name());
    name.map_or_else(|| "tasks".into(), |name| printable(&name.to_string_lossy()).into_owned())
}

/// A fault of the command line that shows only later.
fn unusable(problem: String) -> anyhow::Error {
    msr_discover::Error::Config { problem }.into()
}

/// What the symmetry is worth: beside all other ways to learn where there is a report, else beside
/// those that take no time.
fn compared(
    args: &Args,
    tasks: &Tasks,
    found: &Found,
    config: &DiscoverConfig,
) -> Result<Option<Comparison>> {
    if args.out.is_none() && found.file.symmetry.is_none() {
        return Ok(None);
    }
    let products = if args.pairs { Some(tasks.with_products()?) } else { None };
    let layout = &config.layout;
    let shapes = if args.pairs { (&[][..], &[][..]) } else { (&layout.outputs[..], &layout.inputs[..]) };
    let models = match args.out {
        Some(_) => Model::ALL.into_iter().filter(|&model| model != Model::Oracle).collect(),
        None => vec![Model::Plain, Model::Learned, Model::Tied],
    };
    let config = CompareConfig {
        seed: args.seed,
        seconds: args.budget.as_secs_f64() / PART,
        curve: args.out.is_some(),
        models,
    };
    let pattern = found.pattern()?;
    match compare(products.as_ref().unwrap_or(tasks), pattern.as_ref(), None, shapes, &config) {
        Ok(comparison) => Ok(Some(comparison)),
        // Of too few tasks nothing is compared, and there is a verdict all the same.
        Err(msr_discover::Error::Data { .. }) if found.file.verdict == Answer::Undecided => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}
