//! The error type of this crate.

use std::path::PathBuf;

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

    /// The file is no npz archive, or a damaged one.
    #[error("{path} is no readable .npz archive ({problem}); write it with numpy.savez", path = .path.display())]
    NotNpz {
        /// The file.
        path: PathBuf,
        /// What the archive reader found.
        problem: String,
    },

    /// An array is missing.
    #[error("{path} has no array `{array}`, only {found:?}; expected x, y (and w)", path = .path.display())]
    MissingArray {
        /// The file.
        path: PathBuf,
        /// The array that was looked for.
        array: String,
        /// The arrays that are there.
        found: Vec<String>,
    },

    /// The bytes of an array are damaged or end too early.
    #[error("{path}, array `{array}`: {problem}; the file is damaged, write it again", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// What is wrong.
        problem: String,
    },

    /// An array has the wrong element type or memory order.
    #[error("{path}, array `{array}`: expected {expected}, got {got}; convert it with numpy.ascontiguousarray(array, numpy.float32)", path = .path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// The type that was expected.
        expected: &'static str,
        /// The type in the file.
        got: String,
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

impl From<Error> for msr_episodes::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Episodes(inner) => inner,
            Error::Candle(inner) => inner.into(),
            other => msr_episodes::Error::source(other),
        }
    }
}
