//! `cargo xtask ci`: what continuous integration runs, cheapest first.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::tidy;
use crate::workspace;

/// Runs every check; stops at the first that fails.
pub fn run() -> Result<()> {
    let root = workspace::root();
    let quick = root.join("target/ci-quick");
    if quick.exists() {
        std::fs::remove_dir_all(&quick).with_context(|| format!("{}", quick.display()))?;
    }
    // The same versions as the workspace: nothing is compiled twice.
    let outside = root.join("scripts/outside-crate");
    std::fs::copy(root.join("Cargo.lock"), outside.join("Cargo.lock")).context("Cargo.lock")?;

    cargo("formatting", "fmt --all --check", &[])?;
    step("house rules", tidy::run)?;
    cargo("clippy", "clippy --workspace --all-targets -- -D warnings", &[])?;
    let test = readme_test_command()?;
    cargo("tests (README's command)", test.trim_start_matches("cargo "), &[])?;
    cargo("documentation", "doc --workspace --no-deps", &[("RUSTDOCFLAGS", "-D warnings")])?;
    cargo(
        "a crate outside the workspace",
        &format!(
            "run --manifest-path {} --target-dir {}",
            outside.join("Cargo.toml").display(),
            root.join("target").display()
        ),
        &[],
    )?;
    cargo(
        "table1, quick",
        &format!("xtask reproduce table1 --quick --out {}", quick.join("table1").display()),
        &[],
    )?;
    let table2 = quick.join("table2");
    cargo("table2, quick", &format!("xtask reproduce table2 --quick --out {}", table2.display()), &[])?;
    let groups = quick.join("groups");
    cargo("groups, quick", &format!("xtask reproduce groups --quick --out {}", groups.display()), &[])?;
    let numbers = quick.join("numbers");
    cargo("numbers, quick", &format!("xtask reproduce numbers --quick --out {}", numbers.display()), &[])?;
    println!("all checks passed");
    Ok(())
}

/// The command in README.md that runs the tests.
fn readme_test_command() -> Result<String> {
    let readme = std::fs::read_to_string(workspace::root().join("README.md")).context("README.md")?;
    let line = readme.lines().map(str::trim).find(|l| l.starts_with("cargo test"));
    line.map(str::to_string)
        .context("README.md does not say how to run the tests: no line starts with `cargo test`")
}

fn cargo(name: &str, args: &str, variables: &[(&str, &str)]) -> Result<()> {
    step(name, || {
        let status = Command::new("cargo")
            .args(args.split_whitespace())
            .envs(variables.iter().copied())
            .current_dir(workspace::root())
            .status()
            .context("cannot start cargo")?;
        ensure!(status.success(), "`cargo {args}` failed");
        Ok(())
    })
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("── {name}");
    let started = Instant::now();
    work()?;
    println!("── {name}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
