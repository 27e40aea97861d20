//! The error type of this crate.

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tasks from which nothing can be learned.
    #[error("{problem}")]
    Data {
        /// Which task and number, and what is wrong.
        problem: String,
    },

    /// A number of the configuration outside its range.
    #[error("{problem}")]
    Config {
        /// What is wrong and what it must be.
        problem: String,
    },

    /// A group or a pattern is too large.
    #[error(transparent)]
    Groups(#[from] msr_groups::Error),
}

impl Error {
    pub(crate) fn data(problem: impl Into<String>) -> Self {
        Self::Data { problem: problem.into() }
    }

    pub(crate) fn config(problem: impl Into<String>) -> Self {
        Self::Config { problem: problem.into() }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
