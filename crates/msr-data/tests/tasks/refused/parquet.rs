//! Parquet files.

use msr_data::tasks::TaskOptions;

use super::{Case, case, plain, with};
use crate::make::{Column, TWO_TASKS, Writing, parquet, two_tasks};

pub fn parquets() -> Vec<Case> {
    let written = |columns: &[(&str, Column)]| parquet(columns, Writing::default());
    let good = || written(&two_tasks());
    let cut = |at: usize| good()[..at].to_vec();
    let length = good().len();
    let footer = u32::from_le_bytes(good()[length - 8..length - 4].try_into().unwrap()) as usize;
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = good();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let replaced = |at: usize, column: Column| {
        let mut columns = two_tasks();
        columns[at].1 = column;
        written(&columns)
    };
    let whole = 1 << 60 | 1;
    vec![
        case("empty", "t.parquet", "", plain(), &["empty"]),
        case("only its magic", "t.parquet", "PAR1", plain(), &["ends too early"]),
        case("twice its magic", "t.parquet", "PAR1PAR1", plain(), &["ends too early", "again"]),
        case("text", "t.parquet", TWO_TASKS, plain(), &["no Parquet file"]),
        case("encrypted", "t.parquet", "PARE", plain(), &["encrypted"]),
        case("cut in its pages", "t.parquet", cut(60), plain(), &["ends too early"]),
        case("cut in its footer", "t.parquet", cut(length - footer), plain(), &["ends too early"]),
        case("cut at its end", "t.parquet", cut(length - 1), plain(), &["ends too early"]),
        case(
            "a footer of gigabytes",
            "t.parquet",
            changed(length - 8, &[0xff; 4]),
            plain(),
            &["footer claims"],
        ),
        case("a footer of zeros", "t.parquet", changed(length - footer, &[0; 40]), plain(), &["footer"]),
        case(
            "flipped bytes in the footer",
            "t.parquet",
            changed(length - footer + 2, &[0xff; 8]),
            plain(),
            &["again"],
        ),
        case("pages of zeros", "t.parquet", changed(4, &[0; 40]), plain(), &["column `", "again"]),
        case(
            "no rows",
            "t.parquet",
            written(&[
                ("task", Column::Text(vec![])),
                ("x0", Column::F64(vec![])),
                ("y", Column::F64(vec![])),
            ]),
            plain(),
            &["no rows"],
        ),
        case(
            "nulls",
            "t.parquet",
            replaced(3, Column::Maybe(vec![Some(1.0), Some(2.0), None, Some(3.0), None])),
            plain(),
            &["row 3, column `y`", "null"],
        ),
        case(
            "text among inputs",
            "t.parquet",
            replaced(1, Column::Text(vec!["low"; 5])),
            plain(),
            &["row 1, column `x0`", "`low`"],
        ),
        case(
            "NaN",
            "t.parquet",
            replaced(1, Column::F64(vec![1.0, 2.0, f64::NAN, 4.0, 5.0])),
            plain(),
            &["row 3, column `x0`", "NaN"],
        ),
        case(
            "an integer that is too large",
            "t.parquet",
            replaced(1, Column::I64(vec![0, whole, 0, 0, 0])),
            plain(),
            &["row 2", "1152921504606846977", "53 bits"],
        ),
        case(
            "no task",
            "t.parquet",
            replaced(0, Column::Text(vec!["a", "b", "", "a", "b"])),
            plain(),
            &["row 3, column `task`"],
        ),
        case("no tasks", "t.parquet", written(&two_tasks()[1..]), plain(), &["--task-column"]),
        case("limit", "t.parquet", good(), TaskOptions { most_numbers: 14, ..plain() }, &["15 numbers"]),
        case("a column that is missing", "t.parquet", good(), with("x0,x9", "", ""), &["no column `x9`"]),
    ]
}
