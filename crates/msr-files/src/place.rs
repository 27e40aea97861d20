//! Where a file may be written, and what may be read.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where the bytes of `path` belong: the path itself, or, when it is a symbolic link to a regular
/// file, that file. With what is there already.
///
/// # Errors
/// [`Error::NoName`] for a path without the name of a file; [`Error::NotRegular`] for devices,
/// folders, pipes, sockets, and links that lead to one of these or nowhere; [`Error::Io`].
pub(crate) fn target(path: &Path) -> Result<(PathBuf, Option<Metadata>)> {
    named(path)?;
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok((path.into(), None)),
        Err(reason) => return Err(Error::Io { path: path.into(), reason }),
    };
    if !metadata.is_symlink() {
        regular(path, metadata.file_type())?;
        return Ok((path.into(), Some(metadata)));
    }
    let end = match fs::canonicalize(path) {
        Ok(end) => end,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(Error::NotRegular { path: path.into(), what: "a link to a file that is not there" });
        }
        Err(reason) => return Err(Error::Io { path: path.into(), reason }),
    };
    let metadata = fs::symlink_metadata(&end).map_err(Error::io(&end))?;
    regular(path, metadata.file_type())?;
    Ok((end, Some(metadata)))
}

/// Refuses a path without the name of a file.
pub(crate) fn named(path: &Path) -> Result<()> {
    let text = path.as_os_str().as_encoded_bytes();
    let folder = text.last().is_some_and(|&last| std::path::is_separator(char::from(last)));
    if path.file_name().is_some() && !folder {
        return Ok(());
    }
    Err(Error::NoName { path: path.into() })
}

/// Refuses what is no regular file.
fn regular(path: &Path, kind: FileType) -> Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    Err(Error::NotRegular { path: path.into(), what: what(kind) })
}

fn what(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a folder" } else { "something else" }
}

/// Opens a regular file, which need not be there yet, to be read and written in place. What is in
/// it stays; links are followed to regular files only.
///
/// # Errors
/// As [`write_atomic`](crate::write_atomic).
pub fn open_to_write(path: impl AsRef<Path>) -> Result<File> {
    let path = path.as_ref();
    let (end, found) = target(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    if found.is_none() {
        // Exclusively: what someone else puts there meanwhile is not written into.
        match options.clone().create_new(true).open(&end) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map_err(Error::io(path)),
        }
        target(path)?;
    }
    options.open(&end).map_err(Error::io(path))
}

/// The bytes of a file, or of a pipe.
///
/// # Errors
/// [`Error::NotRegular`] for folders, sockets and devices, some of which never end; [`Error::Io`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let kind = fs::metadata(path).map_err(Error::io(path))?.file_type();
    if !kind.is_file() && what(kind) != "a pipe" {
        return Err(Error::NotRegular { path: path.into(), what: what(kind) });
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(Error::io(path))?;
    Ok(bytes)
}
