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
struct Run<'a> {
    experiment: &'a str,
    flags: &'a [&'a str],
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

/// With validations that choose the state and end the training.
#[test]
fn a_killed_run_with_validation_ends_with_the_same_bytes() {
    let definitions = concat!(env!("CARGO_MANIFEST_DIR"), "/../msr-experiments/definitions");
    let table1 = std::fs::read_to_string(Path::new(definitions).join("table1.toml")).unwrap();
    // So fast that validations get worse at times.
    let (slow, fast) = ("outer_rate = 1e-3", "outer_rate = 1e-2");
    assert!(table1.contains(slow));
    let table1 = table1.replace(slow, fast);
    let validation = "\n[training.validation]\nevery = 20\ntasks = 50\npatience = 2\n";
    let folder = tempfile::tempdir().unwrap();
    let definition = folder.path().join("validated.toml");
    std::fs::write(&definition, table1 + validation).unwrap();
    let flags = [
        "--definition",
        definition.to_str().unwrap(),
        "--methods",
        "MSR-FC,MAML-Conv,MAML-LC",
        "--ranks",
        "1",
        "--sets",
        "small",
        "--outer-steps",
        "900",
    ];
    let whole = check(&Run { experiment: "table1", flags: &flags }, 3 * 7);
    let named = |end: &str| whole.iter().filter(|(name, _)| name.ends_with(end)).collect::<Vec<_>>();
    let validated: Vec<serde_json::Value> =
        named("validated.json").iter().map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    assert_eq!((validated.len(), named("best.safetensors").len()), (3, 3));
    println!("{validated:?}");
    for found in &validated {
        let (best, taken) = (found["best"]["step"].as_u64().unwrap(), found["outer_steps"].as_u64().unwrap());
        assert!(best > 0 && best <= taken && taken <= 900, "{found}");
        // The first two validations after the best one end the training.
        assert_eq!(found["ended_early"].as_bool().unwrap(), best + 40 == taken, "{found}");
    }
    assert!(validated.iter().any(|found| found["ended_early"] == true), "some training is cut short");
}

/// The files of the run, but for when and how it was started.
fn check(run: &Run, least_files: usize) -> Vec<(PathBuf, Vec<u8>)> {
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
    whole
}
