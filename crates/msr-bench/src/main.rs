//! The program `msr-bench`: speed, as ratios of two things measured in one run. One suite a file.

mod fc;
mod groups;
mod machine_rates;
mod peer;
mod record;
mod rot8;
mod step;

use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use msr_report::has_colours_on_stderr;
use record::program;
use tracing_subscriber::EnvFilter;

/// Training frees and allocates tensors of the same sizes over and over; this allocator keeps them
/// at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure speed, as ratios within one run.
#[derive(Parser)]
#[command(name = "msr-bench", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    suite: Suite,
    /// Say more on stderr; twice for debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// The suites.
#[derive(Subcommand)]
enum Suite {
    /// The MSR-FC meta-step of Table 1: 32 tasks, one support and 19 query examples, Adam included.
    Fc(step::StepArgs),
    /// The MSR-Conv meta-step of the C_8 problem of Table 2: 32 tasks, one support and 19 query
    /// images, Adam included.
    Rot8(step::StepArgs),
    /// Sharing patterns, large groups, and recovery of groups.
    Groups(groups::Args),
}

fn main() -> std::process::ExitCode {
    let matches = Cli::command().bin_name(program()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let level = ["warn", "info", "debug"][usize::from(cli.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(has_colours_on_stderr());
    events.with_writer(std::io::stderr).log_internal_errors(false).init();
    let done = run(cli.suite);
    match done.and_then(|()| msr_report::finish().context("not everything that was printed has arrived")) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            msr_report::complain(&format!("error: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(suite: Suite) -> Result<()> {
    match suite {
        Suite::Fc(args) => fc::run(&args),
        Suite::Rot8(args) => rot8::run(&args),
        Suite::Groups(args) => groups::run(&args),
    }
}

/// The median; NaN when there is nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    /// Sums and products of these numbers wrapped, and no machine has room for so many steps.
    #[test]
    fn numbers_that_nobody_can_mean_are_refused() {
        for suite in ["fc", "rot8"] {
            for flag in ["--rounds", "--samples", "--inner-steps"] {
                let parsed = |value| super::Cli::try_parse_from(["msr-bench", suite, flag, value]);
                assert!(parsed("18446744073709551615").is_err() && parsed("7").is_ok(), "{suite} {flag}");
            }
        }
        assert!(
            super::Cli::try_parse_from(["msr-bench", "groups", "--samples", "18446744073709551615"]).is_err()
        );
    }

    #[test]
    fn medians() {
        assert_eq!(super::median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(super::median(&[4.0, 1.0]), 2.5);
        assert!(super::median(&[]).is_nan());
    }
}
