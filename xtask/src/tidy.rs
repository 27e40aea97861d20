//! `cargo xtask tidy`: house rules that the compiler and clippy do not check. Also a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The most lines of a source file.
const LONGEST: usize = 400;
/// Files that are longer, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];
/// The most columns of a line that is a comment, outside examples.
const WIDEST_COMMENT: usize = 100;
/// The crates that people run, whose errors are for people alone: only they may use `anyhow`.
const APPLICATIONS: [&str; 4] = ["msr", "msr-bench", "msr-experiments", "xtask"];
/// The only places with unsafe code, each with its reason.
const UNSAFE_FILES: [(&str, &str); 8] = [
    ("crates/msr-kernels/src/caches.rs", "instructions for caches"),
    ("crates/msr-kernels/src/conv2d/cpu.rs", "skips zeroing what is overwritten"),
    ("crates/msr-kernels/src/cuda/disabled.rs", "as its twin"),
    ("crates/msr-kernels/src/cuda/enabled.rs", "launches kernels, and asks cuBLAS"),
    ("crates/msr-kernels/src/matmul/cpu.rs", "skips zeroing what it overwrites"),
    ("crates/msr-kernels/src/matmul/general.rs", "calls the gemm crate"),
    ("crates/msr-kernels/src/ties/cpu.rs", "skips zeroing what is overwritten"),
    ("crates/msr-testkit/src/memory.rs", "a counting allocator"),
];
/// Names that say nothing about what is inside.
const VAGUE_NAMES: [&str; 4] = ["base.rs", "utils.rs", "misc.rs", "helpers.rs"];

/// Runs every rule and lists all violations.
pub fn run() -> Result<()> {
    let root = workspace::root()?;
    let mut problems = Vec::new();
    for path in sources(&root)? {
        let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        source_rules(&name, &text, &mut problems);
    }
    arrows(&root, &mut problems)?;
    readme(&root, &mut problems)?;
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{} violations:\n  {}", problems.len(), problems.join("\n  "));
}

/// Every Rust file of the workspace.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["crates", "fuzz", "xtask", "scripts"].map(|f| root.join(f)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() && path.file_name().is_some_and(|n| n != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn source_rules(name: &str, text: &str, problems: &mut Vec<String>) {
    if !text.starts_with("//!") {
        problems.push(format!("{name}: must open with a `//!` line that says what the file is for"));
    }
    let lines = text.lines().count();
    if lines > LONGEST && !LONG_FILES.iter().any(|(file, _)| *file == name) {
        problems.push(format!("{name}: {lines} lines, at most {LONGEST} without a reason in LONG_FILES"));
    }
    let mut example = false;
    for (number, line) in text.lines().enumerate() {
        let width = line.chars().count();
        let comment = line.trim_start().starts_with("//");
        example = comment && example != line.contains("```");
        if comment && !example && width > WIDEST_COMMENT {
            let line = number + 1;
            problems.push(format!("{name}:{line}: a comment of {width} columns, at most {WIDEST_COMMENT}"));
        }
    }
    if VAGUE_NAMES.iter().any(|vague| name.ends_with(&format!("/{vague}"))) {
        problems.push(format!("{name}: the file's name does not say what is inside"));
    }
    // Spelled in two parts so that this file does not find itself.
    let keyword = concat!("un", "safe ");
    let uses = text.lines().filter(|l| !l.trim_start().starts_with("//")).any(|l| l.contains(keyword));
    // The `cuda.rs` of an operation launches its kernels.
    let launches = name.starts_with("crates/msr-kernels/src/") && name.ends_with("/cuda.rs");
    if uses && !launches && !UNSAFE_FILES.iter().any(|(file, _)| *file == name) {
        problems.push(format!("{name}: {keyword}code is kept to the files in UNSAFE_FILES"));
    }
}

