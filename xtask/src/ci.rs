//! `cargo xtask ci`: what continuous integration runs, cheapest first.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::tidy;
use crate::workspace::{cargo, root};

/// The experiments, each of which has a smoke run.
const EXPERIMENTS: [&str; 4] = ["table1", "table2", "groups", "numbers"];

/// Runs every check; stops at the first that fails.
pub fn run() -> Result<()> {
    let root = root();
    check("formatting", &["fmt", "--all", "--check"])?;
    step("house rules", tidy::run)?;
    check("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    let test = readme_test_command(&root)?;
    let words: Vec<&str> = test.split_whitespace().skip(1).collect();
    check("tests (README's command)", &words)?;
    // Once more where one can read it: which Python, how close, or that it was skipped.
    let snippet = ["test", "--quiet", "--workspace", "--test", "python", "--", "--nocapture"];
    check("the Python snippet of the file format", &snippet)?;
    step("documentation", || {
        let args = ["doc", "--workspace", "--no-deps"];
        succeed(cargo().args(args).env("RUSTDOCFLAGS", "-D warnings"), &root)
    })?;
    // Without a package: the features, and so the artifacts, are those of the tests.
    for example in examples(&root)? {
        check(&format!("example {example}"), &["run", "--quiet", "--example", &example])?;
    }
    step("a crate outside the workspace", || outside(&root))?;
    let program = std::env::current_exe()?.with_file_name(format!("msr{}", std::env::consts::EXE_SUFFIX));
    check("the program", &["build", "--bin", "msr"])?;
    // An empty folder, in which nothing of the checkout is found by accident.
    let scratch = std::env::temp_dir().join(format!("msr-ci-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| format!("{}", scratch.display()))?;
    for experiment in EXPERIMENTS {
        step(&format!("{experiment}, quick, as an installed program runs it"), || {
            succeed(Command::new(&program).args(["reproduce", experiment, "--quick"]), &scratch)
        })?;
    }
    std::fs::remove_dir_all(&scratch).with_context(|| format!("{}", scratch.display()))?;
    println!("all checks passed");
    Ok(())
}

/// The command in README.md that runs the tests.
fn readme_test_command(root: &Path) -> Result<String> {
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    let line = readme.lines().map(str::trim).find(|l| l.starts_with("cargo test"));
    line.map(str::to_string)
        .context("README.md does not say how to run the tests: no line starts with `cargo test`")
}

/// Every example of every crate, in the order of their names.
fn examples(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for package in std::fs::read_dir(root.join("crates")).context("crates")? {
        let package = package?;
        for example in std::fs::read_dir(package.path().join("examples")).into_iter().flatten() {
            let path = example?.path();
            if let (Some("rs"), Some(name)) =
                (path.extension().and_then(|e| e.to_str()), path.file_stem().and_then(|n| n.to_str()))
            {
                found.push(name.to_string());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Runs the crate that sees this workspace as a stranger does, with the same versions: nothing is
/// compiled twice.
fn outside(root: &Path) -> Result<()> {
    let folder = root.join("scripts/outside-crate");
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).context("Cargo.lock")?;
    let mut run = cargo();
    run.args(["run", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    succeed(run.arg("--target-dir").arg(target(root)), root)
}

/// The folder of everything that is built.
fn target(root: &Path) -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into)
}

/// A step that is a command of cargo.
fn check(name: &str, args: &[&str]) -> Result<()> {
    step(name, || succeed(cargo().args(args), &root()))
}

/// Runs a command in a folder.
fn succeed(command: &mut Command, folder: &Path) -> Result<()> {
    let status = command.current_dir(folder).status();
    let status = status.with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    ensure!(status.success(), "`{} {}` failed", command.get_program().display(), words.join(" "));
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("── {name}");
    let started = Instant::now();
    work()?;
    println!("── {name}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
