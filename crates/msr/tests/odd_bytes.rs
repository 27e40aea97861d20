//! Bytes of any origin: every reader gives a value or an error, soon.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Read;
use std::panic::catch_unwind;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use candle_core::Device;
use command::{command, text};
use msr_files::Arrays;
use msr_symmetry::Learned;
use msr_testkit::{mutated, odd_files, whole_files};

mod command;

/// What takes longer has hung.
const HANGS: Duration = Duration::from_secs(5);
/// How long mutations are tried, and how many at most.
const BUDGET: Duration = Duration::from_secs(10);
const MOST: u64 = 1_000_000;

/// Hands bytes to every reader, as a fuzz target would.
fn read_by_all(bytes: &[u8]) {
    if let Ok(mut arrays) = Arrays::from_bytes(bytes) {
        for array in arrays.list().unwrap_or_default() {
            if let Ok(numbers) = arrays.numbers(&array.name) {
                assert_eq!(
                    Some(numbers.len()),
                    array.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
                );
            }
        }
    }
    let _ = msr_data::NpzOptions::new().read(bytes, "bytes");
    let _ = Learned::from_bytes(bytes, &Device::Cpu).map(|learned| learned.symmetric_layers());
}

/// Tries inputs in a thread of its own; whichever panics or hangs is named.
fn survive(inputs: impl Iterator<Item = (String, Vec<u8>)> + Send + 'static) -> u64 {
    let (said, heard) = channel();
    std::thread::spawn(move || {
        for (name, bytes) in inputs {
            let _ = said.send(Ok(name.clone()));
            if catch_unwind(|| read_by_all(&bytes)).is_err() {
                let _ = said.send(Err(name));
                return;
            }
        }
    });
    let (mut tried, mut last) = (0, String::new());
    loop {
        match heard.recv_timeout(HANGS) {
            Ok(Ok(name)) => (tried, last) = (tried + 1, name),
            Ok(Err(name)) => panic!("{name} makes a reader panic"),
            Err(RecvTimeoutError::Timeout) => panic!("{last} makes a reader hang"),
            Err(RecvTimeoutError::Disconnected) => return tried,
        }
    }
}

#[test]
fn odd_files_are_read_or_refused() {
    let files = whole_files().into_iter().chain(odd_files());
    let files: Vec<_> = files.map(|file| (file.name.to_string(), file.bytes)).collect();
    assert_eq!(survive(files.clone().into_iter()), files.len() as u64);
}

#[test]
fn mutated_files_are_read_or_refused() {
    let seeds: Vec<_> =
        whole_files().into_iter().chain(odd_files()).filter(|f| f.bytes.len() < 4096).collect();
    let started = Instant::now();
    let inputs = (0..MOST).take_while(move |_| started.elapsed() < BUDGET).map(move |seed| {
        let file = &seeds[seed as usize % seeds.len()];
        (format!("{} mutated with seed {seed}", file.name), mutated(&file.bytes, seed))
    });
    let tried = survive(inputs);
    assert!(tried > 1000, "only {tried} inputs in {BUDGET:?}");
}

/// The program ends on every one of them, says why in some lines, and commands no terminal.
#[test]
fn inspect_ends_on_odd_files() {
    let folder = tempfile::tempdir().unwrap();
    for file in odd_files() {
        let path = folder.path().join(file.name);
        std::fs::write(&path, &file.bytes).unwrap();
        let mut program = command();
        // With it, errors of the tensor library are as long as the stack is deep.
        program.env_remove("RUST_BACKTRACE");
        program.args(["inspect", "--no-picture", text(&path)]).stdout(Stdio::null()).stderr(Stdio::piped());
        let (mut child, started) = (program.spawn().unwrap(), Instant::now());
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > 2 * HANGS {
                child.kill().unwrap();
                panic!("{} makes inspect hang", file.name);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 1)), "{}: {code:?} {err}", file.name);
        assert!(err.len() < 2000 && !err.contains("panicked"), "{}: {err}", file.name);
        assert!(!err.chars().any(|c| c.is_control() && c != '\n'), "{}: {err:?}", file.name);
    }
}
