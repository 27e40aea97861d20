//! The error type of this crate.

/// What can go wrong while building or differentiating a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel refused its operands.
    #[error(transparent)]
    Kernel(#[from] msr_kernels::Error),

    /// The tensor library refused an operation (shape, dtype or device mismatch, out of memory).
    #[error(transparent)]
    Candle(#[from] candle_core::Error),

    /// An operation got operands whose shapes do not fit it.
    #[error("{op}: {problem}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// Which dimension is wrong and what was expected.
        problem: String,
    },

    /// `grad` was asked for the gradient of something that is not a single number.
    #[error(
        "the gradient needs an output with one element, got shape {shape:?}; \
         reduce it with sum_all or mean_all, or call vjp with a cotangent"
    )]
    NotScalar {
        /// The shape of the output.
        shape: Vec<usize>,
    },

    /// A gradient was asked for with respect to a constant.
    #[error(
        "node {index} of those to differentiate by is a constant, through which no gradient flows; \
         make it with Node::leaf"
    )]
    NotTracked {
        /// Its position in the list.
        index: usize,
    },

    /// An error of a closure that was handed in, as it came.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),

    /// A rule broke its contract.
    #[error("rule `{rule}` {problem}")]
    Rule {
        /// The rule's name.
        rule: &'static str,
        /// What it did wrong.
        problem: String,
    },
}

impl Error {
    /// A shape error of `op`.
    pub fn shape(op: &'static str, problem: impl Into<String>) -> Self {
        Self::Shape { op, problem: problem.into() }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(inner) => inner,
            Error::Kernel(inner) => inner.into(),
            other => candle_core::Error::wrap(other),
        }
    }
}
