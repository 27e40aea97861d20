//! Generators, episodes and files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cases::task;
use msr_data::{
    EpisodeSampler, Error, NpzProblem, RankK, SamplerConfig, SteerableConv, SteerableConvConfig, export_npz,
};
use msr_episodes::{Episode, EpisodeSource, Shots, Split, TaskSource};
use msr_groups::PlaneGroup;

mod cases;

const LARGE: Shots = Shots { support: 1, query: 19 };

#[test]
fn the_same_seed_gives_the_same_bits_in_any_order() {
    for rank in [1, 2, 5] {
        let (a, b) = (RankK::new(rank, 3).unwrap(), RankK::new(rank, 3).unwrap());
        let late = task(&a, 9_999, 20);
        task(&b, 17, 20);
        assert_eq!(late, task(&b, 9_999, 20));
        // Fewer examples are a prefix of more.
        assert_eq!(task(&a, 4, 2).0, task(&a, 4, 20).0[..140]);
        assert_ne!(late, task(&RankK::new(rank, 4).unwrap(), 9_999, 20));
        assert_ne!(late, task(&a, 9_998, 20));
    }
}

/// The first numbers of the generator: a change of any of them would change the published table.
/// (Rank one: other ranks go through the exponential function of the system's library, which may
/// round otherwise.)
#[test]
fn the_bits_are_pinned() {
    let (x, y) = task(&RankK::new(1, 0).unwrap(), 0, 20);
    let hash = x
        .iter()
        .chain(&y)
        .fold(0xcbf2_9ce4_8422_2325u64, |h, v| (h ^ u64::from(v.to_bits())).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(hash, PINNED, "first inputs {:?}", &x[..3]);
}
const PINNED: u64 = 17_924_194_856_753_006_180;

#[test]
fn filters_have_the_rank_and_the_moments_of_the_definition() {
    for rank in [1usize, 2, 5] {
        let problem = RankK::new(rank, 0).unwrap();
        // All tasks together: the 68 × (3 · tasks) matrix of filters has rank `rank`, so row `rank`
        // and later ones are combinations of the first ones. Gaussian elimination tells.
        let tasks = 20;
        let mut rows: Vec<Vec<f64>> = vec![Vec::new(); 68];
        for t in 0..tasks {
            for (row, w) in rows.iter_mut().zip(problem.filters(t)) {
                row.extend(w.map(f64::from));
            }
        }
        let mut found = 0;
        while let Some(pivot) = rows.iter().position(|r| r.iter().any(|v| v.abs() > 1e-4)) {
            let pivot_row = rows.swap_remove(pivot);
            let column = (0..pivot_row.len())
                .max_by(|&a, &b| pivot_row[a].abs().total_cmp(&pivot_row[b].abs()))
                .unwrap();
            for row in &mut rows {
                let factor = row[column] / pivot_row[column];
                row.iter_mut().zip(&pivot_row).for_each(|(v, p)| *v -= factor * p);
            }
            found += 1;
        }
        assert_eq!(found, rank);
    }
    let problem = RankK::new(5, 0).unwrap();
    let (mut sum, mut square, mut count) = (0.0, 0.0, 0.0);
    for t in 0..50 {
        for v in task(&problem, t, 20).0 {
            sum += f64::from(v);
            square += f64::from(v) * f64::from(v);
            count += 1.0;
        }
    }
    assert!((sum / count).abs() < 0.02 && (square / count - 1.0).abs() < 0.02);
    assert!(RankK::new(0, 0).is_err() && RankK::new(69, 0).is_err());
    assert!(problem.fill(0, &mut [0.; 70], &mut [0.; 67]).is_err());
}

fn sampler(train: Shots, meta_batch: usize) -> msr_data::Result<EpisodeSampler> {
    let config = SamplerConfig::new(Split::four_fifths(100), LARGE, meta_batch, 7);
    EpisodeSampler::new(Arc::new(RankK::new(1, 0)?), SamplerConfig { train, ..config })
}

#[test]
fn episodes_are_reproducible_and_do_not_leak() {
    let problem = RankK::new(1, 0).unwrap();
    let large = sampler(LARGE, 32).unwrap();
    let bits = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (a, b): (Episode, Episode) = (large.train(3).unwrap(), large.train(3).unwrap());
    assert_eq!((a.tasks.clone(), bits(&a.query.x)), (b.tasks, bits(&b.query.x)));
    assert_ne!(a.tasks, large.train(4).unwrap().tasks);
    let mut unique = a.tasks.clone();
    unique.sort_unstable();
    unique.dedup();
    assert!(unique.len() == 32 && unique.iter().all(|&t| t < 80));
    assert_eq!(large.held_out(), 20);
    let test = large.test(0..20).unwrap();
    assert_eq!(test.tasks, (80..100).collect::<Vec<_>>());
    // Support and query together are exactly the examples of the task.
    let mut all = [bits(&test.support.x.get(5).unwrap()), bits(&test.query.x.get(5).unwrap())].concat();
    let mut truth = task(&problem, 85, 20).0;
    all.sort_by(f32::total_cmp);
    truth.sort_by(f32::total_cmp);
    assert_eq!(all, truth);
    // Small sets use the first two examples only.
    let small = sampler(Shots { support: 1, query: 1 }, 32).unwrap().train(3).unwrap();
    let (first, _) = task(&problem, small.tasks[0], 2);
    let mut both = [bits(&small.support.x.get(0).unwrap()), bits(&small.query.x.get(0).unwrap())];
    both.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut truth = [first[..70].to_vec(), first[70..].to_vec()];
    truth.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert_eq!(both, truth);
}

#[test]
fn too_few_tasks_or_examples_are_errors() {
    use msr_episodes::Error::{EmptyMetaBatch, NoExamples, TooFewExamples, TooFewTasks};
    let none = |meta_batch| matches!(sampler(LARGE, meta_batch), Err(Error::Episodes(TooFewTasks { .. })));
    assert!(none(81) && !none(80));
    let error = sampler(LARGE, 0).unwrap_err();
    assert!(error.to_string().ends_with(": a meta-batch needs at least one task"), "{error}");
    assert!(matches!(error, Error::Episodes(EmptyMetaBatch { .. })));
    let test = |tasks| matches!(sampler(LARGE, 1).unwrap().test(tasks), Err(TooFewTasks { .. }));
    assert!(test(18..21) && test(3..3) && !test(18..20));
    let refused = |support, query| sampler(Shots { support, query }, 1).unwrap_err();
    for (support, query) in [(usize::MAX, 2), (1 << 60, 2), (20, 1)] {
        assert!(matches!(refused(support, query), Error::Episodes(TooFewExamples { .. })));
    }
    for (support, query) in [(0, 5), (2, 0), (0, 0)] {
        let error = refused(support, query);
        let expected = format!("at least one support and one query example, got {support} and {query}");
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert!(matches!(error, Error::Episodes(NoExamples { .. })));
    }
    let error = refused(2, 19).to_string();
    let expected = "2 support and 19 query examples needs as many per task, but there are 20";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_exported_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rank5.npz");
    let problem = RankK::new(5, 1).unwrap();
    export_npz(&problem, 0..6, &path).unwrap();
    let read = Arc::new(NpzProblem::open(&path).unwrap());
    assert_eq!((read.tasks(), read.examples()), (Some(6), 20));
    for t in 0..6 {
        assert_eq!(task(read.as_ref(), t, 20), task(&problem, t, 20));
    }
    let config = SamplerConfig::new(Split::new(5, 2), LARGE, 1, 0);
    assert!(EpisodeSampler::new(read, config).is_err());
    // candle's reader, an independent one, sees the same arrays.
    let w = candle_core::Tensor::read_npz_by_name(&path, &["w"]).unwrap().remove(0);
    assert_eq!(w.dims(), [6, 1, 1, 1, 68, 3]);
    assert_eq!(
        w.get(2).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        problem.filters(2).concat()
    );
    assert!(export_npz(&problem, 0..1, folder.path().join("no/such/folder.npz")).is_err());
    assert!(export_npz(&problem, 3..3, &path).is_err());
    // A file that was read can be written again, whole.
    let copy = folder.path().join("copy.npz");
    export_npz(&NpzProblem::open(&path).unwrap(), 0..6, &copy).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&copy).unwrap());
    std::fs::remove_file(copy).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

