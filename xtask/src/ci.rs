//! `cargo xtask ci`: what continuous integration runs, cheapest first.

use std::ffi::OsString;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::cuda_host;
use crate::documentation;
use crate::package;
use crate::tidy;
use crate::workspace::{cargo, root, shell_word, tell};

/// Runs every check; stops at the first that fails.
pub fn run() -> Result<()> {
    let root = root()?;
    check("formatting", &["fmt", "--all", "--check"])?;
    step("house rules", tidy::run)?;
    let for_gpus = has("g++", &["--version"]);
    if for_gpus {
        step("clippy, as for a GPU", cuda_host::clippy)?;
        // The one crate with code for when there is none.
        let without = ["clippy", "--package", "msr-kernels", "--all-targets", "--", "-D", "warnings"];
        check("clippy, without a GPU", &without)?;
    } else {
        check("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    }
    let test = readme_test_command(&root)?;
    let words: Vec<&str> = test.split_whitespace().skip(1).collect();
    check("tests (README's command)", &words)?;
    // Once more where one can read it: which Python, how close, or that it was skipped.
    let snippet = ["test", "--quiet", "--workspace", "--test", "python", "--", "--nocapture"];
    check("the Python snippet of the file format", &snippet)?;
    let mut skipped = skipped(&root);
    // Cargo shows nothing of a test that passes, and a test that skips itself passes.
    skipped.iter().for_each(|line| say(&format!("SKIPPED: {line}")));
    if for_gpus {
        step("kernels for GPUs, on the processor", cuda_host::checks)?;
    }
    check(
        "mutated input for every reader",
        &["run", "--quiet", "--bin", "msr-fuzz", "--", "--seconds", "60"],
    )?;
    checked_memory(&root)?;
    skipped.extend(dependencies(&root)?);
    step("documentation", || {
        let pages = target(&root).join("doc");
        documentation::prepare(&root, &pages)?;
        // One at a time: cargo removes the folder of a crate before it documents it, and a crate
        // that is documented in that moment would find none to link to.
        let args = ["doc", "--workspace", "--no-deps", "--jobs", "1"];
        succeed(cargo().args(args).env("RUSTDOCFLAGS", "-D warnings"), &root)?;
        documentation::check_links(&root, &pages)
    })?;
    // Without a package: the features, and so the artifacts, are those of the tests.
    for example in stems(&examples(&root)?, "rs") {
        check(&format!("example {example}"), &["run", "--quiet", "--example", &example])?;
    }
    // An empty folder, in which nothing of the checkout is found by accident, and which keeps what
    // programs leave in the current folder out of the checkout.
    let scratch = Scratch::new()?;
    step("a crate outside the workspace", || outside(&root, &scratch.0))?;
    let program = std::env::current_exe()?.with_file_name(format!("msr{}", std::env::consts::EXE_SUFFIX));
    check("the program", &["build", "--bin", "msr"])?;
    let images = root.join("../shared/data");
    for experiment in experiments(&root)? {
        let mut run = Command::new(&program);
        run.args(["reproduce", &experiment, "--quick"]);
        // What needs images takes minutes: there, some steps of some methods.
        if let Some((_, methods)) = OF_IMAGES.iter().find(|(name, _)| *name == experiment) {
            let is_digits = experiment == "table3-transfer";
            let images = images.join(if is_digits { "mnist/mnist_12k.npz" } else { "omniglot28" });
            if !images.exists() {
                skipped.push(format!("{experiment}: no {}", images.display()));
                continue;
            }
            run.args(["--outer-steps", "20", "--methods", methods, "--data"]).arg(images);
            run.arg("--out").arg(scratch.0.join(&experiment));
            if is_digits {
                run.arg("--symmetry").arg(scratch.0.join("table3").join(LEARNED));
            }
        }
        step(&format!("{experiment}, quick, as an installed program runs it"), || {
            succeed(&mut run, &scratch.0)
        })?;
    }
    match skipped.len() {
        0 => say("all checks passed"),
        _ => say(&format!("all checks that ran passed; SKIPPED: {}", skipped.join("; "))),
    }
    Ok(())
}

/// Experiments of images, and the methods that are tried here.
const OF_IMAGES: [(&str, &str); 6] = [
    ("omniglot-plain", "ANIL"),
    ("table3", "MSR-Conv,ProtoNets"),
    ("table3-budgets", "MAML"),
    ("table3-controls", "MAML-turned,MAML-rates"),
    ("table3-transfer", "U-given"),
    ("table3-tuning", "MSR-C8"),
];

/// What table3 leaves there, with which table3-transfer begins.
const LEARNED: &str = "cells/5w1s-MSR-Conv-seed0/learned.safetensors";

/// A folder for what programs leave behind, which goes when this does, whether a step failed or
/// not.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("msr-ci-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            say(&format!("{} cannot be removed: {error}", self.0.display()));
        }
    }
}

/// What tests need and this machine does not have, each with what is not tested then. Those tests
/// skip themselves.
fn skipped(root: &Path) -> Vec<String> {
    let python = std::env::var_os("MSR_PYTHON").unwrap_or_else(|| "python3".into());
    missing(&python, &root.join("../shared"), oldest_compiler(root).ok().as_deref())
}

