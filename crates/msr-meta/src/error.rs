//! The error type of this crate.

use std::path::PathBuf;

/// What can go wrong while meta-learning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is not a variable, so it cannot be trained.
    #[error("parameter `{name}` is a constant; build the model from SeededVars or a VarMap to train it")]
    NotTrainable {
        /// The parameter.
        name: String,
    },

    /// A configuration that makes no sense.
    #[error("{problem}")]
    Config {
        /// What is wrong and what it must be.
        problem: String,
    },

    /// The loss of a task became NaN or infinite. Nothing was updated by the step.
    #[error(
        "the loss of task {task} became {loss} in outer step {step}; {checkpoint}; \
         try a smaller outer or inner rate, or fewer inner steps", checkpoint = last_good(.checkpoint)
    )]
    Diverged {
        /// The outer step, counted from zero.
        step: u64,
        /// The task's number in its data set.
        task: usize,
        /// The loss.
        loss: f64,
        /// The last checkpoint that was written, and its step.
        checkpoint: Option<(PathBuf, u64)>,
    },

    /// The loss of a held-out task is NaN or infinite.
    #[error("the loss of test task {task} is {loss}; the learner diverges on it, try a smaller inner rate")]
    Evaluation {
        /// The task's number in its data set.
        task: usize,
        /// The loss.
        loss: f64,
    },

    /// A gradient became NaN or infinite although the losses were finite. Nothing was updated.
    #[error(
        "the gradient of `{parameter}` became NaN or infinite in outer step {step}; {checkpoint}; \
         try a smaller outer or inner rate", checkpoint = last_good(.checkpoint)
    )]
    GradientDiverged {
        /// The outer step, counted from zero.
        step: u64,
        /// The outer parameter.
        parameter: String,
        /// The last checkpoint that was written, and its step.
        checkpoint: Option<(PathBuf, u64)>,
    },

    /// The operating system refused to read or write.
    #[error("{path}: {reason}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: std::io::Error,
    },

    /// A checkpoint that cannot be used.
    #[error("checkpoint {path}: {problem}", path = .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },

    /// A file that holds no learner of this program.
    #[error("{path}: {problem}", path = .path.display())]
    Learner {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: Box<Error>,
    },

    /// What watches the training failed.
    #[error("{0}")]
    Observer(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// Episodes that cannot be made, or do not fit together.
    #[error(transparent)]
    Episodes(#[from] msr_episodes::Error),

    /// What was learned could not be saved or loaded.
    #[error(transparent)]
    Symmetry(#[from] msr_symmetry::Error),

    /// A layer refused its input.
    #[error(transparent)]
    Layer(#[from] msr_layers::Error),

    /// An operation on nodes failed.
    #[error(transparent)]
    Autodiff(#[from] msr_autodiff::Error),

    /// A kernel refused its operands.
    #[error(transparent)]
    Kernel(#[from] msr_kernels::Error),

    /// The tensor library refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

fn last_good(checkpoint: &Option<(PathBuf, u64)>) -> String {
    match checkpoint {
        Some((path, step)) => format!("the last good checkpoint is {} after {step} steps", path.display()),
        None => "no checkpoint had been written".into(),
    }
}

impl Error {
    pub(crate) fn config(problem: impl Into<String>) -> Self {
        Self::Config { problem: problem.into() }
    }
}
