//! Running the same work in another framework.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

/// Runs `<scripts>/peers/<script>` with `python` and hands over what it measures, a line of JSON
/// each, as it comes.
pub fn run<T: DeserializeOwned>(
    python: &Path,
    scripts: &Path,
    script: &str,
    args: &[String],
    mut measured: impl FnMut(T),
) -> Result<()> {
    let path = scripts.join("peers").join(script);
    let mut child = Command::new(python)
        .arg(&path)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}; name a Python with --python", python.display()))?;
    let (stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    // Read beside the lines: a full pipe would stop the peer.
    let complaints = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stderr) = &mut stderr {
            let _ = stderr.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let read = || -> Result<()> {
        for line in stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let line = line.with_context(|| format!("{script} printed no text"))?;
            measured(serde_json::from_str(&line).with_context(|| format!("{script} printed {line:?}"))?);
        }
        Ok(())
    };
    if let Err(error) = read() {
        // It would go on computing for nobody.
        child.kill()?;
        child.wait()?;
        return Err(error.context(complaints.join().unwrap_or_default()));
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "{script} failed; it needs `pip install jax optax numpy` in the Python that --python names:\n{}",
        complaints.join().unwrap_or_default()
    );
    Ok(())
}
