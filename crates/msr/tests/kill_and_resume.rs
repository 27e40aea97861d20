//! A run that is killed again and again and resumed writes the same bytes as one that was left
//! alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use kills::{contents, files, start};

mod command;
mod kills;

const KILLS: u32 = 5;

/// A small run of an experiment.
struct Run {
    experiment: &'static str,
    flags: &'static [&'static str],
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
    let start = |out: &Path, resume| start(run.experiment, run.flags, out, resume);
    assert!(start(&whole, false).wait().unwrap().success());

    let mut kills = 0;
    let mut child = start(&parts, false);
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
        child = start(&parts, true);
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
