//! The folder of a run: what was asked, by what, on what machine, and what came out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use msr_meta::write_atomic;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::machine;
use crate::report::record;

const CONFIG: &str = "config.json";

/// What is written when the table is.
pub const FINISHED: &str = "results.json";

/// What a run is, as stored.
#[derive(Serialize, Deserialize)]
struct Config<Name, Plan> {
    experiment: Name,
    plan: Plan,
}

/// A run folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// A new folder: `out`, or one named after the time under `<runs>/<experiment>`.
    pub fn create(experiment: &str, out: Option<&Path>, runs: &Path, plan: &impl Serialize) -> Result<Self> {
        let path = match out {
            Some(out) => out.to_path_buf(),
            None => unused(&default_parent(runs, experiment), &timestamp())?,
        };
        if fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) {
            bail!(
                "{} is not empty; add --resume to continue the run in it, or give another --out",
                path.display()
            );
        }
        fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
        let folder = Self { path };
        folder.write("command.txt", format!("{}\n", record::command()).as_bytes())?;
        folder.write("machine.txt", machine::machine().as_bytes())?;
        folder.write_json(CONFIG, &Config { experiment, plan })?;
        Ok(folder)
    }

    /// The folder and the plan of an earlier run of the experiment: `out`, or the newest one that is not finished, or the newest
    /// of all. A run of another experiment is refused.
    pub fn reopen<P: DeserializeOwned>(
        experiment: &str,
        out: Option<&Path>,
        runs: &Path,
    ) -> Result<(Self, P)> {
        let path = match out {
            Some(out) => out.to_path_buf(),
            None => newest(&default_parent(runs, experiment))?,
        };
        let folder = Self { path };
        let at = folder.path.display().to_string();
        let no_run = || format!("{at} holds no run of {experiment} of this version");
        let found: Config<String, serde_json::Value> = folder
            .read_json(CONFIG)
            .with_context(no_run)?
            .with_context(|| format!("{at} holds no run: there is no {CONFIG} in it"))?;
        ensure!(
            found.experiment == experiment,
            "{at} holds a run of {other}; continue it with `{program} reproduce {other} --resume --out {at}`",
            program = record::program(),
            other = found.experiment
        );
        let plan = serde_json::from_value(found.plan).with_context(no_run)?;
        Ok((folder, plan))
    }

    /// Keeps other processes from working in the folder for as long as the result lives; the system lets go
    /// of it even when this process is killed.
    pub fn lock(&self) -> Result<File> {
        let path = self.path.join("lock");
        let file = File::create(&path).with_context(|| format!("{}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!("another process is working in {}", self.path.display()),
            Err(TryLockError::Error(e)) => Err(e).with_context(|| format!("{}", path.display())),
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, created when it is not there.
    pub fn inside(&self, name: &str) -> Result<Self> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Self { path })
    }

    /// Writes a file atomically.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        Ok(write_atomic(&self.path.join(name), bytes)?)
    }

    /// Writes a value as JSON, atomically.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.write(name, text.as_bytes())
    }

    /// Reads JSON; `None` when there is no such file.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => {
                Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("{}", path.display()))?))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("{}", path.display())),
        }
    }
}

fn default_parent(runs: &Path, experiment: &str) -> PathBuf {
    runs.join(experiment)
}

fn timestamp() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace([':', 'Z'], "").replace('T', "-")
}

/// A folder that no other run has: the name, or the name with a number behind it. It is created here, so
/// that two runs that start at once do not choose the same.
fn unused(parent: &Path, name: &str) -> Result<PathBuf> {
    fs::create_dir_all(parent).with_context(|| format!("{}", parent.display()))?;
    for number in 1.. {
        let path = parent.join(if number == 1 { name.to_string() } else { format!("{name}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).with_context(|| format!("{}", path.display())),
        }
    }
    bail!("{} has no room for another run", parent.display())
}

fn newest(parent: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let runs = entries.map(|e| e.path()).filter(|p| p.join(CONFIG).exists());
    runs.max_by_key(|p| (!p.join(FINISHED).exists(), p.clone()))
        .with_context(|| format!("there is no run to resume in {}", parent.display()))
}

/// Metrics as JSON lines, appended; can be cut back to a point that a checkpoint remembers.
pub struct Metrics {
    file: File,
}

impl Metrics {
    /// Opens the file and cuts it back to its first `length` bytes.
    pub fn open(path: &Path, length: u64) -> Result<Self> {
        let context = || format!("{}", path.display());
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(false).open(path).with_context(context)?;
        let has = file.metadata().with_context(context)?.len();
        if has < length {
            bail!("{} has {has} bytes, but the checkpoint was written after {length}", path.display());
        }
        file.set_len(length).with_context(context)?;
        file.seek(std::io::SeekFrom::End(0)).with_context(context)?;
        Ok(Self { file })
    }

    /// Appends one line.
    pub fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(value)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Makes the lines durable and returns how many bytes there are.
    pub fn sync(&mut self) -> Result<u64> {
        self.file.sync_all()?;
        Ok(self.file.stream_position()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_that_is_not_finished_is_the_one_to_resume() -> Result<()> {
        let parent = tempfile::tempdir()?;
        assert!(newest(parent.path()).is_err());
        for name in ["1", "2", "3"] {
            let folder = RunFolder::create("table1", Some(&parent.path().join(name)), parent.path(), &name)?;
            if name != "2" {
                folder.write(FINISHED, b"")?;
            }
        }
        assert_eq!(newest(parent.path())?, parent.path().join("2"));
        fs::write(parent.path().join("2").join(FINISHED), "")?;
        assert_eq!(newest(parent.path())?, parent.path().join("3"));
        let out = parent.path().join("3");
        let (_, plan): (_, String) = RunFolder::reopen("table1", Some(&out), parent.path())?;
        assert_eq!(plan, "3");
        let other =
            RunFolder::reopen::<String>("numbers", Some(&out), parent.path()).err().map(|e| e.to_string());
        assert!(
            other.is_some_and(|e| e.contains("a run of table1") && e.contains("reproduce table1 --resume"))
        );
        Ok(())
    }
}
