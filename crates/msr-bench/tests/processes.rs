//! Suites whose work runs in processes of their own: ours, and the peers' where there is a Python
//! with their packages (`MSR_PYTHON` names one). Otherwise those are skipped, loudly.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A step that takes milliseconds.
const SMALL: &str =
    "step conv4 --tasks 3 --ways 2 --queries 4 --width 4 --filter-params 5 --rounds 1 --samples 2";

/// What the program printed on stdout as JSON, or what it complained of.
fn bench(line: &str, scripts: &Path) -> Result<Value, String> {
    let words = line.split_whitespace().chain(["--json"]);
    let run = Command::new(env!("CARGO_BIN_EXE_msr-bench")).args(words).env("MSR_SCRIPTS", scripts).output();
    let run = run.unwrap();
    match run.status.success() {
        true => Ok(serde_json::from_slice(&run.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&run.stderr).into_owned()),
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts")
}

/// The same with peers; `None` where this machine has none of them.
fn with_peers(line: &str, scripts: &Path) -> Option<Result<Value, String>> {
    let found = bench(&format!("{line} --peers"), scripts);
    let missing = |error: &String| error.contains("with --python");
    if found.as_ref().err().is_some_and(missing) {
        println!("SKIPPED: `{line}` needs a Python with numpy and torch, or jax and optax: see MSR_PYTHON");
        return None;
    }
    Some(found)
}

#[test]
fn every_kind_of_conv4_takes_steps() {
    for kind in ["plain", "kronecker", "full"] {
        let found = bench(&format!("{SMALL} --kind {kind} --inner-steps 2"), &scripts()).unwrap();
        assert_eq!((&found["kind"], &found["inner_steps"]), (&kind.into(), &2.into()));
        let row = &found["results"][0];
        assert!(row["ms"].as_f64() > Some(0.0) && row["floor_ms"].as_f64() > Some(0.0), "{row}");
        if cfg!(target_os = "linux") {
            assert!(row["peak_mib"].as_f64() >= row["start_mib"].as_f64(), "{row}");
        }
    }
}

#[test]
fn peers_take_the_same_steps() {
    let some = "--only torch,jax-im2col-scan";
    for line in
        ["--kind kronecker".to_string(), format!("--kind plain {some}"), format!("--kind full {some}")]
    {
        let Some(found) = with_peers(&format!("{SMALL} {line}"), &scripts()) else { return };
        let found = found.unwrap();
        let rows = found["results"].as_array().unwrap();
        assert!(rows.len() > 1, "{found}");
        for row in &rows[1..] {
            assert!(row["ms"].as_f64() > Some(0.0), "{row}");
            assert!(row["difference"].as_f64().is_some_and(|most| (0.0..=1e-4).contains(&most)), "{row}");
            assert!(row["ratio"]["median"].as_f64() > Some(0.0), "{row}");
        }
    }
}

/// Scripts whose Adam has another rate, or whose problem lacks an inner step.
#[test]
fn a_peer_that_takes_another_step_is_refused() {
    let changes = [("1e-3", "2e-3"), ("range(args.inner_steps)", "range(args.inner_steps - 1)")];
    for (from, to) in changes {
        let folder = tempfile::tempdir().unwrap();
        let peers = folder.path().join("peers");
        std::fs::create_dir(&peers).unwrap();
        for entry in std::fs::read_dir(scripts().join("peers")).unwrap() {
            let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
            let Ok(mut text) = std::fs::read_to_string(&path) else { continue };
            if name.to_string_lossy().starts_with("conv4_step") {
                text = text.replace(from, to);
            }
            std::fs::write(peers.join(name), text).unwrap();
        }
        let line = format!("{SMALL} --only torch,jax-im2col-scan");
        let Some(found) = with_peers(&line, folder.path()) else { return };
        let error = found.err().unwrap_or_default();
        assert!(error.contains("nothing was timed") && error.contains("differs from ours"), "{error}");
    }
}

#[test]
fn growth_of_small_steps() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("a.b");
    let line = "growth --tasks 2 --inner-steps 2 --width 128 --rounds 1 --samples 1 --plot";
    let found = bench(&format!("{line} {}", plot.display()), &scripts()).unwrap();
    let sweeps = found["sweeps"].as_array().unwrap();
    assert_eq!(sweeps.len(), 3);
    for sweep in sweeps {
        let points = sweep["points"].as_array().unwrap();
        assert_eq!(points.len(), 2, "{sweep}");
        assert!(points.iter().all(|point| point["ms"].as_f64() > Some(0.0)), "{sweep}");
    }
    assert!(std::fs::read_to_string(folder.path().join("a.b.svg")).unwrap().starts_with("<svg "));
    assert_eq!(&std::fs::read(folder.path().join("a.b.png")).unwrap()[1..4], b"PNG");
}
