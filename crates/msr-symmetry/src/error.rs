//! The error type of this crate.

use std::path::PathBuf;

/// What can go wrong while something learned is saved, loaded or read.
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

    /// A file cannot be written, or its numbers cannot be read.
    #[error(transparent)]
    Files(msr_files::Error),

    /// A file that is damaged, or not what was learned.
    #[error("{path}: {problem}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: Box<Error>,
    },

    /// Bytes that hold nothing learned.
    #[error("{problem}")]
    Format {
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A model with a layer that is no kind of `msr_layers::LayerSpec`.
    #[error(
        "a layer of this model cannot be saved: only the layers of msr-layers can be built again from a file"
    )]
    NoRecord,

    /// A layer refused its tensors.
    #[error(transparent)]
    Layer(#[from] msr_layers::Error),

    /// A matrix from which no group can be read.
    #[error(transparent)]
    Groups(#[from] msr_groups::Error),

    /// The tensor library refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<msr_files::Error> for Error {
    fn from(error: msr_files::Error) -> Self {
        match error {
            msr_files::Error::Io { path, reason } => Self::Io { path, reason },
            other => Self::Files(other),
        }
    }
}

impl Error {
    pub(crate) fn format(problem: impl Into<String>) -> Self {
        Self::Format { problem: problem.into() }
    }
}
