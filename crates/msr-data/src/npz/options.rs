//! What the arrays of a file are called, and what they are taken for.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use msr_files::Npz;

use super::read::NpzProblem;
use crate::error::{Error, Result};

/// What the outputs of a file are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NpzTargets {
    /// Labels when they are integers or booleans `(tasks, examples)`, else numbers.
    #[default]
    AsStored,
    /// Numbers, integers too.
    Values,
    /// The class of each example, `(tasks, examples)`, counted from zero.
    Labels,
}

/// How an `.npz` file is read. By default, as the MSR authors write it.
///
/// # Example
/// ```no_run
/// use msr_data::NpzOptions;
///
/// let problem = NpzOptions::new().x("images").y("classes").open("faces.npz")?;
/// # Ok::<(), msr_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpzOptions {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) w: String,
    pub(super) targets: NpzTargets,
    pub(super) in_memory: u64,
}

/// Arrays that would take more bytes than this in memory stay in the file.
const IN_MEMORY: u64 = 256 << 20;

impl Default for NpzOptions {
    fn default() -> Self {
        let [x, y, w] = ["x", "y", "w"].map(String::from);
        Self { x, y, w, targets: NpzTargets::AsStored, in_memory: IN_MEMORY }
    }
}

impl NpzOptions {
    /// Arrays `x`, `y` and `w`, of which those up to 256 MiB are read into memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the array of inputs.
    pub fn x(self, name: impl Into<String>) -> Self {
        Self { x: name.into(), ..self }
    }

    /// The name of the array of targets or labels.
    pub fn y(self, name: impl Into<String>) -> Self {
        Self { y: name.into(), ..self }
    }

    /// The name of the array of true weights, which need not be there.
    pub fn w(self, name: impl Into<String>) -> Self {
        Self { w: name.into(), ..self }
    }

    /// What the targets are.
    pub fn targets(self, targets: NpzTargets) -> Self {
        Self { targets, ..self }
    }

    /// The most bytes that an array may take in memory, stored or as `f32`, to be read when the
    /// file is opened.
    pub fn in_memory(self, bytes: u64) -> Self {
        Self { in_memory: bytes, ..self }
    }

    /// Opens and checks a file.
    ///
    /// # Errors
    /// Each names the file, the array and what was expected: [`Error::Io`], [`Error::File`],
    /// [`Error::ArrayShape`], [`Error::NotFinite`], [`Error::Label`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<NpzProblem> {
        let path = path.as_ref();
        let io = |reason| Error::Io { path: path.into(), reason };
        let file = File::open(path).map_err(io)?;
        let own = file.try_clone().map_err(io)?;
        let npz = Npz::open(BufReader::new(file)).map_err(|problem| Error::file(path, problem))?;
        NpzProblem::new(npz, Some(own), path, self)
    }

    /// Reads and checks the bytes of a file; `name` stands for it in messages.
    ///
    /// # Errors
    /// As [`NpzOptions::open`].
    pub fn read(&self, bytes: &[u8], name: &str) -> Result<NpzProblem> {
        let path = Path::new(name);
        let npz = Npz::open(Cursor::new(bytes)).map_err(|problem| Error::file(path, problem))?;
        NpzProblem::new(npz, None, path, self)
    }
}
