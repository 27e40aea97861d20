//! Parquet files that pyarrow and pandas wrote, with every compression and type.

use std::path::PathBuf;

use msr_data::tasks::{TaskData, TaskOptions, read_tasks, survey};

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", "tasks", name].iter().collect()
}

fn read(name: &str) -> TaskData {
    read_tasks(&[golden(name)], &TaskOptions::default()).unwrap()
}

/// Rows of a task, by what they hold.
fn rows(tasks: &TaskData, of: impl Fn(usize) -> (&'static str, Vec<f64>, Vec<f64>)) {
    let mut right: Vec<(&str, Vec<f64>, Vec<f64>)> = Vec::new();
    for row in 0..40 {
        let (name, x, y) = of(row);
        match right.iter_mut().find(|(other, ..)| *other == name) {
            Some((_, all_x, all_y)) => {
                all_x.extend(x);
                all_y.extend(y);
            }
            None => right.push((name, x, y)),
        }
    }
    right.sort_by_key(|(name, ..)| *name);
    let found: Vec<(&str, Vec<f64>, Vec<f64>)> =
        tasks.tasks.iter().map(|task| (task.name.as_str(), task.x.clone(), task.y.clone())).collect();
    assert_eq!(found, right);
}

#[test]
fn every_compression_is_read() {
    let names = ["snappy", "gzip", "zstd", "brotli", "lz4", "none", "pages-v2", "pandas"];
    for name in names.map(|name| format!("{name}.parquet")) {
        println!("{name}");
        rows(&read(&name), |row| {
            let task = if row % 3 == 0 { "first" } else { "second" };
            (task, vec![row as f64 * 0.25 - 3.0, (row % 7) as f64 - 2.0], vec![row as f64 / 8.0])
        });
        let found = survey(&[golden(&name)], &TaskOptions::default()).unwrap();
        assert_eq!((found.examples, found.inputs, found.outputs, found.numbers), (40, 2, 1, 120));
    }
}

#[test]
fn every_type_is_read() {
    let tasks = read("typed.parquet");
    assert_eq!(tasks.input_names[8..], ["x_d128", "x_list[0]", "x_list[1]"]);
    assert_eq!(tasks.output_names, ["y_fixed[0]", "y_fixed[1]", "y_fixed[2]"]);
    rows(&tasks, |row| {
        let i = row as f64;
        let x = vec![
            if row % 2 == 0 { 1.0 } else { 0.0 },
            i - 20.0,
            65_535.0 - i,
            4_294_967_295.0 - i,
            i + 1_099_511_627_776.0,
            i / 4.0,
            i / 4.0,
            format!("{:.2}", i / 100.0 - 1.0).parse().unwrap(),
            format!("{:.3}", i / 1000.0 - 7.0).parse().unwrap(),
            i,
            -i,
        ];
        (if row % 3 == 0 { "1" } else { "0" }, x, vec![i, 2.0, 3.0])
    });
}

#[test]
fn what_is_no_number_is_refused() {
    for (name, words) in [
        ("times.odd", "column `x0`: it holds dates or times"),
        ("null.odd", "row 22, column `x0`: found nothing (null)"),
        ("ragged.odd", "row 22, column `x0`: found a list of 3 values"),
        ("null-in-a-list.odd", "row 22, column `x0`: found nothing (null)"),
    ] {
        let problem = read_tasks(&[golden(name)], &TaskOptions::default()).unwrap_err().to_string();
        assert!(problem.contains(words), "{problem}");
    }
}
