//! The folder of a run: what was asked, by what, on what machine, and what came out.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, bail, ensure};
use msr_files::is_temporary;
use msr_report::Origin;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::origin::{program, to_continue};

const CONFIG: &str = "config.json";

const COMMAND: &str = "command.txt";
const MACHINE: &str = "machine.txt";
/// Who holds it works in the folder.
const LOCK: &str = "lock";

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

/// A new folder, locked: `out`, or one named after the time under `<runs>/<experiment>`. The lock
/// is taken before the first file is written, so that of two runs that start at once in one folder
/// the files are those of one.
pub fn create(
    experiment: &str,
    out: Option<&Path>,
    runs: &Path,
    run: &impl Serialize,
) -> Result<(Folder, Lock)> {
    let path = match out {
        Some(out) => out.to_path_buf(),
        None => unused(&std::path::absolute(runs)?.join(experiment), &timestamp())?,
    };
    // What is not ours does not even get a lock.
    refuse_contents(&path)?;
    fs::create_dir_all(&path).map_err(|e| cannot_write(&path, e))?;
    let folder = Folder::at(path);
    let begin = || {
        let lock = lock(&folder)?;
        refuse_contents(folder.path())?;
        let origin = Origin::of(&program());
        // First: with it the folder holds a run that can be resumed, and without it nothing.
        folder.write_json(CONFIG, &Config { format: FORMAT, experiment, run })?;
        folder.write(COMMAND, format!("{}\n", origin.command).as_bytes())?;
        folder.write(MACHINE, origin.machine.to_string().as_bytes())?;
        Ok(lock)
    };
    let lock = begin().map_err(|e| with_hint(&folder, e))?;
    Ok((folder, lock))
}

/// The error of a write in a folder that is there already, with what to do.
fn with_hint(folder: &Folder, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(msr_files::Error::Io { reason, .. }) if !hint(reason.kind()).is_empty() => {
            anyhow!("{}: {reason}{}", folder.path().display(), hint(reason.kind()))
        }
        _ => error,
    }
}

/// Refuses a folder with anything in it but what a run leaves that was killed before it was one:
/// the lock, and the beginning of its settings.
fn refuse_contents(path: &Path) -> Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(cannot_write(path, e)),
    };
    let is_mine = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name == LOCK || is_temporary(&name, CONFIG)
    };
    if entries.flatten().any(|entry| !is_mine(&entry)) {
        bail!(
            "{} is not empty; add --resume to continue the run in it, or give another --out",
            path.display()
        );
    }
    Ok(())
}

/// That no run can be written there, with what to do.
fn cannot_write(path: &Path, error: io::Error) -> anyhow::Error {
    anyhow!("{}: {error}{}", path.display(), hint(error.kind()))
}

/// What to do about an error, where that is known.
fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; name a folder where you may write with --out, or --runs for all runs"
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "; --out and --runs name folders, not files",
        _ => "",
    }
}

/// The folder and the settings of an earlier run of the experiment: `out`, or the newest one that
/// is not finished, or the newest of all. A run of another experiment, or of a version whose
/// folders were different, is refused.
pub fn reopen<R: DeserializeOwned>(
    experiment: &str,
    out: Option<&Path>,
    runs: &Path,
) -> Result<(Folder, Lock, R)> {
    let path = match out {
        Some(out) => out.to_path_buf(),
        None => newest(&std::path::absolute(runs)?.join(experiment))?,
    };
    let at = path.display().to_string();
    let folder = Folder::at(path);
    let no_run = || format!("{at} holds no run of {experiment}: its {CONFIG} cannot be read");
    let found: serde_json::Value = folder.read_json(CONFIG).with_context(no_run)?.with_context(|| {
        format!("{at} holds no run: there is no {CONFIG} in it; leave out --resume to begin one there")
    })?;
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
    let lock = lock(&folder)?;
    // A run that was killed just after it began has not said what it came from.
    let origin = || Origin::of(&program());
    if !folder.path().join(COMMAND).exists() {
        folder.write(COMMAND, format!("{}\n", origin().command).as_bytes())?;
    }
    if !folder.path().join(MACHINE).exists() {
        folder.write(MACHINE, origin().machine.to_string().as_bytes())?;
    }
    Ok((folder, lock, found.run))
}