fn missing(python: &OsString, reference: &Path, oldest: Option<&str>) -> Vec<String> {
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let mut found = Vec::new();
    if !succeeds(Command::new(python).args(["-c", "import numpy, safetensors"])) {
        found.push(format!(
            "the Python snippet that reads learned tensors: {} has no numpy and safetensors; name a Python that \
             has with MSR_PYTHON",
            python.display()
        ));
    }
    if !reference.is_dir() {
        found
            .push(format!("comparisons with the big reference data, and table3: no {}", reference.display()));
    }
    if !succeeds(Command::new("script").arg("--version")) {
        found.push("output on a terminal: there is no `script` (util-linux) to make one with".into());
    }
    if !succeeds(Command::new("valgrind").arg("--version")) {
        found.push("matrix products under a checker of memory: there is no valgrind".into());
    }
    if !succeeds(Command::new("cargo").args(["deny", "--version"])) {
        found.push("licences and duplicates of dependencies: there is no cargo-deny".into());
    }
    if !succeeds(Command::new("g++").arg("--version")) {
        found.push("kernels for GPUs, on the processor: there is no g++".into());
    } else if cuda_host::Host::new().is_ok_and(|host| host.nvcc().is_none()) {
        found.push("kernels for GPUs as NVIDIA's compiler sees them: see scripts/cuda-toolkit.sh".into());
    }
    match oldest {
        Some(oldest) if succeeds(Command::new("cargo").args([&format!("+{oldest}"), "--version"])) => {}
        _ => found.push(format!("the oldest compiler: there is no toolchain {}", oldest.unwrap_or("of it"))),
    }
    found
}

/// The tests of the one module whose code the compiler does not check, under a checker of memory.
/// (Miri knows no foreign vector instructions.)
fn checked_memory(root: &Path) -> Result<()> {
    if !has("valgrind", &["--version"]) {
        return Ok(());
    }
    step("matrix products under valgrind", || {
        let mut run = cargo();
        // Of the whole workspace: the features, and so the artifacts, are those of the tests.
        run.args(["test", "--quiet", "--workspace", "--lib", "matmul"]);
        // These compare bits, of the same loops, and take minutes here, where threads take turns.
        run.args(["--", "--skip", "threads_change_no_bit"]);
        for target in ["X86_64", "AARCH64"] {
            let name = format!("CARGO_TARGET_{target}_UNKNOWN_LINUX_GNU_RUNNER");
            run.env(name, "valgrind --quiet --error-exitcode=9");
        }
        succeed(&mut run, root)
    })
}

/// What the dependencies are allowed to be, that every crate can be packed, with all that its code
/// includes, and that the oldest compiler that is promised can compile it: each where the tool for
/// it is there. Says what could only then be seen to be missing.
fn dependencies(root: &Path) -> Result<Option<String>> {
    let mut skipped = None;
    if has("cargo", &["deny", "--version"]) {
        check("licences and duplicates", &["deny", "check", "licenses", "bans", "sources"])?;
        if has("cargo", &["deny", "fetch", "db"]) {
            check("advisories", &["deny", "check", "--disable-fetch", "advisories"])?;
        } else {
            let line = "advisories on dependencies: their database cannot be fetched";
            say(&format!("SKIPPED: {line}"));
            skipped = Some(line.into());
        }
    }
    let packed = target(root).join("package");
    for earlier in package::packages(&packed) {
        std::fs::remove_file(&earlier).with_context(|| format!("{}", earlier.display()))?;
    }
    // What nobody depends on from elsewhere is not packed.
    let mut words = vec!["package", "--quiet", "--workspace", "--no-verify", "--allow-dirty"];
    ["msr-fuzz", "msr-testkit", "xtask"].iter().for_each(|own| words.extend(["--exclude", own]));
    check("every crate can be packed", &words)?;
    let scratch = Scratch::new()?;
    step("packages hold what their code includes", || package::check(&packed, &scratch.0))?;
    drop(scratch);
    let oldest = oldest_compiler(root)?;
    if has("cargo", &[&format!("+{oldest}"), "--version"]) {
        let toolchain = format!("+{oldest}");
        check("the oldest compiler", &[&toolchain, "check", "--workspace", "--all-targets"])?;
    }
    Ok(skipped)
}

/// The version of the compiler that the manifest promises.
fn oldest_compiler(root: &Path) -> Result<String> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    line.map(|version| version.trim_matches('"').to_string())
        .context("Cargo.toml does not say which compiler is the oldest")
}