/// The crates depend on each other exactly as the block between the markers in ARCHITECTURE.md
/// says.
fn arrows(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let block = between(&text, "<!-- arrows -->", "<!-- /arrows -->")
        .context("ARCHITECTURE.md has no arrows block")?;
    let allowed: BTreeSet<(String, String)> = block
        .lines()
        .filter_map(|l| l.trim().trim_start_matches("- ").split_once(" → "))
        .flat_map(|(from, to)| to.split(", ").map(|to| (clean(from), clean(to))).collect::<Vec<_>>())
        .collect();
    let mut manifests: Vec<PathBuf> = vec![root.join("xtask/Cargo.toml")];
    for entry in fs::read_dir(root.join("crates"))? {
        manifests.push(entry?.path().join("Cargo.toml"));
    }
    let mut found = BTreeSet::new();
    for manifest in manifests {
        let text = fs::read_to_string(&manifest).with_context(|| format!("{}", manifest.display()))?;
        let manifest: toml::Table = text.parse().with_context(|| format!("{}", manifest.display()))?;
        let from =
            manifest.get("package").and_then(|p| p.get("name")).and_then(toml::Value::as_str).unwrap_or("?");
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        if dependencies.is_some_and(|d| d.contains_key("anyhow")) && !APPLICATIONS.contains(&from) {
            problems.push(format!("{from} uses anyhow, which is for {}", APPLICATIONS.join(", ")));
        }
        for to in dependencies.into_iter().flat_map(|d| d.keys()).filter(|k| k.starts_with("msr-")) {
            found.insert((from.to_string(), to.clone()));
        }
    }
    for (from, to) in found.difference(&allowed) {
        problems.push(format!("{from} depends on {to}, which ARCHITECTURE.md does not allow"));
    }
    for (from, to) in allowed.difference(&found) {
        problems.push(format!("ARCHITECTURE.md says that {from} depends on {to}, but it does not"));
    }
    Ok(())
}

/// The table in README.md is the recorded one, and the commands that it promises are there.
fn readme(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(root.join("README.md")).context("README.md")?;
    for command in ["cargo xtask reproduce table1", "cargo test --workspace"] {
        if !text.contains(command) {
            problems.push(format!("README.md does not name `{command}`"));
        }
    }
    let mut blocks = 0;
    for block in text.split("<!-- ").skip(1) {
        let Some((marker, rest)) = block.split_once(": docs/results/") else { continue };
        let Some((folder, rest)) = rest.split_once(" -->") else { continue };
        blocks += 1;
        let file = format!("docs/results/{folder}/{marker}.md");
        let shown = between(rest, "```text\n", "```").unwrap_or_default();
        let path = root.join(&file);
        let recorded = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        if shown.trim().is_empty() || !recorded.contains(shown.trim()) {
            problems.push(format!("README.md: the block {marker} is not what {file} says"));
        }
    }
    if blocks == 0 {
        problems.push("README.md shows no recorded result".into());
    }
    story(root, &text, problems)
}

/// The library's story in README.md is the one that the crate outside the workspace compiles and
/// runs.
fn story(root: &Path, readme: &str, problems: &mut Vec<String>) -> Result<()> {
    let path = root.join("scripts/outside-crate/src/main.rs");
    let source = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let compiled = between(&source, "// story\n", "    // story\n").context("main.rs has no story")?;
    let shown = between(readme, "```rust\n", "```").unwrap_or_default();
    if shown.trim_end() != format!("{compiled}    Ok(())\n}}") {
        problems.push("README.md: the library's story is not that of scripts/outside-crate".into());
    }
    Ok(())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

fn clean(name: &str) -> String {
    name.trim().trim_matches('`').to_string()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, WIDEST_COMMENT, run, source_rules};

    #[test]
    fn the_repository_is_tidy() {
        let result = run();
        assert!(result.is_ok(), "{:#}", result.err().unwrap_or_else(|| anyhow::anyhow!("")));
    }

    #[test]
    fn violations_are_found() {
        let found = |name: &str, text: &str| {
            let mut problems = Vec::new();
            source_rules(name, text, &mut problems);
            problems.len()
        };
        assert_eq!(found("a/good.rs", "//! Good.\nfn f() {}\n"), 0);
        assert_eq!(found("a/bad.rs", "fn f() {}\n"), 1);
        assert_eq!(found("a/utils.rs", "//! Vague.\n"), 1);
        assert_eq!(found("a/long.rs", &format!("//! Long.\n{}", "\n".repeat(LONGEST))), 1);
        assert_eq!(found("a/wide.rs", &format!("//! Wide{}\n", ".".repeat(WIDEST_COMMENT))), 1);
        assert_eq!(found("a/raw.rs", concat!("//! Raw.\nun", "safe fn f() {}\n")), 1);
    }
}
