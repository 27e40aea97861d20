//! `msr discover`: which symmetry tasks share.

mod flags;
mod page;
mod record;

use std::process::ExitCode;

use anyhow::{Context, Result};
use msr_data::tasks::{TaskData, read_tasks, survey};
use msr_discover::{CompareConfig, Comparison, Model, Tasks, Verdict, VerdictKind, compare, discover};
use msr_experiments::console::Console;
use msr_experiments::engine::program;
use msr_files::printable;

pub use self::flags::Args;
use self::page::report;
use self::record::Found;
use crate::verdict_file::{Answer, VERDICT};

/// What the exit codes are.
pub const EXIT_CODES: &str = "\
Exit codes: 0 a symmetry was found (with --check: the data can be read); 3 there is none; 4 these data do not tell; 2 the data or
the command line cannot be used; 1 something else failed.";

/// No symmetry.
const NONE: u8 = 3;
/// Undecided.
const UNDECIDED: u8 = 4;
/// Bad input.
const BAD: u8 = 2;
/// How the report is called.
const REPORT: &str = "report.html";
/// So many generators are printed.
const GENERATORS: usize = 6;
/// The part of the budget for each of the ways to share that are learned.
const PART: f64 = 15.0;

/// Reads the tasks and prints the verdict; the exit code says which it is.
///
/// # Errors
/// For what is neither the data's fault nor the command line's.
pub fn run(args: &Args) -> Result<ExitCode> {
    let console = Console::new(args.json);
    let (data, tasks) = match read(args, &console) {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(ExitCode::SUCCESS),
        Err(problem) => {
            // One line, whatever the files are called.
            msr_report::complain(&format!("error: {}", printable(&format!("{problem:#}"))));
            return Ok(ExitCode::from(BAD));
        }
    };
    match answer(args, &console, &data, &tasks) {
        Ok(Answer::None) => Ok(ExitCode::from(NONE)),
        Ok(Answer::Undecided) => Ok(ExitCode::from(UNDECIDED)),
        Ok(_) => Ok(ExitCode::SUCCESS),
        // Data and settings that cannot be used, and not a group that is too large.
        Err(problem)
            if problem.downcast_ref().is_some_and(|problem| {
                matches!(problem, msr_discover::Error::Data { .. } | msr_discover::Error::Config { .. })
            }) =>
        {
            msr_report::complain(&format!("error: {}", printable(&format!("{problem:#}"))));
            Ok(ExitCode::from(BAD))
        }
        Err(problem) => Err(problem),
    }
}

/// The tasks, as they were understood; none when only that was asked for.
fn read(args: &Args, console: &Console) -> Result<Option<(TaskData, Tasks)>> {
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
    if args.check {
        console.say(&format!(
            "a verdict takes about {} and {} MiB of memory on one core, by what other data took; the first can be three \
             times as much, or a third",
            lasting(cost.seconds),
            cost.mebibytes
        ));
        return Ok(None);
    }
    Ok(Some((data, tasks)))
}

/// `4 s`, `3 minutes`.
fn lasting(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".into(),
        s if s < 100.0 => format!("{s:.0} s"),
        s => format!("{:.0} minutes", (s / 60.0).ceil()),
    }
}

/// How the data were understood, in a line.
fn understood(data: &TaskData, tasks: &Tasks) -> String {
    let sizes: Vec<usize> = (0..tasks.count()).filter_map(|task| tasks.examples(task)).collect();
    let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
    let examples = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    let of = |count: usize, shape: &[usize], what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        match shape {
            [] | [_] => format!("{count} {what}{plural}"),
            more => format!(
                "{} {what}{plural}",
                more.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
            ),
        }
    };
    let classes =
        data.classes.as_ref().map_or(String::new(), |classes| format!(" ({} classes)", classes.len()));
    format!(
        "{} tasks of {examples} examples each, {} and {}{classes}",
        tasks.count(),
        of(data.inputs, &data.input_shape, "input"),
        of(data.outputs, &data.output_shape, "output"),
    )
}

