//! The error type of this crate.

use std::path::{Path, PathBuf};

/// What can go wrong while making or reading tasks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("{path}: {reason}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: std::io::Error,
    },

    /// The file cannot be written, is no npz archive, or has an array that is missing, damaged, or
    /// of a kind that is not read.
    #[error("{path}: {problem}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: msr_files::Error,
    },

    /// An array has the wrong shape.
    #[error("{path}, array `{array}`: expected shape {expected}, got {got:?}", path = .path.display())]
    ArrayShape {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// The shape in words.
        expected: String,
        /// The shape in the file.
        got: Vec<u64>,
    },

    /// An array holds NaN or infinity.
    #[error("{path}, array `{array}`: element {index} of task {task} is {value}; remove or repair that task", path = .path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// The task.
        task: usize,
        /// The position inside the task.
        index: usize,
        /// The value.
        value: f32,
    },

    /// A label that is no class.
    #[error(
        "{path}, array `{array}`: element {index} of task {task} is {value}, but classes are counted from 0; if these are \
         no labels, store them as floats or read them as values (NpzTargets::Values)",
        path = .path.display()
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// The task.
        task: usize,
        /// The position inside the task.
        index: usize,
        /// The value.
        value: f32,
    },

    /// Images that cannot be read, or a file that keeps them.
    #[error("{path}: {problem}", path = .path.display())]
    Images {
        /// The folder, archive or file.
        path: PathBuf,
        /// What is wrong, and where in it.
        problem: crate::images::ImageError,
    },

    /// A configuration that describes no problem.
    #[error("{problem}")]
    Config {
        /// What is wrong and what it must be.
        problem: String,
    },

    /// Tasks or episodes that are not there, or do not fit together.
    #[error(transparent)]
    Episodes(#[from] msr_episodes::Error),

    /// A pattern or a group refused an operation.
    #[error(transparent)]
    Groups(#[from] msr_groups::Error),

    /// The tensor library refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A problem with images, as one of this crate's.
    pub(crate) fn images(path: &Path, problem: crate::images::ImageError) -> Self {
        Self::Images { path: path.into(), problem }
    }

    /// A problem with a file, as one of this crate's.
    pub(crate) fn file(path: &Path, problem: msr_files::Error) -> Self {
        match problem {
            msr_files::Error::Io { path, reason } => Self::Io { path, reason },
            problem => Self::File { path: path.into(), problem },
        }
    }
}

impl From<Error> for msr_episodes::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Episodes(inner) => inner,
            Error::Candle(inner) => inner.into(),
            other => msr_episodes::Error::source(other),
        }
    }
}
