//! Files that are old or new, never half.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::place::{named, target};

/// Temporary files of one name that others may be writing at the same time.
const MOST_AT_ONCE: usize = 64;
/// What stands in the name of a temporary file between that of the file and a number. No one else
/// calls files so: what has such a name may be removed.
const TEMPORARY: &str = ".msr-tmp-";

/// Writes a file so that it is either the old one or the new one, whenever the machine stops.
///
/// The bytes go to a temporary file beside it, which is made exclusively (no link that lies there
/// is followed) and takes its name when it is durable. A symbolic link to a regular file stays a
/// link: the file that it leads to is replaced. A file that is there keeps its permissions.
///
/// # Errors
/// [`Error::NotRegular`] when there is a device, a folder, a pipe, a socket or a link to one of
/// them; [`Error::NoName`] for a path without a file name; [`Error::Io`]. Nothing was changed then.
///
/// # Example
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("numbers.txt");
/// msr_files::write_atomic(&path, b"1 2 3")?;
/// assert_eq!(msr_files::read(&path)?, b"1 2 3");
/// assert!(msr_files::write_atomic(folder.path(), b"").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(Error::io(path))?;
    file.commit()
}

/// The same for a file that must not be there yet.
///
/// # Errors
/// [`Error::Exists`] when anything is there, and as [`write_atomic`].
pub fn write_new(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    named(path)?;
    if path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.into() });
    }
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(Error::io(path))?;
    file.commit_new()
}

/// A file that is being written, and takes its name when it is whole: see [`write_atomic`]. Dropped
/// before, it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temporary: PathBuf,
    /// As the caller called it.
    path: PathBuf,
    /// Where it belongs.
    target: PathBuf,
    permissions: Option<Permissions>,
    committed: bool,
}

impl AtomicFile {
    /// Begins to write the file at `path`.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (target, found) = target(path)?;
        let (file, temporary) = temporary(&target).map_err(Error::io(path))?;
        let permissions = found.map(|metadata| metadata.permissions());
        Ok(Self { file, temporary, path: path.into(), target, permissions, committed: false })
    }

    /// Gives the file its name, in place of what was there.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NotRegular`] when something else than a file has come there since.
    pub fn commit(mut self) -> Result<()> {
        self.finish()?;
        let (again, _) = target(&self.target)?;
        fs::rename(&self.temporary, again).map_err(Error::io(&self.path))?;
        self.committed = true;
        self.sync_folder()
    }

    /// Gives the file its name, unless that is taken.
    fn commit_new(mut self) -> Result<()> {
        self.finish()?;
        match fs::hard_link(&self.temporary, &self.target) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::Exists { path: self.path.clone() });
            }
            // Some file systems know no second name for a file.
            Err(_) if self.target.symlink_metadata().is_err() => {
                fs::rename(&self.temporary, &self.target).map_err(Error::io(&self.path))?;
                self.committed = true;
            }
            Err(_) => return Err(Error::Exists { path: self.path.clone() }),
        }
        self.sync_folder()
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(permissions) = self.permissions.take() {
            // A file of someone else's may be replaced without getting its permissions.
            let _ = self.file.set_permissions(permissions);
        }
        self.file.sync_all().map_err(Error::io(&self.path))
    }

    /// The new name is durable only once its folder is.
    fn sync_folder(&self) -> Result<()> {
        // Windows cannot open folders; there the rename is all there is.
        #[cfg(unix)]
        File::open(folder(&self.target)).and_then(|f| f.sync_all()).map_err(Error::io(&self.path))?;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // It may be gone already.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(unix)]
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file of this name is one that [`AtomicFile`] writes before it takes the name `of`.
///
/// ```
/// assert!(msr_files::is_temporary(".table.txt.msr-tmp-0", "table.txt"));
/// assert!(!msr_files::is_temporary("table.txt.tmp", "table.txt"));
/// ```
pub fn is_temporary(name: impl AsRef<OsStr>, of: impl AsRef<OsStr>) -> bool {
    (0..MOST_AT_ONCE).any(|number| temporary_name(of.as_ref(), number) == name.as_ref())
}

fn temporary_name(of: &OsStr, number: usize) -> OsString {
    let mut name = OsString::from(".");
    name.push(of);
    name.push(format!("{TEMPORARY}{number}"));
    name
}

/// A new file beside `target`, locked for as long as it is written. The names are always the same
/// few, and what a killed process left is removed: its lock is gone.
fn temporary(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().unwrap_or_default();
    for number in 0..MOST_AT_ONCE {
        let path = target.with_file_name(temporary_name(name, number));
        // Twice: once more after what was left has been removed.
        for _ in 0..2 {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) if keeps(file.try_lock()) && is_at(&file, &path) => return Ok((file, path)),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
            if !remove_left(&path)? {
                break;
            }
        }
    }
    Err(io::Error::other(format!(
        "there are {MOST_AT_ONCE} temporary files `{}` beside it; remove those that no one writes",
        temporary_name(name, 0).display()
    )))
}

/// Whether who made a file exclusively may write it, by what the system said to a lock. Where the
/// file system has no locks nobody removes what others made, so it is not needed.
fn keeps(lock: std::result::Result<(), TryLockError>) -> bool {
    !matches!(lock, Err(TryLockError::WouldBlock))
}

/// Whether nobody writes a file that was there. Where there are no locks there is nobody to ask.
fn is_left(lock: std::result::Result<(), TryLockError>) -> bool {
    lock.is_ok()
}

/// Whether the file is (still) the one at the path: whoever holds the lock of a temporary file is
/// the only one who may remove it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |m: fs::Metadata| (m.dev(), m.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(named)) => place(open) == place(named),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Removes a temporary file that nobody is writing, or a link that lies in its place (never what
/// that leads to). `false` when somebody is.
fn remove_left(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(e),
        Ok(found) if found.is_file() => match File::open(path) {
            // It stays locked until it is gone.
            Ok(file) if is_left(file.try_lock()) && is_at(&file, path) => return gone(path),
            // Someone else's, who may be writing it.
            _ => return Ok(false),
        },
        Ok(found) if found.is_dir() => return Ok(false),
        Ok(_) => {}
    }
    gone(path)
}

fn gone(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_locks_nothing_is_removed_and_all_can_be_written() {
        let none = || Err(TryLockError::Error(ErrorKind::Unsupported.into()));
        assert!(keeps(none()) && !is_left(none()));
        assert!(keeps(Ok(())) && is_left(Ok(())));
        assert!(!keeps(Err(TryLockError::WouldBlock)) && !is_left(Err(TryLockError::WouldBlock)));
    }
}
