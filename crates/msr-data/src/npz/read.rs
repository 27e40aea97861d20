//! Reading a problem from an `.npz` file.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use msr_files::{Entry, Npz};

use super::array::{Array, Kind, Source};
use super::options::{NpzOptions, NpzTargets};
use crate::error::{Error, Result};
use msr_episodes::TaskSource;

/// The tasks of an `.npz` file, as the MSR authors' generator or anyone's `numpy.savez` writes it,
/// compressed or not.
///
/// The arrays are `x`, `y` and, where it is there, `w`, unless [`NpzOptions`] say otherwise: floats
/// of any size (rounded to `f32`), integers and booleans, in any byte order. Integers and booleans
/// `y (tasks, examples)` are class labels.
///
/// Small arrays are read into memory and checked once, when the file is opened. Large ones (the
/// authors' file for the rotation problem has 17 GB) stay where they are, if they are not
/// compressed: each task is read when it is asked for, and its numbers are checked for NaN and
/// infinity then (not by the archive's checksum, which covers all tasks at once).
#[derive(Debug)]
pub struct NpzProblem {
    path: PathBuf,
    file: Option<Mutex<File>>,
    x: Array,
    y: Array,
    targets: Kind,
    w: Option<Array>,
}

impl NpzProblem {
    /// Opens and checks a file; arrays of up to 256 MiB are read into memory.
    ///
    /// # Errors
    /// As [`NpzOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        NpzOptions::new().open(path)
    }

    /// The same with another limit, in bytes, for arrays that are read into memory.
    ///
    /// # Errors
    /// As [`NpzOptions::open`].
    pub fn open_with(path: impl AsRef<Path>, in_memory: u64) -> Result<Self> {
        NpzOptions::new().in_memory(in_memory).open(path)
    }

    /// The tasks of an archive; `file` is the one from which large arrays can be read.
    pub(super) fn new<R: Read + Seek>(
        mut npz: Npz<R>,
        file: Option<File>,
        path: &Path,
        options: &NpzOptions,
    ) -> Result<Self> {
        let source = Source { path, stays: file.is_some(), in_memory: options.in_memory };
        let of_examples = "(tasks, examples, …), none of them zero";
        let x = entry(&mut npz, path, &options.x, (2, of_examples))?;
        let y = entry(&mut npz, path, &options.y, (2, of_examples))?;
        if x.shape[..2] != y.shape[..2] {
            let expected = format!("({}, {}, …) like {}", x.shape[0], x.shape[1], x.name);
            return Err(shape(path, &y, expected));
        }
        let targets = match options.targets {
            NpzTargets::AsStored if y.encoding.element.is_integer() && y.shape.len() == 2 => Kind::Labels,
            NpzTargets::Labels if y.shape.len() == 2 => Kind::Labels,
            NpzTargets::Labels => {
                return Err(shape(path, &y, format!("({}, {}) for labels", x.shape[0], x.shape[1])));
            }
            _ => Kind::Numbers,
        };
        let w = match npz.has(&options.w) {
            true => Some(entry(&mut npz, path, &options.w, (2, "(tasks, …), none of them zero"))?),
            false => None,
        };
        if let Some(w) = w.as_ref().filter(|w| w.shape[0] != x.shape[0]) {
            return Err(shape(path, w, format!("({}, …) like {}", x.shape[0], x.name)));
        }
        let mut array = |entry, kind| Array::read(&mut npz, entry, kind, &source);
        let (x, y) = (array(x, Kind::Numbers)?, array(y, targets)?);
        let w = w.map(|w| array(w, Kind::Numbers)).transpose()?;
        Ok(Self { path: path.into(), file: file.map(Mutex::new), x, y, targets, w })
    }

    fn copy(&self, array: &Array, task: usize, kind: Kind, out: &mut [f32]) -> Result<()> {
        array.copy(&self.path, self.file.as_ref(), (task, kind), out)
    }
}

/// What an array is, when it has at least `rank` dimensions.
fn entry<R: Read + Seek>(
    npz: &mut Npz<R>,
    path: &Path,
    name: &str,
    (rank, expected): (usize, &str),
) -> Result<Entry> {
    let entry = npz.entry(name).map_err(|e| Error::file(path, e))?;
    if entry.shape.len() < rank || entry.shape.contains(&0) {
        return Err(shape(path, &entry, expected.into()));
    }
    Ok(entry)
}

fn shape(path: &Path, entry: &Entry, expected: String) -> Error {
    let got = entry.shape.iter().map(|&d| d as u64).collect();
    Error::ArrayShape { path: path.into(), array: entry.name.clone(), expected, got }
}

impl TaskSource for NpzProblem {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn tasks(&self) -> Option<usize> {
        Some(self.x.shape()[0])
    }

    fn examples(&self) -> usize {
        self.x.shape()[1]
    }

    fn input_shape(&self) -> Vec<usize> {
        self.x.shape()[2..].to_vec()
    }

    fn output_shape(&self) -> Vec<usize> {
        self.y.shape()[2..].to_vec()
    }

    fn has_labels(&self) -> bool {
        self.targets == Kind::Labels
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        let has = self.x.shape()[0];
        if task >= has {
            return Err(msr_episodes::Error::TooFewTasks {
                name: self.name(),
                problem: format!("task {task} is asked for, but there are {has}"),
            });
        }
        self.check_buffers(x, y)?;
        self.copy(&self.x, task, Kind::Numbers, x)?;
        self.copy(&self.y, task, self.targets, y)?;
        Ok(())
    }

    fn true_weights(&self, task: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        let Some(w) = self.w.as_ref().filter(|w| task < w.shape()[0]) else { return Ok(None) };
        let mut numbers = vec![0f32; w.per_task()];
        self.copy(w, task, Kind::Numbers, &mut numbers)?;
        Ok(Some((w.shape()[1..].to_vec(), numbers)))
    }
}
