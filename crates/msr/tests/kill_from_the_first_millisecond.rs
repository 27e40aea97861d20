//! Every experiment, killed from its first millisecond on, again and again: what is resumed (or
//! begun again, where nothing was there yet) ends with the bytes of a run that was left alone.
//!
//! A few kills of each experiment, so that it takes some seconds; `MSR_KILLS=30` in the environment
//! asks for as many of each, `MSR_PROGRAM` for another program than the one that cargo built for
//! the tests, and `-- --nocapture` shows the counts.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use kills::{differing, said, start};

mod command;
mod kills;

/// The kills of one run before it may come to its end.
const KILLS_A_RUN: usize = 4;

/// A run of about a second: its definition, with little to do between a checkpoint and the next,
/// and flags that narrow it.
struct Plan {
    experiment: &'static str,
    definition: &'static str,
    /// Lines of the definition that become others.
    smaller: &'static [(&'static str, &'static str)],
    flags: &'static [&'static str],
}

const PLANS: [Plan; 4] = [
    Plan {
        experiment: "table1",
        definition: include_str!("../../msr-experiments/definitions/table1.toml"),
        smaller: &[
            ("checkpoint_every = 100", "checkpoint_every = 20"),
            ("metrics_every = 10", "metrics_every = 1"),
            ("total = 10_000", "total = 200"),
        ],
        flags: &["--ranks", "1", "--sets", "small", "--outer-steps", "150"],
    },
    Plan {
        experiment: "table2",
        definition: include_str!("../../msr-experiments/definitions/table2.toml"),
        smaller: &[
            ("checkpoint_every = 100", "checkpoint_every = 5"),
            ("metrics_every = 10", "metrics_every = 1"),
            ("test_at = [300, 500]", "test_at = [8, 300, 500]"),
            ("test_tasks = 60", "test_tasks = 4"),
        ],
        flags: &["--quick", "--outer-steps", "24"],
    },
    Plan {
        experiment: "groups",
        definition: include_str!("../../msr-experiments/definitions/groups.toml"),
        smaller: &[
            ("checkpoint_every = 500", "checkpoint_every = 20"),
            ("metrics_every = 20", "metrics_every = 1"),
            ("test = 300", "test = 20"),
        ],
        flags: &["--quick", "--outer-steps", "250"],
    },
    Plan {
        experiment: "numbers",
        definition: include_str!("../../msr-experiments/definitions/numbers.toml"),
        smaller: &[
            ("checkpoint_every = 500", "checkpoint_every = 20"),
            ("metrics_every = 20", "metrics_every = 1"),
            ("test = 300", "test = 20"),
        ],
        flags: &["--quick", "--outer-steps", "250"],
    },
];

/// What came of one experiment.
#[derive(Debug, Default)]
struct Figures {
    /// How long one takes that is left alone.
    length: Duration,
    runs: usize,
    kills: usize,
    /// Kills before there was a run to resume, after which it was begun again.
    begun_again: usize,
    /// Runs that could neither be resumed nor begun again, with what was said.
    stuck: Vec<String>,
    /// Runs that ended with other bytes, with the files.
    differing: Vec<String>,
}

#[test]
fn runs_that_are_killed_from_the_first_millisecond_on_end_with_the_same_bytes() {
    let kills = std::env::var("MSR_KILLS").map_or(3, |text| text.parse().unwrap());
    let (mut all, mut bad) = (0, Vec::new());
    for plan in &PLANS {
        let found = harass(plan, kills);
        println!(
            "{}: {} kills in {} runs of {:.1} s, {} before there was a run to resume; stuck {}, differing {}",
            plan.experiment,
            found.kills,
            found.runs,
            found.length.as_secs_f64(),
            found.begun_again,
            found.stuck.len(),
            found.differing.len()
        );
        all += found.kills;
        bad.extend(found.stuck.into_iter().chain(found.differing));
    }
    println!("{all} kills in all");
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(all >= PLANS.len() * kills);
}

/// Kills runs of a plan until there were so many kills.
fn harass(plan: &Plan, kills: usize) -> Figures {
    let folder = tempfile::tempdir().unwrap();
    let definition = plan.smaller.iter().fold(plan.definition.to_string(), |text, (line, other)| {
        assert!(text.contains(line), "{}: {line}", plan.experiment);
        text.replace(line, other)
    });
    let file = folder.path().join("small.toml");
    std::fs::write(&file, definition).unwrap();
    let flags = [plan.flags, &["--definition", command::text(&file)]].concat();
    let whole = folder.path().join("whole");
    let started = Instant::now();
    let status = start(plan.experiment, &flags, &whole, false).wait().unwrap();
    let length = started.elapsed();
    assert!(status.success(), "{}", std::fs::read_to_string(said(&whole)).unwrap());

    let mut found = Figures { length, ..Figures::default() };
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    while found.kills < kills {
        let out = folder.path().join(format!("run-{}", found.runs));
        // The first kill of the first run comes at once, of the second after a millisecond, …; the
        // later ones at any time of what a whole run takes.
        let mut wait = Duration::from_millis(found.runs as u64);
        for kill in 0..KILLS_A_RUN {
            let resume = out.join("config.json").exists();
            found.begun_again += usize::from(kill > 0 && !resume);
            let mut child = start(plan.experiment, &flags, &out, resume);
            std::thread::sleep(wait);
            if let Some(status) = child.try_wait().unwrap() {
                note_end(status.success(), &out, &mut found);
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            found.kills += 1;
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            wait = length.mul_f64((random % 1000) as f64 / 1000.0);
        }
        let resume = out.join("config.json").exists();
        let status = start(plan.experiment, &flags, &out, resume).wait().unwrap();
        note_end(status.success(), &out, &mut found);
        let files = differing(&whole, &out);
        if !files.is_empty() {
            found.differing.push(format!("{} in {}: {files:?}", plan.experiment, out.display()));
        }
        found.runs += 1;
        std::fs::remove_dir_all(&out).unwrap();
    }
    found
}

/// Writes down that a process could not go on.
fn note_end(success: bool, out: &Path, found: &mut Figures) {
    if !success {
        let said = std::fs::read_to_string(said(out)).unwrap();
        found.stuck.push(format!("{}: {said}", out.display()));
    }
}