/// Arrays that are too large for memory are read task by task, whole and in part, by several
/// threads, and say which task is damaged.
#[test]
fn large_arrays_stay_in_the_file() {
    let files = Files(tempfile::tempdir().unwrap());
    let path = files.0.path().join("c4.npz");
    let problem = SteerableConv::new(SteerableConvConfig::new(PlaneGroup::Rotations(4), 1)).unwrap();
    export_npz(&problem, 0..5, &path).unwrap();
    let (memory, file) = (NpzProblem::open(&path).unwrap(), NpzProblem::open_with(&path, 0).unwrap());
    std::thread::scope(|scope| {
        for t in [4, 0, 3, 3, 1, 2] {
            let (memory, file, problem) = (&memory, &file, &problem);
            scope.spawn(move || {
                for examples in [20, 3] {
                    assert_eq!(task(file, t, examples), task(memory, t, examples));
                    assert_eq!(task(file, t, examples), task(problem, t, examples));
                }
                assert_eq!(file.true_weights(t).unwrap(), problem.true_weights(t).unwrap());
            });
        }
    });
    let outputs = file.output_shape().iter().product();
    let message = file.fill(5, &mut [0.0; 1024], &mut vec![0.0; outputs]).unwrap_err().to_string();
    assert!(message.contains("task 5"), "{message}");
    let array = |x: &[f32]| npy("<f4", "False", "(2, 2, 1, 1)", &floats(x));
    let good = array(&[1., 2., 3., 4.]);
    let nan = files.0.path().join("nan.npz");
    // A stored file: the helper compresses.
    export_npz(
        &NpzProblem::open(files.npz("g.npz", &[("x", good.clone()), ("y", good)])).unwrap(),
        0..2,
        &nan,
    )
    .unwrap();
    let mut bytes = std::fs::read(&nan).unwrap();
    let at = bytes.windows(16).position(|w| w == floats(&[1., 2., 3., 4.])).unwrap();
    bytes[at + 12..at + 16].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&nan, bytes).unwrap();
    let damaged = NpzProblem::open_with(&nan, 0).unwrap();
    assert_eq!(task(&damaged, 0, 2).0, [1., 2.]);
    let message = damaged.fill(1, &mut [0.0; 2], &mut [0.0; 2]).unwrap_err().to_string();
    assert!(message.contains("`x`") && message.contains("task 1") && message.contains("NaN"), "{message}");
    assert!(damaged.fill(1, &mut [0.0; 1], &mut [0.0; 1]).is_ok(), "the first example of that task is whole");
}

