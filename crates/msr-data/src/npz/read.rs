//! Reading a problem from an `.npz` file.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use zip::{CompressionMethod, ZipArchive};

use super::header::Header;
use crate::error::{Error, Result};
use msr_episodes::TaskSource;

/// The tasks of an `.npz` file as the MSR authors' generator writes it, compressed or not.
///
/// The arrays are `x`, `y` and, where it is there, `w`. Small ones are read into memory and checked
/// once, when the file is opened. Large ones (the authors' file for the rotation problem has 17 GB)
/// stay where they are, if they are not compressed: each task is read when it is asked for, and its
/// numbers are checked for NaN and infinity then (not by the archive's checksum, which covers all
/// tasks at once).
#[derive(Debug)]
pub struct NpzProblem {
    path: PathBuf,
    file: Mutex<File>,
    x: Array,
    y: Array,
    w: Option<Array>,
}

/// An array whose first dimension counts tasks.
#[derive(Debug)]
struct Array {
    name: &'static str,
    shape: Vec<usize>,
    data: Data,
}

/// Where the numbers are.
#[derive(Debug)]
enum Data {
    Memory(Vec<f32>),
    /// In the file, from this byte on.
    File(u64),
}

/// Arrays of more bytes than this stay in the file.
const IN_MEMORY: u64 = 256 << 20;
/// Compressed arrays of more bytes than this are refused: they could only be read as a whole.
const COMPRESSED: u64 = 4 << 30;

impl Array {
    fn per_task(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

impl NpzProblem {
    /// Opens and checks a file; arrays of up to 256 MiB are read into memory.
    ///
    /// # Errors
    /// Each names the file, the array and what was expected: [`Error::Io`], [`Error::NotNpz`],
    /// [`Error::MissingArray`], [`Error::Damaged`], [`Error::Dtype`], [`Error::ArrayShape`],
    /// [`Error::NotFinite`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, IN_MEMORY)
    }

    /// The same with another limit, in bytes, for arrays that are read into memory.
    ///
    /// # Errors
    /// As [`NpzProblem::open`].
    pub fn open_with(path: impl AsRef<Path>, in_memory: u64) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let io = |reason| Error::Io { path: path.clone(), reason };
        let file = File::open(&path).map_err(io)?;
        let own = file.try_clone().map_err(io)?;
        let mut archive = ZipArchive::new(BufReader::new(file))
            .map_err(|e| Error::NotNpz { path: path.clone(), problem: e.to_string() })?;
        let x = read(&path, &mut archive, "x", 3, in_memory)?;
        let y = read(&path, &mut archive, "y", 3, in_memory)?;
        if x.shape[..2] != y.shape[..2] {
            return Err(Error::ArrayShape {
                path,
                array: "y".into(),
                expected: format!("({}, {}, …) like x", x.shape[0], x.shape[1]),
                got: y.shape.iter().map(|&d| d as u64).collect(),
            });
        }
        let w = if archive.index_for_name("w.npy").is_some() {
            Some(read(&path, &mut archive, "w", 2, in_memory)?)
        } else {
            None
        };
        if let Some(w) = w.as_ref().filter(|w| w.shape[0] != x.shape[0]) {
            return Err(Error::ArrayShape {
                path,
                array: "w".into(),
                expected: format!("({}, …) like x", x.shape[0]),
                got: w.shape.iter().map(|&d| d as u64).collect(),
            });
        }
        Ok(Self { path, file: Mutex::new(own), x, y, w })
    }

    /// The first numbers of a task's entry of an array.
    fn copy(&self, array: &Array, task: usize, out: &mut [f32]) -> Result<()> {
        let first = task * array.per_task();
        match &array.data {
            Data::Memory(data) => out.copy_from_slice(&data[first..first + out.len()]),
            Data::File(start) => {
                let mut bytes = vec![0u8; out.len() * 4];
                let io = |reason| Error::Io { path: self.path.clone(), reason };
                {
                    // A thread that panicked while reading leaves nothing half-done but the
                    // position.
                    let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    file.seek(SeekFrom::Start(start + 4 * first as u64)).map_err(io)?;
                    file.read_exact(&mut bytes).map_err(io)?;
                }
                let (chunks, _) = bytes.as_chunks::<4>();
                out.iter_mut().zip(chunks).for_each(|(x, &b)| *x = f32::from_le_bytes(b));
                check_finite(&self.path, array.name, task, out)?;
            }
        }
        Ok(())
    }
}

/// Refuses NaN and infinity in the entry of a task.
fn check_finite(path: &Path, array: &str, task: usize, numbers: &[f32]) -> Result<()> {
    match numbers.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite {
            path: path.into(),
            array: array.into(),
            task,
            index,
            value: numbers[index],
        }),
    }
}

