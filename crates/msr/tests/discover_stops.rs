//! `msr discover` that is stopped says what was kept, and goes on from there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use command::{command, numbers, text};

mod command;

/// Tasks on a ring of four points.
fn ring(path: &Path) {
    let mut next = numbers(3);
    let mut table = String::from("task,north,east,south,west,y0,y1,y2,y3\n");
    for task in 0..60 {
        let own: Vec<f64> = (0..4).map(|_| next()).collect();
        for _ in 0..10 {
            let x: Vec<f64> = (0..4).map(|_| next()).collect();
            let y = |i: usize| (0..4).map(|j| own[(j + 4 - i) % 4] * x[j]).sum::<f64>();
            let _ = write!(table, "{task},{},{},{},{}", x[0], x[1], x[2], x[3]);
            let _ = writeln!(table, ",{},{},{},{}", y(0), y(1), y(2), y(3));
        }
    }
    std::fs::write(path, table).unwrap();
}

/// Starts it, and sends Ctrl-C once a line on stderr begins so: the code, and the rest of stderr.
fn stopped(args: &[&str], after: &str) -> (Option<i32>, String) {
    let mut command = command();
    command.arg("discover").args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with(after) {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended before `{after}`");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    (child.wait().unwrap().code(), rest)
}

#[test]
fn ctrl_c_says_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("ring.csv"), folder.path().join("out"));
    ring(&data);
    let args = [text(&data), "--x", "north..west", "--out", text(&out), "--budget=20s"];
    let (code, said) = stopped(&args, "finding");
    assert_eq!((code, said.trim().lines().count()), (Some(130), 1), "{said}");
    assert!(said.contains("nothing was kept yet; the same command begins again"), "{said}");
    let (code, said) = stopped(&args[..3], "finding");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("nothing is kept without --out"), "{said}");

    // The verdict is there before anything is compared with it.
    let (code, said) = stopped(&args, "comparing");
    assert_eq!((code, said.trim().lines().count()), (Some(130), 1), "{said}");
    assert!(said.contains("the verdict is kept in") && said.contains("to continue: msr discover"), "{said}");
    assert!(out.join("verdict.json").is_file() && !out.join("report.html").exists());
    let again = command().arg("discover").args(args).arg("--resume").output().unwrap();
    let (words, err) = (String::from_utf8(again.stdout).unwrap(), String::from_utf8(again.stderr).unwrap());
    assert_eq!(again.status.code(), Some(0), "{words}{err}");
    assert!(err.starts_with("comparing") && out.join("report.html").is_file(), "{err}");
    for part in ["C_4, order 4", "north → east → south → west → north", "report is in", "a layer with it"]
    {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn the_help_says_130() {
    let help = command().args(["discover", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("130 Ctrl-C stopped it, and --resume goes on"), "{help}");
}
