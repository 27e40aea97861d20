//! Runs that are killed, and what is left of them.
#![allow(dead_code, reason = "not every test file needs all of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::command::command;

/// Starts the run of an experiment in a folder, or continues it. What it says on stderr goes to a
/// file beside the folder.
pub fn start(experiment: &str, flags: &[&str], out: &Path, resume: bool) -> Child {
    let mut command = command();
    command.args(["reproduce", experiment, "--out"]).arg(out);
    if resume {
        command.arg("--resume");
    } else {
        command.args(flags);
    }
    let said = std::fs::File::create(said(out)).unwrap();
    command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// Where the last process that worked in a folder left what it said.
pub fn said(out: &Path) -> PathBuf {
    out.with_extension("stderr")
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

/// What must be the same: everything but the record of when and how the run was started.
pub fn contents(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(out)
        .into_iter()
        .filter(|p| !p.ends_with("command.txt") && !p.ends_with("machine.txt"))
        .map(|p| (p.strip_prefix(out).unwrap().to_path_buf(), std::fs::read(&p).unwrap()))
        .collect()
}

/// The files of two runs that are not the same, by name.
pub fn differing(one: &Path, other: &Path) -> Vec<PathBuf> {
    let (one, other) = (contents(one), contents(other));
    let lacks = |of: &[(PathBuf, Vec<u8>)], file: &(PathBuf, Vec<u8>)| !of.contains(file);
    let mut found: Vec<PathBuf> =
        one.iter().filter(|file| lacks(&other, file)).map(|f| f.0.clone()).collect();
    found.extend(other.iter().filter(|file| lacks(&one, file)).map(|f| f.0.clone()));
    found.sort();
    found.dedup();
    found
}
