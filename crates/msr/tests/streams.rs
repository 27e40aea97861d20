//! What goes to stdout and stderr, with and without a terminal, and what Ctrl-C does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use command::{command, msr, text};
use msr_report::{shell_command, shell_word};

mod command;

/// A run of a moment.
fn small_run(out: &Path) -> Vec<&str> {
    vec![
        "reproduce",
        "table1",
        "--methods",
        "maml-conv",
        "--ranks",
        "1",
        "--outer-steps",
        "5",
        "--out",
        text(out),
    ]
}

#[test]
fn json_is_all_there_is_on_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let said = msr(&[&small_run(&out)[..], &["--json"]].concat());
    assert!(said.ok && said.err.contains("| small        | 1    |"), "{}", said.err);
    let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found["experiment"], "table1");
    assert_eq!(found["results"].as_array().unwrap().len(), 2);
    assert!(found["results"][0]["mean"].as_f64().unwrap() > 0.0);
    let learned = out.join("cells/MAML-Conv-rank1-small-seed0/learned.safetensors");
    let said = msr(&["inspect", "--json", "--weight", "--tensor", "weight", text(&learned)]);
    // A 1 × 1 × 3 filter is no matrix: nothing but the error, and not on stdout.
    assert!(!said.ok && said.out.is_empty() && said.err.starts_with("error: "), "{}", said.err);

    let matrix: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 2.0 } else { 1.0 }).collect();
    let matrix = candle_core::Tensor::from_vec(matrix, (4, 4), &candle_core::Device::Cpu).unwrap();
    let file = folder.path().join("w.safetensors");
    candle_core::safetensors::save(&[("w", matrix)].into(), &file).unwrap();
    let said = msr(&["inspect", "--json", text(&file)]);
    let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found["layers"][0]["group"]["name"], "S_4", "{}", said.out);
    assert_eq!(found["layers"][0]["known"][0]["group"], "S_4");
    assert!(said.err.contains("Symmetry: S_4"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    assert!(msr(&small_run(&out)).ok);
    let again = ["reproduce", "table1", "--resume", "--out", text(&out)];
    for args in [&["completions", "bash"][..], &["reproduce", "table1", "--help"], &again] {
        let mut child = command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let status = child.wait().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(status.success(), "{args:?}: {status} {said}");
        assert!(!said.contains("panicked") && !said.contains("error"), "{args:?}: {said}");
    }
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let folder = tempfile::tempdir().unwrap();
    let said = msr(&[&small_run(&folder.path().join("out"))[..], &["-vv"]].concat());
    assert!(said.err.contains("DEBUG") && said.err.contains("INFO"), "-vv says more: {}", said.err);
    assert!(!said.out.contains('\x1b') && !said.err.contains('\x1b') && !said.err.contains('\r'));
    assert!(said.out.contains("MAML-Conv  rank 1 small seed 0"), "{}", said.out);
}

/// A pseudo-terminal, where the system can make one.
#[test]
fn a_narrow_terminal_gets_blocks_and_no_color_takes_the_colour_away() {
    if Command::new("script").arg("--version").output().is_err() {
        println!("SKIPPED: there is no `script` (util-linux) to make a terminal with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let on_terminal = |name: &str, columns: &str, no_color: Option<&str>| {
        let out = folder.path().join(name);
        // Checkouts and temporary folders may have blanks in their names.
        let line = shell_command(&shell_word(env!("CARGO_BIN_EXE_msr")), small_run(&out));
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env("COLUMNS", columns)
            .env("TERM", "xterm")
            .env_remove("CLICOLOR")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null());
        match no_color {
            Some(value) => script.env("NO_COLOR", value),
            None => script.env_remove("NO_COLOR"),
        };
        String::from_utf8_lossy(&script.output().unwrap().stdout).replace("\r\n", "\n")
    };
    let wide = on_terminal("wide", "200", None);
    assert!(wide.contains("| training set | rank |"), "{wide}");
    let narrow = on_terminal("narrow", "30", None);
    assert!(narrow.contains("\ntraining set: small\nrank: 1\nMAML-Conv: "), "{narrow}");
    let plain = on_terminal("plain", "200", Some("1"));
    assert!(plain.contains("| training set | rank |"), "{plain}");
    // Colours are escapes that end in m; those that move the cursor do not.
    let coloured = |said: &str| {
        said.split("\x1b[")
            .skip(1)
            .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
    };
    assert!(coloured(&wide), "the bar of all training runs has a colour: {wide:?}");
    assert!(!coloured(&plain), "{plain:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_says_how_to_continue() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let args =
        ["reproduce", "table1", "--methods", "MAML-LC", "--outer-steps", "100000", "--out", text(&out)];
    let mut child = command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The handler is in place once the second line is there and a training run has begun.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("to continue") {}
    while !out.join("cells").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let expected = format!("stopped; to continue: msr reproduce table1 --resume --out {}", out.display());
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn shells_complete_experiments_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let said = msr(&["completions", shell]);
        assert!(said.ok && said.out.contains("table2") && said.out.contains("outer-steps"), "{shell}");
    }
    assert!(!msr(&["completions", "cmd"]).ok);
}
