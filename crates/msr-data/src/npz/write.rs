//! Writing tasks to an `.npz` file.

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use msr_files::{AtomicFile, npy_header};
use zip::write::{FileOptions, ZipWriter};

use crate::error::{Error, Result};
use msr_episodes::{TaskSource, numbers};

/// Writes tasks as the MSR authors' generator does: arrays `x`, `y` and, where the true weights are
/// known, `w`. Tasks are generated one after the other; nothing is kept in memory. The file appears
/// under its name only when it is complete. Labels are written as integers.
///
/// # Errors
/// When there is no task, a task cannot be generated or is larger than memory
/// ([`msr_episodes::Error::TooLarge`]), or the file cannot be written.
pub fn export_npz(source: &dyn TaskSource, tasks: Range<usize>, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    if tasks.is_empty() {
        return Err(Error::Config { problem: format!("{}: there is no task to write", path.display()) });
    }
    // Before the file is begun: nothing is left of what cannot be.
    let [mut x, mut y] = task_buffers(source)?;
    let io = |reason: std::io::Error| Error::Io { path: path.into(), reason };
    let zip_error = |e: zip::result::ZipError| io(std::io::Error::other(e));
    let file = AtomicFile::create(path).map_err(|e| Error::file(path, e))?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    let options: FileOptions<'_, '_, ()> =
        FileOptions::default().compression_method(zip::CompressionMethod::Stored).large_file(true);

    let shape = |tail: &[usize]| [&[tasks.len(), source.examples()], tail].concat();
    let (x_shape, y_shape) = (shape(&source.input_shape()), shape(&source.output_shape()));
    for array in ["x", "y"] {
        let shape = if array == "x" { &x_shape } else { &y_shape };
        archive.start_file(format!("{array}.npy"), options).map_err(zip_error)?;
        let labels = array == "y" && source.has_labels();
        archive.write_all(&npy_header(if labels { "<i8" } else { "<f4" }, shape)).map_err(io)?;
        for task in tasks.clone() {
            source.fill(task, &mut x, &mut y)?;
            let values = if array == "x" { &x } else { &y };
            archive.write_all(&if labels { integers(values) } else { bytes(values) }).map_err(io)?;
        }
    }
    if let Some((shape, _)) = source.true_weights(tasks.start)? {
        archive.start_file("w.npy", options).map_err(zip_error)?;
        archive.write_all(&npy_header("<f4", &[&[tasks.len()], &shape[..]].concat())).map_err(io)?;
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
    file.commit().map_err(|e| Error::file(path, e))
}

/// Room for all inputs and all outputs of a task.
fn task_buffers(source: &dyn TaskSource) -> Result<[Vec<f32>; 2]> {
    let shapes = [source.input_shape(), source.output_shape()];
    let room = |shape: &Vec<usize>| {
        let count = numbers(shape)?.checked_mul(source.examples())?;
        let mut room = Vec::new();
        room.try_reserve_exact(count).ok()?;
        room.resize(count, 0f32);
        Some(room)
    };
    let buffers = room(&shapes[0]).and_then(|x| Some([x, room(&shapes[1])?]));
    buffers.ok_or_else(|| {
        let [inputs, outputs] = &shapes;
        let problem = format!("a task of {} examples of shape {inputs:?} and {outputs:?}", source.examples());
        msr_episodes::Error::TooLarge { name: source.name(), problem }.into()
    })
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Labels, which are integers whatever holds them.
fn integers(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|&v| (v as i64).to_le_bytes()).collect()
}
