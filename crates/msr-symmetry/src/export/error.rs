//! The error type of exports.

use num_bigint::BigUint;

use super::Target;

/// What can go wrong while a tied layer is written for another tool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer whose parts contradict each other.
    #[error("{problem}")]
    Layer {
        /// What is wrong, and what to do.
        problem: String,
    },

    /// The name of a target that there is not.
    #[error("`{name}` is not a known target; choose one of {}", Target::names())]
    UnknownTarget {
        /// The name.
        name: String,
    },

    /// More weights than a file of this kind is written for.
    #[error(
        "{outputs} × {inputs} weights are more than the {most} that are written for {target}; export to {instead}"
    )]
    TooManyWeights {
        /// The number of outputs.
        outputs: usize,
        /// The number of inputs.
        inputs: usize,
        /// The most weights.
        most: usize,
        /// The target.
        target: Target,
        /// The one to choose.
        instead: Target,
    },

    /// A layer that has no parameter, where the format needs one.
    #[error(
        "the group ties all weights to zero, so that {target} has no parameter to hold; export to {instead}"
    )]
    NothingFree {
        /// The target.
        target: Target,
        /// The one to choose.
        instead: Target,
    },

    /// A file that says more or less than its generators do.
    #[error(
        "its generators make a group of order {made}, not of order {said}; the layer was put together wrongly"
    )]
    Order {
        /// The order of the group that the generators make.
        made: BigUint,
        /// The order that the layer says it has.
        said: BigUint,
    },

    /// Generators or patterns that the group core refuses.
    #[error(transparent)]
    Groups(#[from] msr_groups::Error),

    /// An archive that cannot be put together.
    #[error("the archive cannot be written: {0}")]
    Archive(#[from] zip::result::ZipError),

    /// Bytes that cannot be put together.
    #[error("the file cannot be put together: {0}")]
    Io(#[from] std::io::Error),
}

/// A result of an export.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn layer(problem: impl Into<String>) -> Self {
        Self::Layer { problem: problem.into() }
    }
}
