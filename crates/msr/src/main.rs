//! The program `msr`: the experiments, and what was learned in a file.
//!
//! Exit codes: 0 when all went well; 1 when something failed, or a bound of an experiment's
//! definition does not hold; 2 when the command line cannot be understood; 130 when Ctrl-C stopped
//! a run or a download, which can be continued. `discover` has 3 and 4, too.

mod completions;
mod data;
mod discover;
mod export;
mod inspect;
mod reproduce;
mod verdict_file;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand};
use msr_experiments::engine::program;
use msr_report::has_colours_on_stderr;
use tracing_subscriber::EnvFilter;

/// Training frees and allocates tensors of the same sizes over and over; this allocator keeps them
/// at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXIT_CODES: &str = "\
Exit codes: 0 all went well; 1 something failed, or a bound of the experiment's definition does not hold; 2 the command line
cannot be understood; 130 Ctrl-C stopped a run, which can be continued with --resume. `discover` also: 3 there
is no symmetry; 4 the data do not tell.";

fn main() -> ExitCode {
    let mut command = command();
    let matches = match command.clone().bin_name(program()).try_get_matches() {
        Ok(matches) => matches,
        Err(asked) => return told(&asked),
    };
    let level = ["warn", "info", "debug"][usize::from(matches.get_count("verbose").min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // An event that stderr has no room for is lost; saying so there, as the default is, would
    // panic.
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(has_colours_on_stderr());
    events.with_writer(std::io::stderr).log_internal_errors(false).init();
    let done = run(&mut command, &matches);
    let done = done.and_then(|code| {
        msr_report::finish().context("not everything that was printed has arrived")?;
        Ok(code)
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            msr_report::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints the help that was asked for, or what is wrong with the command line.
fn told(asked: &clap::Error) -> ExitCode {
    match asked.print().and_then(|()| msr_report::finish()) {
        // Help that nobody reads to its end has done its work.
        Err(lost) if lost.kind() != std::io::ErrorKind::BrokenPipe && asked.exit_code() == 0 => {
            msr_report::complain(&format!("error: not everything that was printed has arrived: {lost}"));
            ExitCode::FAILURE
        }
        _ => u8::try_from(asked.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
    }
}

fn command() -> Command {
    // What the flags say of themselves is for readers of the code.
    let inspect = inspect::Args::augment_args(Command::new("inspect"))
        .about("Read the symmetry group out of a symmetry matrix or a weight matrix")
        .long_about(None)
        .arg_required_else_help(true);
    let data = data::Data::augment_subcommands(Command::new("data"))
        .about("Read images of classes, and keep them in the file that experiments read")
        .long_about(None)
        .arg_required_else_help(true)
        .subcommand_required(true);
    let discover = discover::Args::augment_args(Command::new("discover"))
        .about("Find out which symmetry tasks share, or that they have none")
        .long_about(None)
        .after_help(discover::EXIT_CODES)
        .arg_required_else_help(true);
    let export = export::Args::augment_args(Command::new("export"))
        .about("Write a layer tied by a group that was found for PyTorch, ONNX, GAP, escnn or numpy")
        .long_about(None)
        .arg_required_else_help(true);
    let completions = completions::Flags::augment_args(Command::new("completions"))
        .about("Print a shell completion script")
        .long_about(None);
    Command::new("msr")
        .about("Reproduce the experiments of MSR, and read symmetries out of what was learned")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXIT_CODES)
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommand(reproduce::command())
        .subcommand(discover)
        .subcommand(inspect)
        .subcommand(export)
        .subcommand(data)
        .subcommand(completions)
        .arg(
            Arg::new("verbose")
                .short('v')
                .long("verbose")
                .global(true)
                .action(ArgAction::Count)
                .help("Say more on stderr; twice for debugging"),
        )
}

fn run(command: &mut Command, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("discover", matches)) => return discover::run(&discover::Args::from_arg_matches(matches)?),
        Some(("reproduce", matches)) => reproduce::run(matches),
        Some(("inspect", matches)) => inspect::run(&inspect::Args::from_arg_matches(matches)?),
        Some(("export", matches)) => export::run(&export::Args::from_arg_matches(matches)?),
        Some(("data", matches)) => data::run(&data::Data::from_arg_matches(matches)?),
        Some(("completions", matches)) => {
            completions::run(&completions::Flags::from_arg_matches(matches)?, command);
            Ok(())
        }
        _ => bail!("no command was named; see --help"),
    }?;
    Ok(ExitCode::SUCCESS)
}
