//! What becomes of good files by small damage is read or refused: no panic, no end of memory.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

#[path = "tasks/make.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod make;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use msr_data::tasks::{TaskOptions, read_tasks, survey};
use msr_testkit::{CountingAllocator, mutated, peak_memory};
use parquet::basic::Encoding;

use make::{Column, Folder, TWO_TASKS, Writing, counting, npz, parquet, safetensors, two_tasks};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The most bytes for a file of a few kilobytes.
const MOST: usize = 32 << 20;
/// So many changes by chance to each file.
const SEEDS: u64 = 100;
/// At so many places of a file, at most.
const PLACES: usize = 400;

/// One good file of each kind.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(TWO_TASKS.as_bytes()).unwrap();
    let tensors: [(&str, &[usize], &[f64]); 2] = [("x", &[2, 2, 1], &[1.0; 4]), ("y", &[2, 2], &[2.0; 4])];
    let mut files = vec![
        ("plain.csv".into(), TWO_TASKS.into()),
        ("quoted.csv".into(), TWO_TASKS.replace("\na", "\n\"a\"").into_bytes()),
        ("packed.csv.gz".into(), packed.finish().unwrap()),
        ("all.npz".into(), npz(&[("x", counting(&[2, 3, 2])), ("y", counting(&[2, 3]))])),
        ("groups.npz".into(), npz(&[("x_0", counting(&[2, 2])), ("y_0", counting(&[2]))])),
        ("all.safetensors".into(), safetensors(&tensors)),
    ];
    let mut typed = two_tasks();
    typed[1].1 = Column::Maybe(vec![Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0)]);
    typed[3].1 = Column::I64(vec![1, 2, 3, 4, 5]);
    let plain = Writing::default();
    let writings = [
        ("dictionary", plain),
        ("groups", Writing { group: 2, second_version: true, ..plain }),
        ("plain", Writing { dictionary: false, ..plain }),
        ("second", Writing { dictionary: false, second_version: true, ..plain }),
    ];
    for (name, writing) in writings {
        files.push((format!("{name}.parquet"), parquet(&two_tasks(), writing)));
        files.push((format!("{name}-typed.parquet"), parquet(&typed, writing)));
    }
    let split = Writing { dictionary: false, encoding: Some(Encoding::BYTE_STREAM_SPLIT), ..plain };
    files.push((
        "split.parquet".into(),
        parquet(
            &[("task", Column::I32(vec![1, 2, 1, 2, 1])), two_tasks()[1].clone(), two_tasks()[3].clone()],
            split,
        ),
    ));
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tasks");
    let mut written: Vec<_> = fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    written.sort();
    for path in written {
        if path.extension().is_some_and(|ending| ending == "parquet") {
            let name = format!("golden-{}", path.file_name().unwrap().to_string_lossy());
            files.push((name, fs::read(path).unwrap()));
        }
    }
    files
}

/// A file with one byte changed, or cut, at some hundred places, and changed by chance.
fn damaged(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut variants = vec![("whole".into(), bytes.to_vec())];
    let step = bytes.len().div_ceil(PLACES);
    for at in (0..bytes.len()).step_by(step) {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= [0x01, 0x80, 0xff, 0x10][at % 4];
        variants.push((format!("byte {at}"), flipped));
        if at % 3 == 0 {
            variants.push((format!("cut at {at}"), bytes[..at].to_vec()));
        }
    }
    variants.extend((0..SEEDS).map(|seed| (format!("seed {seed}"), mutated(bytes, seed))));
    variants
}

#[test]
fn small_damage_is_read_or_refused() {
    let folder = Folder::new();
    let options = TaskOptions { most_numbers: 1 << 16, ..TaskOptions::default() };
    let faults = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let note = |fault: String| *faults.lock().unwrap().entry(fault).or_insert(0) += 1;
    let seen = Arc::clone(&faults);
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        // What the decoders of the library do is caught, and said by an error alone.
        *seen.lock().unwrap().entry(info.to_string()).or_insert(0) += 1;
    }));
    let (mut tried, mut good, mut most) = (0, 0, 0);
    for (name, bytes) in files() {
        for (what, bytes) in damaged(&bytes) {
            let path = [folder.file(&name, &bytes)];
            let mut result = Ok(Ok(()));
            let peak = peak_memory(|| {
                result = catch_unwind(AssertUnwindSafe(|| {
                    let _ = survey(&path, &options);
                    read_tasks(&path, &options).map(drop)
                }));
            });
            // A new file each time: one that is written over is often flushed to the disk first.
            fs::remove_file(&path[0]).unwrap();
            most = most.max(peak);
            tried += 1;
            if peak > MOST {
                note(format!("{name}, {what}: {peak} bytes at once"));
            }
            match result {
                Err(_) => note(format!("{name}, {what}: panicked")),
                Ok(Ok(())) => good += 1,
                Ok(Err(problem)) => {
                    let problem = problem.to_string();
                    if what == "whole" || problem.contains('\n') || !problem.contains(&name) {
                        note(format!("{name}, {what}: {problem:?}"));
                    }
                }
            }
        }
    }
    set_hook(usual);
    println!("{tried} files, {good} of them read, at most {most} bytes at once");
    let faults = faults.lock().unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
}
