//! What `msr discover --check` says of columns, and of data that keep a symmetry from being seen.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;

use command::{command, numbers, text};

mod command;

/// A table of twenty robots, five rows each, with these columns for `force_2`.
fn table(force: impl Fn(f64, f64, usize) -> f64) -> String {
    let mut next = numbers(5);
    let mut text = String::from("robot,when,force_L,force_R,disp_L,disp_R\n");
    for row in 0..100 {
        let [a, b, c, d] = [next(), next(), next(), next()];
        let _ = writeln!(text, "r{},{row},{a},{},{c},{d}", row / 5, force(a, b, row));
    }
    text
}

fn check(table: &str, flags: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("robots.csv");
    std::fs::write(&path, table).unwrap();
    let output = command().args(["discover", text(&path), "--check"]).args(flags).output().unwrap();
    let words = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), words(output.stdout), words(output.stderr))
}

/// What is written for the force on the right, of that on the left, another number, and the row.
type Force = fn(f64, f64, usize) -> f64;

const FLAGS: [&str; 6] = ["--task", "robot", "--x", "force_*", "--y", "disp_*"];

#[test]
fn check_says_what_each_column_is() {
    let good = table(|_, b, _| b);
    let (code, out, err) = check(&good, &FLAGS);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let lines =
        ["inputs    force_L, force_R", "outputs   disp_L, disp_R", "tasks     robot", "left out  when"];
    assert!(lines.iter().all(|line| out.contains(line)), "{out}");

    let (code, out, err) = check(&good, &[&FLAGS[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &json["inputs"][1], &json["task_column"]),
        (Some(0), &"force_R".into(), &"robot".into())
    );
    assert_eq!((&json["left_out"][0], &json["tasks"]), (&"when".into(), &20.into()));
    let [least, most] = ["least_seconds", "most_seconds"].map(|name| json[name].as_f64().unwrap());
    assert!(0.0 < least && least <= most && err.contains("left out  when"), "{err}");
}

#[test]
fn a_column_has_one_use() {
    let good = table(|_, b, _| b);
    for (flags, words) in [
        (&["--x", "force_L..disp_L", "--y", "disp_*"][..], "the column `disp_L` is in --x and in --y"),
        (&["--x", "force_L..disp_R", "--y", "disp_*"], "the columns disp_L, disp_R are in --x and in --y"),
        (&["--x", "robot..force_R", "--y", "disp_*"], "the column `robot` is in --task-column and in --x"),
        (&["--y", "disp_*"], "for example --x 'force_*'"),
        (&[], "for example --x 'force_*' --y 'disp_*'"),
    ] {
        let (code, out, err) = check(&good, &[&FLAGS[..2], flags].concat());
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{err}");
        assert!(err.contains(words), "{err}");
    }
}

/// Each robot once more, under another name.
#[test]
fn examples_that_are_there_twice_are_warned_of() {
    let good = table(|_, b, _| b);
    let rows: Vec<&str> = good.lines().skip(1).collect();
    let copies: String = rows.iter().map(|row| format!("copy of {row}\n")).collect();
    let (code, _, err) = check(&format!("{good}{copies}"), &FLAGS);
    let words = "warning: 200 of 200 examples occur twice or more, 200 of them in several tasks: tasks that share examples bias";
    assert_eq!((code, err.lines().count()), (Some(0), 1), "{err}");
    assert!(err.starts_with(words), "{err}");
}

#[test]
fn data_that_hide_a_symmetry_are_warned_of() {
    let odd: [(&str, Force); 4] = [
        ("the input `force_R` never changes", |_, _, _| 2.0),
        ("the inputs `force_L` and `force_R` are the same", |a, _, _| 2.0 * a),
        ("the spreads of the inputs differ", |_, b, _| 100.0 * b),
        ("the input `force_R` is 1000000 in task `r3`", |_, b, row| if row == 17 { 1e6 } else { b }),
    ];
    for (words, force) in odd {
        let (code, _, err) = check(&table(force), &FLAGS);
        assert_eq!((code, err.lines().count()), (Some(0), 1), "{err}");
        assert!(err.starts_with(&format!("warning: {words}")), "{err}");
        let (_, out, _) = check(&table(force), &[&FLAGS[..], &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(json["warnings"][0].as_str().unwrap().starts_with(words), "{json}");
    }
}

/// Sixty tasks of two sensors that are exchanged with their outputs, and two that nothing depends
/// on.
#[test]
fn inputs_without_effect_are_called_by_their_names() {
    let mut next = numbers(9);
    let mut table = String::from("run,in_left,in_right,in_clock,in_battery,out_left,out_right\n");
    for run in 0..60 {
        let [own, other] = [next(), next()];
        for _ in 0..16 {
            let [l, r, c, b] = [next(), next(), next(), next()];
            let _ = writeln!(table, "{run},{l},{r},{c},{b},{},{}", own * l + other * r, own * r + other * l);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sensors.csv");
    std::fs::write(&path, table).unwrap();
    let flags = ["--task-column", "run", "--x", "in_*", "--y", "out_*", "--json"];
    let output = command().args(["discover", text(&path)]).args(flags).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("inputs in_clock and in_battery have next to no effect on the outputs"), "{said}");
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(found["without_effect"], serde_json::json!([2, 3]), "{said}");
}
