//! The program `msr`: the experiments, and what was learned in a file.

// This is a command-line program: it prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

mod inspect;
mod reproduce;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use msr_experiments::report::record::program;
use tracing_subscriber::EnvFilter;

/// Training frees and allocates tensors of the same sizes over and over; this allocator keeps them at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reproduce the experiments of MSR, and read symmetries out of what was learned.
#[derive(Parser)]
#[command(name = "msr", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more on stderr; twice for debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// Run an experiment of the paper and compare with reference values.
    #[command(subcommand, arg_required_else_help = true)]
    Reproduce(reproduce::Experiment),
    /// Read the symmetry group out of a symmetry matrix or a weight matrix.
    Inspect(inspect::Args),
}

fn main() -> std::process::ExitCode {
    let matches = Cli::command().bin_name(program()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let level = ["warn", "info", "debug"][usize::from(cli.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match cli.command {
        Command::Reproduce(experiment) => reproduce::run(experiment),
        Command::Inspect(args) => inspect::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