/// The verdict, printed, and its report where one is asked for.
fn answer(args: &Args, console: &Console, data: &TaskData, tasks: &Tasks) -> Result<Answer> {
    let config = args.config(&data.input_shape, &data.output_shape)?;
    let command = msr_report::command(&program());
    let mark = record::mark(data, &config, args.budget);
    let place = args.out.as_deref().map(|out| (out.join(VERDICT), out.join(REPORT)));
    if let Some((verdict, page)) = &place {
        let there = [verdict, page].into_iter().find(|path| path.exists());
        match (there, args.resume) {
            (Some(there), false) => {
                return Err(unusable(format!(
                    "{} is there already; add --resume to go on with it, or give another --out",
                    there.display()
                )));
            }
            (Some(_), true) => match Found::read(verdict)? {
                Some(found) if found.mark != mark => {
                    return Err(unusable(format!(
                        "{} is of other data or settings; give another --out",
                        verdict.display()
                    )));
                }
                Some(found) if page.is_file() => {
                    console.say(&format!(
                        "{} and {} are finished already",
                        verdict.display(),
                        page.display()
                    ));
                    console.say(&sentence(&found.file.said));
                    console.json(&found)?;
                    return Ok(found.file.verdict);
                }
                // Something was not finished.
                _ => {}
            },
            _ => {}
        }
        if let Some(out) = &args.out {
            if out.exists() && !out.is_dir() {
                return Err(unusable(format!("{} is no folder; --out names one", out.display())));
            }
            std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        }
    }
    let verdict = discover(tasks, &config)?;
    console.say(&sentence(&verdict.to_string()));
    generators(console, &verdict);
    let comparison = compared(args, tasks, &verdict)?;
    if let Some(line) = comparison.as_ref().and_then(gained) {
        console.say(&line);
    }
    let found = Found::new(&verdict, comparison.as_ref(), data, command, mark)?;
    if let Some((path, page)) = &place {
        let html = report(&title(args), data, tasks, &verdict, comparison.as_ref(), &found)?;
        msr_files::write_atomic(path, found.to_json()?.as_bytes())?;
        msr_files::write_atomic(page, html.as_bytes())?;
        console.say(&format!("the report is in {}", page.display()));
        if verdict.symmetry().is_some() && !args.pairs {
            let folder = args.out.as_deref().map(msr_report::shell_word).unwrap_or_default();
            console
                .say(&format!("a layer with it: {} export {folder} --to pytorch --out tied.py", program()));
        }
    }
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

/// The same with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn generators(console: &Console, verdict: &Verdict) {
    let Some(symmetry) = verdict.symmetry() else { return };
    for generator in symmetry.generators.iter().take(GENERATORS) {
        let (y, x) = &generator.pair;
        let words = generator.words.as_ref().map_or(String::new(), |words| format!(" ({words})"));
        console.say(&format!("  generator: outputs {y}\n             inputs  {x}{words}"));
    }
    if let Some(more) = symmetry.generators.len().checked_sub(GENERATORS).filter(|&more| more > 0) {
        let s = if more == 1 { "" } else { "s" };
        console.say(&format!("  and {more} more generator{s}"));
    }
}

/// What the symmetry is worth: beside all other ways to learn where there is a report, else beside
/// those that take no time.
fn compared(args: &Args, tasks: &Tasks, verdict: &Verdict) -> Result<Option<Comparison>> {
    if args.out.is_none() && verdict.symmetry().is_none() {
        return Ok(None);
    }
    let products = if args.pairs { Some(tasks.with_products()?) } else { None };
    let layout = &verdict.config.layout;
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
    let pattern = verdict.symmetry().map(|symmetry| &symmetry.pattern);
    match compare(products.as_ref().unwrap_or(tasks), pattern, None, shapes, &config) {
        Ok(comparison) => Ok(Some(comparison)),
        // Of too few tasks nothing is compared, and there is a verdict all the same.
        Err(msr_discover::Error::Data { .. }) if matches!(verdict.kind, VerdictKind::Undecided { .. }) => {
            Ok(None)
        }
        Err(problem) => Err(problem.into()),
    }
}

/// What tying the weights does to the error, in a line.
fn gained(comparison: &Comparison) -> Option<String> {
    let error = |model: Model| comparison.scored.iter().find(|scored| scored.model == model);
    let (plain, learned, tied) = (error(Model::Plain)?, error(Model::Learned)?, error(Model::Tied)?);
    Some(format!(
        "With {} examples, the held-out error of new tasks is {} of their variation with tied weights, {} where what tasks \
         share is learned without ties, and {} where each is learned alone.",
        range(comparison.sizes.adapting),
        share(tied.mean.value),
        share(learned.mean.value),
        share(plain.mean.value)
    ))
}

fn range((least, most): (usize, usize)) -> String {
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

fn share(value: f64) -> String {
    let percent = 100.0 * value;
    if percent < 10.0 { format!("{percent:.2} %") } else { format!("{percent:.1} %") }
}
