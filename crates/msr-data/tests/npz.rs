//! Files of other people's: any name, rank and type of number; labels stay labels.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{Cursor, Write};

use cases::task;
use msr_data::{EpisodeSampler, Error, NpzOptions, NpzProblem, NpzTargets, SamplerConfig, export_npz};
use msr_episodes::{EpisodeSource, Shots, Split, Targets, TaskSource};

mod cases;

/// An archive of arrays: name, type as numpy calls it, shape as Python writes it, data.
fn npz(arrays: &[(&str, &str, &str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, descr, shape, data) in arrays {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        let length = (text.len() as u16).to_le_bytes();
        archive.write_all(&[&b"\x93NUMPY\x01\x00"[..], &length, text.as_bytes(), data].concat()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn doubles(count: u32) -> Vec<u8> {
    (0..count).flat_map(|i| (f64::from(i) / 4.0).to_le_bytes()).collect()
}

fn integers(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn read(arrays: &[(&str, &str, &str, Vec<u8>)]) -> msr_data::Result<NpzProblem> {
    NpzOptions::new().read(&npz(arrays), "file.npz")
}

/// numpy's default is f64: it is read, rounded to what tasks are made of.
#[test]
fn doubles_are_read() {
    let y = [0.1f64, 1e-3, -7.0, 3e38].iter().flat_map(|v| v.to_le_bytes()).collect();
    let problem = read(&[("x", "<f8", "(2, 2, 3)", doubles(12)), ("y", "<f8", "(2, 2, 1)", y)]).unwrap();
    let (x, y) = task(&problem, 1, 2);
    assert_eq!(x, [1.5, 1.75, 2.0, 2.25, 2.5, 2.75]);
    assert_eq!(y, [-7.0, 3e38]);
    // What single precision does not have is not made infinite.
    let large = [0.0, 1e39f64].iter().flat_map(|v| v.to_le_bytes()).collect();
    let message =
        read(&[("x", "<f8", "(1, 2)", large), ("y", "<f8", "(1, 2)", doubles(2))]).unwrap_err().to_string();
    assert!(
        message.contains("file.npz: array `x`: element 1 is 1") && message.contains("too large"),
        "{message}"
    );
}

/// Targets without dimensions of their own, one number for each example.
#[test]
fn scalar_targets_are_values() {
    let x = doubles(200 * 15 * 4);
    let problem = read(&[("x", "<f8", "(200, 15, 4)", x), ("y", "<f8", "(200, 15)", doubles(3000))]).unwrap();
    assert_eq!((problem.output_shape(), problem.has_labels()), (vec![], false));
    assert_eq!(task(&problem, 199, 15).1[14], 2999.0 / 4.0);
    let config = SamplerConfig::new(Split::new(150, 50), Shots { support: 5, query: 10 }, 8, 0);
    let episode = EpisodeSampler::new(problem, config).unwrap().train(0).unwrap();
    assert!(matches!(&episode.query.y, Targets::Values(y) if y.dims() == [8, 10]));
}

/// Integers and booleans, one for each example, are labels all the way to the learner.
#[test]
fn labels_stay_labels() {
    let classes: Vec<i64> = (0..12).map(|i| i % 3).collect();
    let bools = (0..12).map(|i| i % 2).collect();
    let bytes: Vec<u8> = (0..12).map(|i| i % 3).collect();
    for (descr, data) in [("<i8", integers(&classes)), ("|b1", bools), ("|u1", bytes)] {
        let arrays = [("x", "<f4", "(3, 4, 1)", vec![0; 48]), ("y", descr, "(3, 4)", data)];
        let problem = read(&arrays).unwrap();
        assert!(problem.has_labels() && problem.output_shape().is_empty());
        let config = SamplerConfig::new(Split::new(2, 1), Shots { support: 1, query: 3 }, 2, 0);
        let sampler = EpisodeSampler::new(std::sync::Arc::new(problem), config).unwrap();
        let test = sampler.test(0..1).unwrap();
        let (Targets::Labels(support), Targets::Labels(query)) = (&test.support.y, &test.query.y) else {
            panic!("{:?}", test.query.y)
        };
        let mut found =
            [support.to_vec2::<u32>().unwrap().concat(), query.to_vec2().unwrap().concat()].concat();
        found.sort_unstable();
        // The last four of 0, 1, 2, 0, 1, 2, …, and of 0, 1, 0, 1, ….
        assert_eq!(found, if descr == "|b1" { [0, 0, 1, 1] } else { [0, 1, 2, 2] }, "{descr}");
        // Written again, they are integers, and labels when they are read.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("again.npz");
        export_npz(&read(&arrays).unwrap(), 0..3, &path).unwrap();
        let again = NpzProblem::open(&path).unwrap();
        assert!(again.has_labels());
        assert_eq!(task(&again, 2, 4), task(&read(&arrays).unwrap(), 2, 4));
    }
}

/// What the targets are can be said; what is none of it is refused.
#[test]
fn targets_are_what_the_caller_says() {
    let arrays = |descr, y| npz(&[("x", "<f4", "(1, 2, 1)", vec![0; 8]), ("y", descr, "(1, 2)", y)]);
    let with = |targets, bytes: &[u8]| NpzOptions::new().targets(targets).read(bytes, "file.npz");
    let negative = arrays("<i8", integers(&[3, -1]));
    let message = with(NpzTargets::AsStored, &negative).unwrap_err().to_string();
    assert!(
        message.contains("element 1 of task 0 is -1") && message.contains("NpzTargets::Values"),
        "{message}"
    );
    let values = with(NpzTargets::Values, &negative).unwrap();
    assert_eq!((task(&values, 0, 2).1, values.has_labels()), (vec![3.0, -1.0], false));
    let floats = |v: [f32; 2]| arrays("<f4", v.iter().flat_map(|v| v.to_le_bytes()).collect());
    assert!(with(NpzTargets::Labels, &floats([1.0, 2.0])).unwrap().has_labels());
    assert!(matches!(with(NpzTargets::Labels, &floats([1.0, 2.5])), Err(Error::Label { .. })));
    let rank = npz(&[("x", "<f4", "(1, 2)", vec![0; 8]), ("y", "<f4", "(1, 2, 1)", vec![0; 8])]);
    assert!(matches!(with(NpzTargets::Labels, &rank), Err(Error::ArrayShape { .. })));
    // An identity that a float32 would change is not a label.
    let large = arrays("<i8", integers(&[0, (1 << 24) + 1]));
    assert!(with(NpzTargets::AsStored, &large).unwrap_err().to_string().contains("16777217"));
}

/// Arrays by any name, from memory and from the file.
#[test]
fn arrays_have_any_name() {
    let data: Vec<u8> = (0..12u16).flat_map(|v| v.to_be_bytes()).collect();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["images", "angles", "truth"] {
        let text = "{\"descr\": \">u2\", \"fortran_order\": False, \"shape\": (3L, 2L, 2L)}\n";
        let stored = zip::CompressionMethod::Stored;
        let options: zip::write::FileOptions<'_, '_, ()> =
            zip::write::FileOptions::default().compression_method(stored);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        let length = (text.len() as u16).to_le_bytes();
        archive.write_all(&[&b"\x93NUMPY\x01\x00"[..], &length, text.as_bytes(), &data].concat()).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.npz");
    std::fs::write(&path, &bytes).unwrap();
    let options = NpzOptions::new().x("images").y("angles").w("truth");
    for problem in
        [options.open(&path), options.clone().in_memory(0).open(&path), options.read(&bytes, "named")]
    {
        let problem = problem.unwrap();
        assert_eq!(task(&problem, 2, 2), (vec![8., 9., 10., 11.], vec![8., 9., 10., 11.]));
        assert_eq!(problem.true_weights(1).unwrap(), Some((vec![2, 2], vec![4., 5., 6., 7.])));
    }
    let message = NpzProblem::open(&path).unwrap_err().to_string();
    assert!(
        message.contains("named.npz") && message.contains("`x`") && message.contains("`angles`"),
        "{message}"
    );
}

/// An export replaces files, and nothing else.
#[cfg(unix)]
#[test]
fn an_export_does_not_replace_devices_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, link, file) =
        (folder.path().join("pipe"), folder.path().join("link"), folder.path().join("file"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let problem = msr_data::RankK::new(1, 0).unwrap();
    let message = export_npz(&problem, 0..1, &pipe).unwrap_err().to_string();
    assert!(message.contains("a pipe, not a regular file"), "{message}");
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    export_npz(&problem, 0..1, &link).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(NpzProblem::open(&file).unwrap().tasks(), Some(1));
}
