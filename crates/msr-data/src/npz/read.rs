//! Reading a problem from an `.npz` file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::header::Header;
use crate::error::{Error, Result};
use crate::source::{TaskSource, check_buffers};

/// The tasks of an `.npz` file as the MSR authors' generator writes it, compressed or not.
///
/// The arrays `x`, `y` and, where it is there, `w` are read into memory and checked once, when the file is
/// opened.
#[derive(Debug)]
pub struct NpzProblem {
    path: PathBuf,
    x: Array,
    y: Array,
    w: Option<Array>,
}

/// An array whose first dimension counts tasks.
#[derive(Debug)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Array {
    fn per_task(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

impl NpzProblem {
    /// Opens and checks a file.
    ///
    /// # Errors
    /// Each names the file, the array and what was expected: [`Error::Io`], [`Error::NotNpz`],
    /// [`Error::MissingArray`], [`Error::Damaged`], [`Error::Dtype`], [`Error::ArrayShape`],
    /// [`Error::NotFinite`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = File::open(&path).map_err(|reason| Error::Io { path: path.clone(), reason })?;
        let mut archive = ZipArchive::new(BufReader::new(file))
            .map_err(|e| Error::NotNpz { path: path.clone(), problem: e.to_string() })?;
        let x = read(&path, &mut archive, "x", 3)?;
        let y = read(&path, &mut archive, "y", 3)?;
        if x.shape[..2] != y.shape[..2] {
            return Err(Error::ArrayShape {
                path,
                array: "y".into(),
                expected: format!("({}, {}, …) like x", x.shape[0], x.shape[1]),
                got: y.shape.iter().map(|&d| d as u64).collect(),
            });
        }
        let w = if archive.index_for_name("w.npy").is_some() {
            Some(read(&path, &mut archive, "w", 2)?)
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
        Ok(Self { path, x, y, w })
    }
}

fn read(path: &Path, archive: &mut ZipArchive<BufReader<File>>, array: &str, rank: usize) -> Result<Array> {
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
    let shape: Vec<usize> = header.shape.iter().map(|&d| d as usize).collect();
    let result = Array { shape, data };
    if let Some(at) = result.data.iter().position(|v| !v.is_finite()) {
        return Err(Error::NotFinite {
            path: path.into(),
            array: array.into(),
            task: at / result.per_task(),
            index: at % result.per_task(),
            value: result.data[at],
        });
    }
    Ok(result)
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

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> Result<()> {
        let has = self.x.shape[0];
        if task >= has {
            return Err(Error::TooFewTasks {
                name: self.name(),
                problem: format!("task {task} is asked for, but there are {has}"),
            });
        }
        check_buffers(self, x, y)?;
        for (array, out) in [(&self.x, x), (&self.y, y)] {
            let size = array.per_task();
            out.copy_from_slice(&array.data[task * size..task * size + out.len()]);
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        Ok(self.w.as_ref().and_then(|w| {
            let size = w.per_task();
            Some((w.shape[1..].to_vec(), w.data.get(task * size..(task + 1) * size)?.to_vec()))
        }))
    }
}
