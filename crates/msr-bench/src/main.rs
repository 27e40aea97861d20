//! The program `msr-bench`: whether the kernels are right on a device, and how fast; speed as
//! ratios of two things measured in one run. One suite a file or folder.

mod check;
mod expand;
mod groups;
mod growth;
mod machine_rates;
mod program;
mod record;
mod roofline;
mod serve;
mod step;
mod timing;

use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use msr_report::has_colours_on_stderr;
use record::program;
use tracing_subscriber::EnvFilter;

/// Training frees and allocates tensors of the same sizes over and over; this allocator keeps them
/// at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure speed, as ratios within one run, and check every kernel and rule against f64.
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
    /// A meta-step: time, and the least time that the device allows.
    #[command(subcommand, arg_required_else_help = true)]
    Step(step::Step),
    /// Time and memory of a meta-step against tasks, inner steps and width.
    Growth(growth::Args),
    /// From filter parameters to weights: dense, tied, and by Kronecker factors.
    Expand(expand::Args),
    /// What the device can do at most: matrix products and copies by size.
    Roofline(roofline::Args),
    /// Every kernel, every gradient rule and the meta-steps on fresh random inputs, against f64 on
    /// the processor.
    Check(check::Args),
    /// Sharing patterns, large groups, and recovery of groups.
    Groups(groups::Args),
    /// A meta-step in a process of its own: a line N on stdin, the times of N steps on stdout.
    #[command(hide = true)]
    Serve(serve::Args),
    /// The same as `step fc`.
    #[command(hide = true)]
    Fc(step::StepArgs),
    /// The same as `step rot8`.
    #[command(hide = true)]
    Rot8(step::StepArgs),
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
        Suite::Step(step) => step.run(),
        Suite::Growth(args) => growth::run(&args),
        Suite::Serve(args) => serve::run(&args),
        Suite::Expand(args) => expand::run(&args),
        Suite::Roofline(args) => roofline::run(&args),
        Suite::Check(args) => check::run(&args),
        Suite::Groups(args) => groups::run(&args),
        Suite::Fc(args) => step::Step::Fc(args).run(),
        Suite::Rot8(args) => step::Step::Rot8(args).run(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::{CommandFactory, Parser};
    use msr_kernels::Place;

    use super::{Cli, Suite, step::Step};

    fn parsed(line: &str) -> Result<Suite, String> {
        let words = line.split_whitespace();
        Cli::try_parse_from(["msr-bench"].into_iter().chain(words))
            .map(|cli| cli.suite)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// Sums and products of these numbers wrapped, and no machine has room for so many steps.
    #[test]
    fn numbers_that_nobody_can_mean_are_refused() {
        for suite in ["step fc", "step rot8", "fc", "rot8"] {
            for flag in ["--rounds", "--samples", "--inner-steps"] {
                assert!(parsed(&format!("{suite} {flag} 18446744073709551615")).is_err(), "{suite} {flag}");
                assert!(parsed(&format!("{suite} {flag} 7")).is_ok(), "{suite} {flag}");
            }
        }
        assert!(parsed("groups --samples 18446744073709551615").is_err());
    }

    #[test]
    fn devices_and_files() {
        for (line, device, json) in [
            ("step fc", Place::Cpu, None),
            ("fc --json", Place::Cpu, Some("-")),
            ("step fc --device cuda --json", Place::Cuda(0), Some("-")),
            ("step fc --json a.json --device cuda:3", Place::Cuda(3), Some("a.json")),
        ] {
            let Ok(Suite::Step(Step::Fc(args)) | Suite::Fc(args)) = parsed(line) else { panic!("{line}") };
            assert_eq!(
                (args.place.device, args.output.json.as_deref()),
                (device, json.map(Path::new)),
                "{line}"
            );
        }
        let refused = parsed("check --device gpu").err().unwrap_or_default();
        assert!(refused.contains("`gpu` is no device; use cpu, cuda or cuda:N"), "{refused}");
    }
}
