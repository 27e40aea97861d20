//! Files that are old or new, never half.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file so that it is either the old one or the new one, whenever the machine stops: a
/// temporary file beside it, fsync, rename, fsync of the folder.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let error = |reason| Error::Io { path: path.into(), reason };
    // Always the same name: a killed run leaves at most one such file, and the next one replaces
    // it.
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary).map_err(error)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(error)?;
    fs::rename(&temporary, path).map_err(error)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Windows cannot open folders; there the rename is all there is.
    #[cfg(unix)]
    File::open(folder).and_then(|f| f.sync_all()).map_err(error)?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
