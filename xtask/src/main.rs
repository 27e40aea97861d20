//! Commands of this workspace: `cargo xtask ci | tidy`, and those of `msr` and `msr-bench`, which
//! are built and run.

// This is a command-line program: it prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

mod ci;
mod forward;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use forward::Forward;

const HELP: &str = "\
Reproduce the experiments of MSR, measure its speed, and check the code

Usage: cargo xtask [--features LIST] <COMMAND>

Commands:
  reproduce    Run an experiment of the paper and compare with reference values
  inspect      Read the symmetry group out of a symmetry matrix or a weight matrix
  completions  Print what makes a shell complete the commands of msr
  bench        Measure speed, as ratios within one run
  ci           Everything that continuous integration checks, cheapest first
  tidy         Check the house rules on the source files

Options:
      --features LIST  Build msr or msr-bench with these features, such as cuda
  -h, --help           Print help; `cargo xtask COMMAND --help` prints that of a command
  -V, --version        Print version
";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the words after `cargo xtask` say.
fn run(mut words: Vec<String>) -> Result<ExitCode> {
    let mut forward = Forward::default();
    while let Some(word) = words.first().cloned() {
        match word.as_str() {
            "--features" if words.len() > 1 => {
                forward.features = Some(words.remove(1));
                words.remove(0);
            }
            "--features" => bail!("--features needs a list, such as cuda"),
            "-v" | "-vv" | "--verbose" => forward.flags.push(words.remove(0)),
            "-h" | "--help" => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            "-V" | "--version" => {
                println!("xtask {}", env!("CARGO_PKG_VERSION"));
                return Ok(ExitCode::SUCCESS);
            }
            _ => break,
        }
    }
    let Some((command, rest)) = words.split_first() else {
        eprint!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    match (command.as_str(), rest) {
        ("help", _) => {
            words.rotate_left(1);
            if let Some(help) = words.last_mut() {
                *help = "--help".into();
            }
            run(words)
        }
        ("ci", []) => ci::run().map(|()| ExitCode::SUCCESS),
        ("tidy", []) => tidy::run().map(|()| ExitCode::SUCCESS),
        ("ci" | "tidy", [flag]) if flag == "--help" || flag == "-h" => run(vec!["--help".into()]),
        ("ci" | "tidy", [word, ..]) => bail!("`cargo xtask {command}` takes no `{word}`"),
        ("bench", rest) => forward.run("msr-bench", Some("bench"), rest),
        ("reproduce" | "inspect" | "completions", _) => forward.run("msr", None, &words),
        _ => {
            eprint!("error: there is no command `{command}`\n\n{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}
