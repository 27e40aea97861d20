//! The error type of this crate.

/// What can go wrong while episodes are made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tensors that do not fit together.
    #[error("{what} should be {expected}, got {got}")]
    Shape {
        /// The tensor, as `query inputs`.
        what: String,
        /// What was expected, in words.
        expected: String,
        /// What was found.
        got: String,
    },

    /// Tasks have fewer examples than an episode needs.
    #[error(
        "{name}: an episode of {support} support and {query} query examples needs as many per task, but there are {has}"
    )]
    TooFewExamples {
        /// The source of tasks.
        name: String,
        /// Support examples asked for.
        support: usize,
        /// Query examples asked for.
        query: usize,
        /// Examples per task.
        has: usize,
    },

    /// An episode without anything to adapt to, or to test on.
    #[error("{name}: an episode needs at least one support and one query example, got {support} and {query}")]
    NoExamples {
        /// The source of tasks.
        name: String,
        /// Support examples asked for.
        support: usize,
        /// Query examples asked for.
        query: usize,
    },

    /// A training episode without tasks.
    #[error("{name}: a meta-batch needs at least one task")]
    EmptyMetaBatch {
        /// The source of tasks.
        name: String,
    },

    /// There are fewer tasks than asked for.
    #[error("{name}: {problem}")]
    TooFewTasks {
        /// The source of tasks.
        name: String,
        /// How many are asked for and how many there are.
        problem: String,
    },

    /// An episode that no machine can hold.
    #[error("{name}: no episode can be as large as {problem}; use fewer tasks or examples")]
    TooLarge {
        /// The source of tasks.
        name: String,
        /// The tasks, their examples and the shapes.
        problem: String,
    },

    /// Buffers that do not hold whole examples of a task.
    #[error(
        "{name}: buffers of {x} inputs and {y} outputs do not hold the same number (at most {most}) of examples of \
         {inputs} and {outputs}"
    )]
    Buffers {
        /// The source of tasks.
        name: String,
        /// The length of the input buffer.
        x: usize,
        /// The length of the output buffer.
        y: usize,
        /// The numbers in one input.
        inputs: usize,
        /// The numbers in one output.
        outputs: usize,
        /// The number of examples of a task.
        most: usize,
    },

    /// What makes or reads the tasks failed.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),

    /// The tensor library refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    /// The error of a source of tasks or episodes, of any type.
    pub fn source(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Source(error.into())
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
