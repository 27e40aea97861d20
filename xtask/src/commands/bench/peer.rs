//! Running the same work in another framework.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::workspace;

/// A line that a peer prints.
#[derive(Clone, Debug, Deserialize)]
pub struct PeerTime {
    pub rank: usize,
    pub median_ms: f64,
}

/// Runs `scripts/peers/<script>` with `python` and returns what it measured.
pub fn run(python: &PathBuf, script: &str, args: &[String]) -> Result<Vec<PeerTime>> {
    let path = workspace::root().join("scripts/peers").join(script);
    let output = Command::new(python)
        .arg(&path)
        .args(args)
        .output()
        .with_context(|| format!("cannot start {}; name a Python with --python", python.display()))?;
    ensure!(
        output.status.success(),
        "{script} failed; it needs `pip install jax optax numpy` in the Python that --python names:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).with_context(|| format!("{script} printed no text"))?;
    text.lines().map(|l| serde_json::from_str(l).with_context(|| format!("{script} printed {l:?}"))).collect()
}