/// Keeps other processes from working in a folder for as long as it lives; the system lets go of it
/// even when this process is killed.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// How long a lock is waited for: a process that was killed while it started another one, as to ask
/// git for the commit, leaves a copy of itself that holds the lock for some milliseconds more.
const PATIENCE: Duration = Duration::from_secs(2);

fn lock(folder: &Folder) -> Result<Lock> {
    let path = folder.path().join(LOCK);
    let file = msr_files::open_to_write(&path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                bail!("another process is working in {}", folder.path().display())
            }
            Err(TryLockError::Error(e)) => return Err(e).with_context(|| format!("{}", path.display())),
        }
    }
}

fn timestamp() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace([':', 'Z'], "").replace('T', "-")
}

/// A folder that no other run has: the name, or the name with a number behind it. It is created
/// here, so that two runs that start at once do not choose the same.
fn unused(parent: &Path, name: &str) -> Result<PathBuf> {
    fs::create_dir_all(parent).map_err(|e| cannot_write(parent, e))?;
    for number in 1.. {
        let path = parent.join(if number == 1 { name.to_string() } else { format!("{name}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(cannot_write(&path, e)),
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
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// A child that another test starts holds a copy of this test's lock for a moment, so they go
    /// one after the other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    #[test]
    fn the_run_that_is_not_finished_is_the_one_to_resume() -> Result<()> {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = tempfile::tempdir()?;
        assert!(newest(parent.path()).is_err());
        for name in ["1", "2", "3"] {
            let (folder, _) = create("table1", Some(&parent.path().join(name)), parent.path(), &name)?;
            if name != "2" {
                folder.write(FINISHED, b"")?;
            }
        }
        assert_eq!(newest(parent.path())?, parent.path().join("2"));
        fs::write(parent.path().join("2").join(FINISHED), "")?;
        assert_eq!(newest(parent.path())?, parent.path().join("3"));
        let out = parent.path().join("3");
        let (.., run): (_, _, String) = reopen("table1", Some(&out), parent.path())?;
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
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = tempfile::tempdir()?;
        let out = parent.path().join("out");
        let start = |run: &str| create("table1", Some(&out), parent.path(), &run);
        assert!(create("table1", Some(&out), parent.path(), &Killed).is_err());
        let left: Vec<_> = fs::read_dir(&out)?.flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, [LOCK], "without its settings a run leaves nothing but its lock");
        fs::write(out.join(".config.json.msr-tmp-0"), "{ \"form")?;
        let lock = start("1")?;
        assert!(start("2").is_err());
        for path in [COMMAND, MACHINE].map(|name| out.join(name)) {
            fs::remove_file(path)?;
        }
        let resumed = || reopen::<String>("table1", Some(&out), parent.path());
        assert!(resumed().is_err_and(|e| e.to_string().contains("another process")));
        drop(lock);
        assert_eq!(resumed()?.2, "1");
        assert!(out.join(COMMAND).exists() && out.join(MACHINE).exists());
        Ok(())
    }

    /// Of two runs that start at once in one folder, one is refused, and what is there is the
    /// other's.
    #[test]
    fn the_first_file_is_written_after_the_lock_is_taken() -> Result<()> {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..20 {
            let parent = tempfile::tempdir()?;
            let out = parent.path().join("out");
            let start = |run: usize| create("table1", Some(&out), parent.path(), &run).is_ok();
            let started: Vec<bool> = std::thread::scope(|scope| {
                let runs: Vec<_> = (0..4).map(|run| scope.spawn(move || start(run))).collect();
                runs.into_iter().map(|run| run.join().is_ok_and(|started| started)).collect()
            });
            let (_, _, run) = reopen::<usize>("table1", Some(&out), parent.path())?;
            assert_eq!(started.iter().filter(|&&started| started).count(), 1, "{started:?}");
            assert!(started[run], "the settings are those of {run}, of {started:?}");
        }
        Ok(())
    }

    /// What a killed process leaves behind holds its lock for a moment more.
    #[test]
    fn a_lock_that_is_given_back_in_time_is_taken() -> Result<()> {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = tempfile::tempdir()?;
        let folder = Folder::at(parent.path());
        let held = lock(&folder)?;
        let (taken, refused) = std::thread::scope(|scope| {
            let refused = lock(&folder);
            let waiting = scope.spawn(|| lock(&folder));
            std::thread::sleep(Duration::from_millis(100));
            drop(held);
            (waiting.join(), refused)
        });
        assert!(taken.is_ok_and(|lock| lock.is_ok()));
        assert!(refused.is_err_and(|e| e.to_string().contains("another process is working in")));
        Ok(())
    }

    #[test]
    fn a_folder_of_someone_else_gets_no_lock() -> Result<()> {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = tempfile::tempdir()?;
        let out = parent.path().join("thesis");
        fs::create_dir(&out)?;
        fs::write(out.join("thesis.txt"), "mine")?;
        let found = create("table1", Some(&out), parent.path(), &1);
        assert!(found.is_err_and(|e| e.to_string().contains("not empty")));
        assert_eq!(fs::read_dir(&out)?.count(), 1);
        let file = create("table1", Some(&out.join("thesis.txt")), parent.path(), &1);
        assert!(file.is_err_and(|e| e.to_string().contains("not files")));
        Ok(())
    }

    /// Files that only look like what a run leaves.
    #[test]
    fn a_folder_with_other_settings_is_someone_elses() -> Result<()> {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = tempfile::tempdir()?;
        for name in ["tsconfig.json", "config.json.bak", "config.json.tmp", ".config.json.msr-tmp-x"] {
            let out = parent.path().join(format!("with {name}"));
            fs::create_dir(&out)?;
            fs::write(out.join(name), "mine")?;
            let found = create("table1", Some(&out), parent.path(), &1);
            assert!(found.is_err_and(|e| e.to_string().contains("not empty")), "{name}");
            assert_eq!(fs::read_dir(&out)?.count(), 1, "{name}");
        }
        Ok(())
    }

    /// A folder that is there, but closed. (Root can write in every folder, but for those that are
    /// no folders of files.)
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_gets_the_hint() -> Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let parent = tempfile::tempdir()?;
        let out = parent.path().join("closed");
        fs::create_dir(&out)?;
        fs::set_permissions(&out, fs::Permissions::from_mode(0o555))?;
        if fs::write(out.join("probe"), "").is_ok() {
            println!("SKIPPED: whoever runs this can write in a closed folder");
            return Ok(());
        }
        let said = create("table1", Some(&out), parent.path(), &1).err().map(|e| format!("{e:#}"));
        assert!(said.as_ref().is_some_and(|e| e.contains("closed: ") && e.contains("--out")), "{said:?}");
        Ok(())
    }

    #[test]
    fn errors_without_permission_say_where_else() {
        for (kind, words) in [
            (ErrorKind::PermissionDenied, "name a folder where you may write with --out"),
            (ErrorKind::ReadOnlyFilesystem, "name a folder where you may write with --out"),
            (ErrorKind::NotADirectory, "--out and --runs name folders"),
        ] {
            let there = Folder::at("/there");
            let later = msr_files::Error::Io { path: "/there/lock".into(), reason: kind.into() };
            let said = [cannot_write(there.path(), kind.into()), with_hint(&there, later.into())];
            for said in said.map(|error| error.to_string()) {
                assert!(said.starts_with("/there: ") && said.contains(words), "{said}");
            }
        }
    }
}
