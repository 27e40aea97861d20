//! Commands of this workspace: `cargo xtask reproduce | inspect | bench | ci | tidy`.

// This is a command-line program: it prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

mod commands;
mod experiments;
mod report;
mod tensors;
mod workspace;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Training frees and allocates tensors of the same sizes over and over; this allocator keeps them at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reproduce the experiments of MSR, measure its speed, and check the code.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, arg_required_else_help = true)]
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
    Reproduce(commands::reproduce::Experiment),
    /// Read the symmetry group out of a symmetry matrix or a weight matrix.
    Inspect(commands::inspect::Args),
    /// Measure speed, as ratios within one run.
    #[command(subcommand, arg_required_else_help = true)]
    Bench(commands::bench::Suite),
    /// Everything that continuous integration checks, cheapest first.
    Ci,
    /// Check the house rules on the source files.
    Tidy,
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let level = ["warn", "info", "debug"][usize::from(cli.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match cli.command {
        Command::Reproduce(experiment) => commands::reproduce::run(experiment),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Bench(suite) => commands::bench::run(suite),
        Command::Ci => commands::ci::run(),
        Command::Tidy => commands::tidy::run(),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
