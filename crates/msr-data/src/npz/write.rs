//! Writing tasks to an `.npz` file.

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use tempfile::NamedTempFile;
use zip::write::{FileOptions, ZipWriter};

use super::header::Header;
use crate::error::{Error, Result};
use msr_episodes::TaskSource;

/// Writes tasks as the MSR authors' generator does: arrays `x`, `y` and, where the true weights are
/// known, `w`. Tasks are generated one after the other; nothing is kept in memory. The file appears
/// under its name only when it is complete.
///
/// # Errors
/// When there is no task, a task cannot be generated, or the file cannot be written.
pub fn export_npz(source: &dyn TaskSource, tasks: Range<usize>, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    if tasks.is_empty() {
        return Err(Error::Config { problem: format!("{}: there is no task to write", path.display()) });
    }
    let io = |reason: std::io::Error| Error::Io { path: path.into(), reason };
    let zip_error = |e: zip::result::ZipError| io(std::io::Error::other(e));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = new_file(folder).map_err(io)?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    let options: FileOptions<'_, '_, ()> =
        FileOptions::default().compression_method(zip::CompressionMethod::Stored).large_file(true);

    let shape = |tail: &[usize]| [&[tasks.len(), source.examples()], tail].concat();
    let (x_shape, y_shape) = (shape(&source.input_shape()), shape(&source.output_shape()));
    let mut x = vec![0f32; x_shape[1..].iter().product()];
    let mut y = vec![0f32; y_shape[1..].iter().product()];
    for array in ["x", "y"] {
        let shape = if array == "x" { &x_shape } else { &y_shape };
        archive.start_file(format!("{array}.npy"), options).map_err(zip_error)?;
        archive.write_all(&Header::for_f32(shape)).map_err(io)?;
        for task in tasks.clone() {
            source.fill(task, &mut x, &mut y)?;
            archive.write_all(&bytes(if array == "x" { &x } else { &y })).map_err(io)?;
        }
    }
    if let Some((shape, _)) = source.true_weights(tasks.start)? {
        archive.start_file("w.npy", options).map_err(zip_error)?;
        archive.write_all(&Header::for_f32(&[&[tasks.len()], &shape[..]].concat())).map_err(io)?;
        for task in tasks {
            let (_, weights) = source.true_weights(task)?.filter(|(s, _)| *s == shape).ok_or_else(|| {
                let problem =
                    format!("{}: the weights of task {task} are unlike those of others", source.name());
                Error::Config { problem }
            })?;
            archive.write_all(&bytes(&weights)).map_err(io)?;
        }
    }
    let file = archive.finish().map_err(zip_error)?.into_inner().map_err(|e| io(e.into_error()))?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    // The new name is durable only once its folder is; Windows has no such call.
    #[cfg(unix)]
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(io)?;
    Ok(())
}

/// A temporary file with the permissions of any other new file, not the private ones of a secret.
fn new_file(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
