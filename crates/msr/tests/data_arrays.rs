//! Files of other people's in place of the generator: any names of arrays, any type of number.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{Cursor, Write};
use std::path::Path;

use command::{msr, refuses, text};
use msr_episodes::TaskSource;

mod command;

/// Sixty tasks of rank 1 as numpy's default writes them: doubles, under names of their own, with
/// outputs that are integers where asked for.
fn write(path: &Path, integers: bool) {
    let problem = msr_data::RankK::new(1, 0).unwrap();
    let (tasks, examples) = (60, problem.examples());
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for task in 0..tasks {
        let inputs = problem.input_shape().iter().product::<usize>();
        let outputs = problem.output_shape().iter().product::<usize>();
        let mut of_task = (vec![0f32; inputs * examples], vec![0f32; outputs * examples]);
        problem.fill(task, &mut of_task.0, &mut of_task.1).unwrap();
        x.extend(of_task.0.iter().flat_map(|&v| f64::from(v).to_le_bytes()));
        y.extend(of_task.1.iter().flat_map(|&v| match integers {
            true => (v.round() as i64).to_le_bytes(),
            false => f64::from(v).to_le_bytes(),
        }));
    }
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
    let arrays = [
        ("inputs", "<f8", problem.input_shape(), x),
        ("outputs", if integers { "<i8" } else { "<f8" }, problem.output_shape(), y),
    ];
    for (name, descr, shape, data) in arrays {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        let shape = [&[tasks, examples], &shape[..]].concat();
        archive.write_all(&msr_files::npy_header(descr, &shape)).unwrap();
        archive.write_all(&data).unwrap();
    }
    std::fs::write(path, archive.finish().unwrap().into_inner()).unwrap();
}

#[test]
fn arrays_of_any_name_and_type_train_and_a_run_keeps_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rank1.npz");
    let small = ["--ranks", "1", "--sets", "small", "--methods", "maml-conv", "--outer-steps", "2"];
    let begin = ["reproduce", "table1", "--data", text(folder.path())];
    let names = ["--x", "inputs", "--y", "outputs"];
    for integers in [false, true] {
        write(&file, integers);
        let out = folder.path().join(format!("out {integers}"));
        let to = ["--out", text(&out)];
        refuses(&[&begin[..], &small, &to].concat(), &["`inputs`, `outputs`", "--x and --y"]);
        assert!(!out.exists());
        let said = msr(&[&begin[..], &small, &names, &to].concat());
        assert!(said.ok, "{}", said.err);
        std::fs::remove_file(out.join("cells/MAML-Conv-rank1-small-seed0/result.json")).unwrap();
        let again = msr(&[&["reproduce", "table1", "--resume"][..], &to].concat());
        assert!(again.ok, "the data is found again: {}", again.err);
    }
}
