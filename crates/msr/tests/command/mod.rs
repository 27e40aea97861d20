//! Running the command line in tests.
#![allow(dead_code, reason = "not every test file needs all of it")]

use std::path::Path;
use std::process::Command;

/// What a command said.
pub struct Said {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

/// The program (another one where `MSR_PROGRAM` names it), told nothing by whoever runs the tests.
pub fn command() -> Command {
    let program = std::env::var_os("MSR_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_msr").into());
    let mut command = Command::new(program);
    for variable in
        ["MSR_DATA", "MSR_RUNS", "MSR_RESULTS", "MSR_CHECKOUT", "MSR_INVOKED_AS", "NO_COLOR", "COLUMNS"]
    {
        command.env_remove(variable);
    }
    command
}

/// Runs `msr`.
pub fn msr(args: &[&str]) -> Said {
    let output = command().args(args).output().unwrap();
    Said {
        ok: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs what must fail, with these words in the message.
pub fn refuses(args: &[&str], words: &[&str]) {
    let said = msr(args);
    assert!(!said.ok, "{args:?} should fail");
    for word in words {
        assert!(said.err.contains(word), "{args:?} says `{}`, not `{word}`", said.err);
    }
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Numbers between −1 and 1, the same ones for the same seed.
pub fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}
