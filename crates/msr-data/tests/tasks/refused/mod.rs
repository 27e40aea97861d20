//! Damaged and odd files, and options that do not fit: each gets one line that names the file and
//! says what to do.

mod arrays;
mod parquet;
mod paths;
mod text;

use std::path::PathBuf;

use msr_data::tasks::{TaskOptions, TasksFrom, parse_shape, read_tasks};

use crate::make::{Folder, TWO_TASKS};

/// A file (or a folder) by its name, and words of the message.
struct Case {
    name: &'static str,
    file: &'static str,
    bytes: Vec<u8>,
    options: TaskOptions,
    words: &'static [&'static str],
}

fn case(
    name: &'static str,
    file: &'static str,
    bytes: impl Into<Vec<u8>>,
    options: TaskOptions,
    words: &'static [&'static str],
) -> Case {
    Case { name, file, bytes: bytes.into(), options, words }
}

fn plain() -> TaskOptions {
    TaskOptions::default()
}

fn with(x: &str, y: &str, column: &str) -> TaskOptions {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
    TaskOptions { x: some(x), y: some(y), task_column: some(column), ..plain() }
}

fn from(from: TasksFrom) -> TaskOptions {
    TaskOptions { tasks_from: Some(from), ..plain() }
}

fn refused(folder: &Folder, name: &str, paths: &[PathBuf], options: &TaskOptions, words: &[&str]) {
    let problem = match read_tasks(paths, options) {
        Ok(data) => panic!("{name}: was read as {data:?}"),
        Err(problem) => problem.to_string(),
    };
    println!("{name}: {}", problem.replace(&folder.path().display().to_string(), "…"));
    assert!(!problem.contains(['\n', '\r']), "{name}: {problem:?} has several lines");
    let folder = folder.path().display().to_string();
    assert!(problem.contains(&folder) || paths.is_empty(), "{name}: {problem} names no file");
    for word in words {
        assert!(problem.contains(word), "{name}: {problem} does not say `{word}`");
    }
    assert!(problem.len() < 1_000, "{name}: {problem} is long");
}

#[test]
fn files_that_are_damaged_or_odd() {
    let mut count = 0;
    for (kind, cases) in
        [("text", text::texts()), ("arrays", arrays::arrays()), ("parquet", parquet::parquets())]
    {
        for case in cases {
            let folder = Folder::new();
            let path = folder.file(case.file, &case.bytes);
            refused(&folder, &format!("{kind}, {}", case.name), &[path], &case.options, case.words);
            count += 1;
        }
    }
    assert!(count > 100, "{count} cases");
}

/// Where nothing is read, no file is named.
#[test]
fn options_that_cannot_be_meant() {
    let folder = Folder::new();
    let path = folder.file("t.csv", TWO_TASKS);
    let shape = |shape| TaskOptions { input_shape: Some(shape), ..plain() };
    let both = TaskOptions { task_column: Some("task".into()), ..from(TasksFrom::Labels) };
    let classes = TaskOptions { classes: true, ..from(TasksFrom::Outputs) };
    for (options, words) in [
        (both, "one of them"),
        (classes, "--tasks-from labels"),
        (shape(vec![0, 2]), "--shape"),
        (shape(vec![]), "--shape"),
        (shape(vec![usize::MAX, 2]), "--shape"),
        (with(" ", "y", ""), "--x is empty"),
    ] {
        let problem = read_tasks(std::slice::from_ref(&path), &options).unwrap_err().to_string();
        assert!(problem.contains(words) && !problem.contains('\n'), "{problem}");
    }
    for text in ["", "4x", "x4", "0x4", "4x-1", "4.5", "99999999999999999999999"] {
        assert!(parse_shape(text).is_err(), "{text}");
    }
    assert_eq!(parse_shape("2 x 3X4").unwrap(), [2, 3, 4]);
    for text in ["", "columns", "column", "column:", "column ", "Labels"] {
        assert!(text.parse::<TasksFrom>().is_err(), "{text}");
    }
    for text in ["column:who", "column who", "column=who"] {
        assert_eq!(text.parse::<TasksFrom>().unwrap(), TasksFrom::Column("who".into()));
    }
}
