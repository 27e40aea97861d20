//! A run that is killed again and again and resumed writes the same bytes as one that was left
//! alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const KILLS: u32 = 5;

/// A small run of an experiment.
struct Run {
    experiment: &'static str,
    flags: &'static [&'static str],
}

fn start(run: &Run, out: &Path, resume: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_msr"));
    command.args(["reproduce", run.experiment, "--out"]).arg(out);
    if resume {
        command.arg("--resume");
    } else {
        command.args(run.flags);
    }
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// When each file of the run was last written; changes when anything happens.
fn activity(out: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut found: Vec<_> = files(out)
        .into_iter()
        .filter(|p| p.ends_with("checkpoint.safetensors") || p.ends_with("result.json"))
        .filter_map(|p| Some((p.clone(), p.metadata().ok()?.modified().ok()?)))
        .collect();
    found.sort();
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
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
fn contents(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(out)
        .into_iter()
        .filter(|p| !p.ends_with("command.txt") && !p.ends_with("machine.txt"))
        .map(|p| (p.strip_prefix(out).unwrap().to_path_buf(), std::fs::read(&p).unwrap()))
        .collect()
}

#[test]
fn a_killed_table1_ends_with_the_same_bytes() {
    let flags = &[
        "--methods",
        "MSR-FC,MTSR-FC,MSR-FC-exact,MAML-Conv",
        "--ranks",
        "1",
        "--sets",
        "small",
        "--outer-steps",
        "700",
    ];
    check(&Run { experiment: "table1", flags }, 4 * 4);
}

/// With a test in the middle of the training.
#[test]
fn a_killed_table2_ends_with_the_same_bytes() {
    let flags = &["--quick", "--outer-steps", "310"];
    check(&Run { experiment: "table2", flags }, 2 * 6);
}

fn check(run: &Run, least_files: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    assert!(start(run, &whole, false).wait().unwrap().success());

    let mut kills = 0;
    let mut child = start(run, &parts, false);
    while kills < KILLS {
        // Let it come to something new, then a little further, and kill it there.
        let before = activity(&parts);
        let deadline = Instant::now() + Duration::from_secs(60);
        while activity(&parts) == before && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the run makes no progress");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(u64::from(7 * kills % 40)));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        kills += 1;
        child = start(run, &parts, true);
    }
    assert!(child.wait().unwrap().success());
    println!("killed {kills} times");
    assert!(kills >= 3, "the run was over before it could be killed three times");

    let (whole, parts) = (contents(&whole), contents(&parts));
    let names = |c: &[(PathBuf, Vec<u8>)]| c.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
    assert_eq!(names(&parts), names(&whole));
    for ((name, a), (_, b)) in parts.iter().zip(&whole) {
        assert!(a == b, "{} differs", name.display());
    }
    assert!(whole.len() >= least_files, "every cell has checkpoint, metrics, learned tensors and result");
}
