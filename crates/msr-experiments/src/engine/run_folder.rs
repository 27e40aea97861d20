//! The folder of a run: what was asked, by what, on what machine, and what came out.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use msr_report::Origin;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::origin::{program, to_continue};

const CONFIG: &str = "config.json";

/// Where [`Folder::write_json`] writes it before it takes its name.
const UNFINISHED_CONFIG: &str = "config.json.tmp";

/// What is written when the table is.
pub const FINISHED: &str = "results.json";

/// The format of the folder. Counted up when runs that were started before can no longer be
/// continued.
const FORMAT: u64 = 2;

/// What a run is, as stored.
#[derive(Serialize, Deserialize)]
struct Config<Name, Run> {
    format: u64,
    experiment: Name,
    run: Run,
}

/// A new folder: `out`, or one named after the time under `<runs>/<experiment>`.
pub fn create(experiment: &str, out: Option<&Path>, runs: &Path, run: &impl Serialize) -> Result<Folder> {
    let path = match out {
        Some(out) => out.to_path_buf(),
        None => unused(&std::path::absolute(runs)?.join(experiment), &timestamp())?,
    };
    // A run that was killed before it was one has left at most the beginning of its settings.
    let is_mine = |entry: &fs::DirEntry| entry.file_name() == UNFINISHED_CONFIG;
    if fs::read_dir(&path).is_ok_and(|entries| entries.flatten().any(|entry| !is_mine(&entry))) {
        bail!(
            "{} is not empty; add --resume to continue the run in it, or give another --out",
            path.display()
        );
    }
    fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
    let folder = Folder::at(path);
    let origin = Origin::of(&program());
    // First: with it the folder holds a run that can be resumed, and without it nothing.
    folder.write_json(CONFIG, &Config { format: FORMAT, experiment, run })?;
    folder.write("command.txt", format!("{}\n", origin.command).as_bytes())?;
    folder.write("machine.txt", origin.machine.to_string().as_bytes())?;
    Ok(folder)
}

/// The folder and the settings of an earlier run of the experiment: `out`, or the newest one that
/// is not finished, or the newest of all. A run of another experiment, or of a version whose
/// folders were different, is refused.
pub fn reopen<R: DeserializeOwned>(experiment: &str, out: Option<&Path>, runs: &Path) -> Result<(Folder, R)> {
    let path = match out {
        Some(out) => out.to_path_buf(),
        None => newest(&std::path::absolute(runs)?.join(experiment))?,
    };
    let at = path.display().to_string();
    let folder = Folder::at(path);
    let no_run = || format!("{at} holds no run of {experiment}: its {CONFIG} cannot be read");
    let found: serde_json::Value = folder
        .read_json(CONFIG)
        .with_context(no_run)?
        .with_context(|| format!("{at} holds no run: there is no {CONFIG} in it"))?;
    let other = found.get("experiment").and_then(serde_json::Value::as_str).with_context(no_run)?;
    ensure!(
        other == experiment,
        "{at} holds a run of {other}; continue it with `{}`",
        to_continue(other, folder.path())
    );
    // The first version wrote no number.
    let format = found.get("format").and_then(serde_json::Value::as_u64).unwrap_or(1);
    ensure!(
        format == FORMAT,
        "the run in {at} was started by {} version of msr (format {format}, this version has {FORMAT}); finish it with that \
         version, or start anew in another --out",
        if format < FORMAT { "an earlier" } else { "a later" }
    );
    let found: Config<String, R> = serde_json::from_value(found).with_context(no_run)?;
    Ok((folder, found.run))
}

/// Keeps other processes from working in the folder for as long as the result lives; the system
/// lets go of it even when this process is killed.
pub fn lock(folder: &Folder) -> Result<File> {
    let path = folder.path().join("lock");
    let file = msr_files::open_to_write(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another process is working in {}", folder.path().display()),
        Err(TryLockError::Error(e)) => Err(e).with_context(|| format!("{}", path.display())),
    }
}

fn timestamp() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace([':', 'Z'], "").replace('T', "-")
}

/// A folder that no other run has: the name, or the name with a number behind it. It is created
/// here, so that two runs that start at once do not choose the same.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_that_is_not_finished_is_the_one_to_resume() -> Result<()> {
        let parent = tempfile::tempdir()?;
        assert!(newest(parent.path()).is_err());
        for name in ["1", "2", "3"] {
            let folder = create("table1", Some(&parent.path().join(name)), parent.path(), &name)?;
            if name != "2" {
                folder.write(FINISHED, b"")?;
            }
        }
        assert_eq!(newest(parent.path())?, parent.path().join("2"));
        fs::write(parent.path().join("2").join(FINISHED), "")?;
        assert_eq!(newest(parent.path())?, parent.path().join("3"));
        let out = parent.path().join("3");
        let (_, run): (_, String) = reopen("table1", Some(&out), parent.path())?;
        assert_eq!(run, "3");
        let other = reopen::<String>("numbers", Some(&out), parent.path()).err().map(|e| e.to_string());
        assert!(
            other.is_some_and(|e| e.contains("a run of table1") && e.contains("reproduce table1 --resume"))
        );
        Ok(())
    }

    /// A run that is killed while its settings are written.
    struct Killed;

    impl Serialize for Killed {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("killed"))
        }
    }

    #[test]
    fn a_run_that_is_killed_while_it_begins_is_nothing_or_can_be_resumed() -> Result<()> {
        let parent = tempfile::tempdir()?;
        let out = parent.path().join("out");
        let start = |run: &str| create("table1", Some(&out), parent.path(), &run);
        assert!(create("table1", Some(&out), parent.path(), &Killed).is_err());
        assert_eq!(fs::read_dir(&out)?.count(), 0, "without its settings a run leaves nothing");
        fs::write(out.join(UNFINISHED_CONFIG), "{ \"form")?;
        start("1")?;
        assert!(!out.join(UNFINISHED_CONFIG).exists() && start("2").is_err());
        for later in ["command.txt", "machine.txt"] {
            fs::remove_file(out.join(later))?;
        }
        let (_, run): (_, String) = reopen("table1", Some(&out), parent.path())?;
        assert_eq!(run, "1");
        Ok(())
    }
}