fn read(
    path: &Path,
    archive: &mut ZipArchive<BufReader<File>>,
    array: &'static str,
    rank: usize,
    in_memory: u64,
) -> Result<Array> {
    let member = format!("{array}.npy");
    let Some(index) = archive.index_for_name(&member) else {
        let found = archive.file_names().flatten().map(|n| n.trim_end_matches(".npy").to_string()).collect();
        return Err(Error::MissingArray { path: path.into(), array: array.into(), found });
    };
    let damaged = |problem: String| Error::Damaged { path: path.into(), array: array.into(), problem };
    let mut member = archive.by_index(index).map_err(|e| damaged(e.to_string()))?;
    let (header, header_bytes) = Header::read(&mut member).map_err(damaged)?;
    let available = member.size().saturating_sub(header_bytes);
    if header.descr != "<f4" || header.fortran_order {
        let order = if header.fortran_order { " in Fortran order" } else { "" };
        return Err(Error::Dtype {
            path: path.into(),
            array: array.into(),
            expected: "little-endian float32 ('<f4') in C order",
            got: format!("'{}'{order}", header.descr),
        });
    }
    if header.shape.len() < rank || header.shape.contains(&0) {
        return Err(Error::ArrayShape {
            path: path.into(),
            array: array.into(),
            expected: if rank > 2 {
                "(tasks, examples, channels, …), none of them zero"
            } else {
                "(tasks, …)"
            }
            .into(),
            got: header.shape,
        });
    }
    // Checked against the archive's own account before anything is allocated.
    let elements = header
        .elements()
        .filter(|n| n.checked_mul(4).is_some_and(|bytes| bytes <= available))
        .ok_or_else(|| {
            damaged(format!("shape {:?} needs more than the {available} bytes that are there", header.shape))
        })?;
    let shape: Vec<usize> = header.shape.iter().map(|&d| d as usize).collect();
    if elements * 4 > in_memory && member.compression() == CompressionMethod::Stored {
        let start = member.data_start().ok_or_else(|| damaged("its place in the file is unknown".into()))?;
        if available != elements * 4 {
            return Err(damaged("there are more bytes than the shape accounts for".into()));
        }
        return Ok(Array { name: array, shape, data: Data::File(start + header_bytes) });
    }
    if elements * 4 > COMPRESSED.max(in_memory) {
        return Err(damaged(format!(
            "{elements} compressed numbers can only be read as a whole, which is too much; write the file with \
             numpy.savez, without compression"
        )));
    }
    let mut bytes = Vec::new();
    member
        .by_ref()
        .take(elements * 4)
        .read_to_end(&mut bytes)
        .map_err(|e| damaged(format!("the data cannot be read ({e})")))?;
    if bytes.len() as u64 != elements * 4 {
        return Err(damaged(format!("{} bytes of data instead of {}", bytes.len(), elements * 4)));
    }
    // Reading past the end makes the archive reader verify its checksum.
    let mut rest = [0u8; 1];
    match member.read(&mut rest) {
        Ok(0) => {}
        Ok(_) => return Err(damaged("there are more bytes than the shape accounts for".into())),
        Err(e) => return Err(damaged(e.to_string())),
    }
    let (chunks, _) = bytes.as_chunks::<4>();
    let data: Vec<f32> = chunks.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let per_task: usize = shape[1..].iter().product();
    for (task, numbers) in data.chunks_exact(per_task.max(1)).enumerate() {
        check_finite(path, array, task, numbers)?;
    }
    Ok(Array { name: array, shape, data: Data::Memory(data) })
}

impl TaskSource for NpzProblem {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn tasks(&self) -> Option<usize> {
        Some(self.x.shape[0])
    }

    fn examples(&self) -> usize {
        self.x.shape[1]
    }

    fn input_shape(&self) -> Vec<usize> {
        self.x.shape[2..].to_vec()
    }

    fn output_shape(&self) -> Vec<usize> {
        self.y.shape[2..].to_vec()
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        let has = self.x.shape[0];
        if task >= has {
            return Err(msr_episodes::Error::TooFewTasks {
                name: self.name(),
                problem: format!("task {task} is asked for, but there are {has}"),
            });
        }
        self.check_buffers(x, y)?;
        for (array, out) in [(&self.x, x), (&self.y, y)] {
            self.copy(array, task, out)?;
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        let Some(w) = self.w.as_ref().filter(|w| task < w.shape[0]) else { return Ok(None) };
        let mut numbers = vec![0f32; w.per_task()];
        self.copy(w, task, &mut numbers)?;
        Ok(Some((w.shape[1..].to_vec(), numbers)))
    }
}