/// Whether a program is there.
fn has(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// The command in README.md that runs the tests.
fn readme_test_command(root: &Path) -> Result<String> {
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    let line = readme.lines().map(str::trim).find(|l| l.starts_with("cargo test"));
    line.map(str::to_string)
        .context("README.md does not say how to run the tests: no line starts with `cargo test`")
}

/// The experiments, each of which has a smoke run: the names of the definitions.
fn experiments(root: &Path) -> Result<Vec<String>> {
    let found = stems(&[root.join("data/experiments")], "toml");
    ensure!(!found.is_empty(), "there is no definition in data/experiments");
    Ok(found)
}

/// The folders of the examples of every crate.
fn examples(root: &Path) -> Result<Vec<PathBuf>> {
    let packages = std::fs::read_dir(root.join("crates")).context("crates")?;
    packages.map(|package| Ok(package?.path().join("examples"))).collect()
}

/// The names, without the extension, of the files in these folders that have it, in order.
fn stems(folders: &[PathBuf], extension: &str) -> Vec<String> {
    let files = folders.iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path());
    let named = files.filter(|path| path.extension().is_some_and(|found| found == extension));
    let mut found: Vec<String> =
        named.filter_map(|path| Some(path.file_stem()?.to_str()?.to_string())).collect();
    found.sort();
    found
}

/// Runs the crate that sees this workspace as a stranger does, with the same versions, and so that
/// nothing is compiled twice: with features of four crates that a stranger might not have. It
/// writes to the folder where it runs.
fn outside(root: &Path, scratch: &Path) -> Result<()> {
    let (from, to) = (root.join("scripts/outside-crate"), scratch.join("outside-crate"));
    std::fs::create_dir_all(to.join("src"))?;
    let crates = format!("path = {:?}", root.join("crates/").display().to_string());
    let manifest = std::fs::read_to_string(from.join("Cargo.toml"))?;
    let manifest = manifest.replace("path = \"../../crates/", crates.trim_end_matches('"'));
    std::fs::write(to.join("Cargo.toml"), format!("{manifest}{SAME_FEATURES}"))?;
    std::fs::copy(from.join("src/main.rs"), to.join("src/main.rs"))?;
    std::fs::copy(root.join("Cargo.lock"), to.join("Cargo.lock")).context("Cargo.lock")?;
    let mut run = cargo();
    run.args(["run", "--manifest-path"]).arg(to.join("Cargo.toml"));
    succeed(run.arg("--target-dir").arg(target(root)), scratch)
}

/// What other crates of the workspace ask of crates that candle needs, too. With other features
/// they, and all that is built on them, would be compiled again. (`cargo tree -f '{p} {f}'` of both
/// shows what differs.)
const SAME_FEATURES: &str = r#"
[target.'cfg(all())'.dependencies]
bytes = "1"
libc = { version = "0.2", features = ["extra_traits"] }
log = { version = "0.4", features = ["std"] }
tracing-core = { version = "0.1", features = ["default"] }

[build-dependencies]
syn = { version = "3", features = ["full"] }
"#;

/// The folder of everything that is built.
fn target(root: &Path) -> PathBuf {
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A step that is a command of cargo.
fn check(name: &str, args: &[&str]) -> Result<()> {
    step(name, || succeed(cargo().args(args), &root()?))
}

/// Runs a command in a folder.
fn succeed(command: &mut Command, folder: &Path) -> Result<()> {
    let status = command.current_dir(folder).status();
    let status = status.with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    let words: Vec<_> =
        [command.get_program()].into_iter().chain(command.get_args()).map(shell_word).collect();
    ensure!(status.success(), "`{}` failed", words.join(" "));
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    say(&format!("── {name}"));
    let started = Instant::now();
    work()?;
    say(&format!("── {name}: {:.0} s", started.elapsed().as_secs_f64()));
    Ok(())
}

fn say(line: &str) {
    tell(stdout(), &format!("{line}\n"));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::{Result, bail};

    use super::{Scratch, examples, experiments, missing, stems};
    use crate::workspace::root;

    #[test]
    fn experiments_and_examples_are_found() -> Result<()> {
        let found = experiments(&root()?)?;
        assert!(["groups", "numbers", "table1", "table2"].iter().all(|name| found.iter().any(|f| f == name)));
        assert!(!stems(&examples(&root()?)?, "rs").is_empty());
        assert!(experiments(Path::new("/no/such/folder")).is_err());
        Ok(())
    }

    #[test]
    fn a_step_that_fails_leaves_no_scratch_folder() {
        let mut path = None;
        let failed = (|| -> Result<()> {
            let scratch = Scratch::new()?;
            std::fs::write(scratch.0.join("left"), "behind")?;
            path = Some(scratch.0.clone());
            bail!("a step failed")
        })();
        assert!(failed.is_err() && path.is_some_and(|path| !path.exists()));
    }

    #[test]
    fn what_tests_lack_is_said() -> Result<()> {
        let found = missing(&"no-such-python".into(), Path::new("/no/such/folder"), Some("1.0.0"));
        let says = |words: &str| found.iter().any(|line| line.contains(words));
        assert!(says("no-such-python has no numpy and safetensors"), "{found:?}");
        assert!(says("no /no/such/folder"), "{found:?}");
        assert!(says("there is no toolchain 1.0.0"), "{found:?}");
        assert!(
            !missing(&"no-such-python".into(), &root()?, None).iter().any(|line| line.contains("reference"))
        );
        Ok(())
    }
}
