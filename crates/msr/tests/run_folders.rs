//! Where runs go, what they are defined by, and run folders of other versions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use command::{command, msr, refuses, text};

mod command;

/// Seconds, whatever the definition says.
const SMALL: [&str; 8] = ["--methods", "maml-conv", "--ranks", "1", "--sets", "small", "--outer-steps", "5"];

fn only_entry(folder: &Path) -> std::path::PathBuf {
    let entries: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].path()
}

#[test]
fn runs_go_to_the_current_folder_or_where_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let output =
            command().current_dir(folder.path()).args(["reproduce", "table1"]).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&SMALL);
    let first = only_entry(&folder.path().join("runs/table1"));
    assert!(said.contains("to continue: msr reproduce table1 --resume --out"), "{said}");
    let typed = std::fs::read_to_string(first.join("command.txt")).unwrap();
    assert!(typed.starts_with("msr reproduce table1 --methods maml-conv"), "{typed}");
    run(&["--resume"]);
    run(&[&SMALL[..], &["--runs", "elsewhere"]].concat());
    assert!(only_entry(&folder.path().join("elsewhere/table1")).join("table1.md").exists());
}

#[test]
fn a_definition_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let built_in = include_str!("../../msr-experiments/definitions/table1.toml");
    let own = folder.path().join("own.toml");
    std::fs::write(&own, built_in.replace("outer_steps = 1_000\nmeta_batch", "outer_steps = 4\nmeta_batch"))
        .unwrap();
    let out = folder.path().join("out");
    let args = ["reproduce", "table1", "--definition", text(&own), "--methods", "MAML-Conv", "--ranks", "1"];
    let said = msr(&[&args[..], &["--out", text(&out)]].concat());
    // Four steps teach nothing: its own bounds do not hold, and the message says whose they are.
    assert!(said.out.contains("3 inner and 4 outer steps"), "{}{}", said.out, said.err);
    assert!(!said.ok && said.err.contains("checks against") && said.err.contains("own.toml"), "{}", said.err);
    let fresh = folder.path().join("fresh");
    refuses(&[&args[..], &["--record", "--out", text(&fresh)]].concat(), &["whole experiment"]);
    std::fs::write(&own, built_in.replace("metrics_every = 10", "metrics_every = 0")).unwrap();
    refuses(&[&args[..], &["--out", text(&fresh)]].concat(), &["own.toml", "metrics_every"]);
    std::fs::write(&own, built_in.replace("title =", "titel =")).unwrap();
    refuses(&[&args[..], &["--out", text(&fresh)]].concat(), &["own.toml", "unknown field `titel`"]);
    assert!(!fresh.exists());
}

/// What an earlier version left is not half understood.
#[test]
fn a_run_of_the_format_before_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, include_str!("format-1/config.json")).unwrap();
    let resume = ["reproduce", "table1", "--resume", "--out", text(folder.path())];
    refuses(&resume, &["was started by an earlier version", "finish it with that version", "another --out"]);
    refuses(
        &["reproduce", "groups", "--resume", "--out", text(folder.path())],
        &["holds a run of table1", "msr reproduce table1 --resume"],
    );
    std::fs::write(&config, r#"{ "format": 3, "experiment": "table1" }"#).unwrap();
    refuses(&resume, &["was started by a later version", "another --out"]);
    std::fs::write(&config, "{}").unwrap();
    refuses(&resume, &["holds no run of table1"]);
}
