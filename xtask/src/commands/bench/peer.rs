//! Running the same work in another framework.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

use crate::workspace;

/// Runs `scripts/peers/<script>` with `python` and returns what it measured, a line of JSON each.
pub fn run<T: DeserializeOwned>(python: &PathBuf, script: &str, args: &[String]) -> Result<Vec<T>> {
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
