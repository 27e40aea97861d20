//! Every flag that a message names is one that the program has.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use command::command;

mod command;

/// Flags of other programs, which messages tell people to use.
const OTHERS: [&str; 6] = ["--release", "--features", "--example", "--test", "--porcelain", "--short"];
/// Where messages are.
const CRATES: [&str; 8] = [
    "msr",
    "msr-data",
    "msr-discover",
    "msr-experiments",
    "msr-files",
    "msr-groups",
    "msr-report",
    "msr-symmetry",
];

/// The words that begin with two dashes, as flags do.
fn flags(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for part in text.split("--").skip(1) {
        let word: String = part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        // Not what only rules a line, nor dashes within a sentence.
        if word.len() > 1 && !word.starts_with('-') {
            found.insert(format!("--{}", word.trim_end_matches('-')));
        }
    }
    found
}

fn help(args: &[&str]) -> String {
    let output = command().args(args).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help" && name.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(String::from)
        .collect()
}

/// The sources below a folder, without their tests, and the lines of each that are no comments.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let is_code = |line: &&str| {
                let line = line.trim_start();
                !line.starts_with("//") || line.starts_with("///") && path.ends_with("flags.rs")
            };
            let code = code.lines().filter(is_code).collect::<Vec<_>>().join("\n");
            found.push((path.display().to_string(), code));
        }
    }
}

#[test]
fn every_flag_in_a_message_exists() {
    let mut known: BTreeSet<String> = OTHERS.map(String::from).into();
    let top = help(&[]);
    known.extend(flags(&top));
    for command in subcommands(&top) {
        let text = help(&[&command]);
        known.extend(flags(&text));
        for inner in subcommands(&text) {
            known.extend(flags(&help(&[&command, &inner])));
        }
    }
    assert!(known.contains("--task-column") && known.contains("--outer-steps"), "{known:?}");
    let mut all = Vec::new();
    for name in CRATES {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), &mut all);
    }
    assert!(all.len() > 100);
    let mut unknown = Vec::new();
    for (path, code) in &all {
        unknown.extend(flags(code).difference(&known).map(|flag| format!("{path}: {flag}")));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}