/// A real file of the authors: our reading of it obeys their definition, y = w ⋆ x.
#[test]
fn the_authors_file_is_read() {
    let Some(path) = msr_testkit::shared("reference/authors_npz/rank2_first200.npz") else { return };
    let problem = NpzProblem::open(&path).unwrap();
    assert_eq!((problem.tasks(), problem.examples()), (Some(200), 20));
    assert_eq!((problem.input_shape(), problem.output_shape()), (vec![1, 70], vec![1, 68]));
    let w = candle_core::Tensor::read_npz_by_name(&path, &["w"]).unwrap().remove(0);
    for t in [0, 1, 199] {
        let w = w.get(t).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (x, y) = task(&problem, t, 20);
        for (x, y) in x.chunks(70).zip(y.chunks(68)) {
            for (i, y) in y.iter().enumerate() {
                let expected: f32 = (0..3).map(|j| w[3 * i + j] * x[i + j]).sum();
                assert!((y - expected).abs() < 1e-5);
            }
        }
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn raw(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn npz(&self, name: &str, arrays: &[(&str, Vec<u8>)]) -> PathBuf {
        let path = self.0.path().join(name);
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (array, bytes) in arrays {
            let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
            zip.start_file(format!("{array}.npy"), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().stream_position().unwrap();
        path
    }
}

fn npy(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Every malformed file gives a typed error that names the file, the array and what was expected.
#[test]
fn malformed_files_are_typed_errors() {
    let files = Files(tempfile::tempdir().unwrap());
    let good = || npy("<f4", "False", "(2, 2, 1, 1)", &floats(&[1., 2., 3., 4.]));
    let says = |path: &Path, words: &[&str]| {
        let message = NpzProblem::open(path).unwrap_err().to_string();
        for word in [&[path.file_name().unwrap().to_str().unwrap()], words].concat() {
            assert!(message.contains(word), "`{message}` does not say `{word}`");
        }
    };
    assert!(NpzProblem::open(files.npz("good.npz", &[("x", good()), ("y", good())])).is_ok());
    says(Path::new("/nowhere/x.npz"), &["No such file"]);
    says(&files.raw("text.npz", b"hello"), &["not a readable .npz"]);
    says(&files.raw("empty.npz", b""), &["not a readable .npz"]);
    says(&files.npz("no_y.npz", &[("x", good()), ("z", good())]), &["no array `y`", "`z`"]);
    let pair = |name: &str, x: Vec<u8>| files.npz(name, &[("x", x), ("y", good())]);
    let data = floats(&[1., 2., 3., 4.]);
    says(&pair("f64.npz", npy("<f8", "False", "(2, 2, 1, 1)", &data)), &["`x`", "needs more than"]);
    says(&pair("c8.npz", npy("<c8", "False", "(2, 1, 1, 1)", &data)), &["`x`", "complex", "'<c8'"]);
    says(&pair("flat.npz", npy("<f4", "False", "(4,)", &data)), &["`x`", "(tasks, examples"]);
    says(&pair("zero.npz", npy("<f4", "False", "(2, 0, 1)", &[])), &["`x`", "none of them zero"]);
    says(&pair("short.npz", npy("<f4", "False", "(2, 2, 1, 2)", &data)), &["`x`", "needs more than"]);
    says(&pair("long.npz", npy("<f4", "False", "(2, 1, 1)", &data)), &["`x`", "more bytes"]);
    let huge = "(4294967296, 4294967296, 4294967296)";
    says(&pair("huge.npz", npy("<f4", "False", huge, &data)), &["`x`", "needs more than"]);
    says(&pair("magic.npz", b"not an array".to_vec()), &["`x`", "magic"]);
    says(&pair("stub.npz", b"\x93NU".to_vec()), &["`x`", "too early"]);
    says(
        &pair("nan.npz", npy("<f4", "False", "(2, 2, 1, 1)", &floats(&[1., 2., f32::NAN, 4.]))),
        &["`x`", "task 1", "NaN"],
    );
    says(
        &pair("inf.npz", npy("<f4", "False", "(2, 2, 1, 1)", &floats(&[f32::INFINITY; 4]))),
        &["`x`", "task 0", "inf"],
    );
    says(&pair("other.npz", npy("<f4", "False", "(4, 1, 1)", &data)), &["`y`", "(4, 1, …) like x"]);
}

/// Cutting or flipping bytes anywhere in a file never panics, and never goes unnoticed in the data.
#[test]
fn damaged_files_never_panic() {
    let files = Files(tempfile::tempdir().unwrap());
    let path = files.0.path().join("whole.npz");
    export_npz(&RankK::new(1, 0).unwrap(), 0..1, &path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(97) {
        assert!(NpzProblem::open(files.raw("cut.npz", &whole[..cut])).is_err(), "cut at {cut}");
    }
    let original = task(&NpzProblem::open(&path).unwrap(), 0, 20);
    for at in (0..whole.len()).step_by(53) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        // A flip in a part that is not read (padding, times) may pass; then the data is the same.
        let read = NpzProblem::open(files.raw("flip.npz", &bytes)).ok();
        if let Some(problem) = read {
            assert_eq!(task(&problem, 0, 20), original, "flipped at {at}");
        }
    }
}
