//! The error type of this crate.

use std::path::PathBuf;

use candle_core::DType;

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

    /// A gradient holds NaN or infinite numbers. Nothing was updated.
    #[error("the gradient of `{parameter}` holds NaN or infinite numbers")]
    GradientNotFinite {
        /// The parameter.
        parameter: String,
    },

    /// A gradient so large that its square is infinite. Nothing was updated.
    #[error(
        "the gradient of `{parameter}` has the norm {norm:e}, whose square Adam's moments cannot hold ({dtype:?}): \
         an infinite one would freeze the parameter; try a smaller outer or inner rate, or set \
         AdamConfig::clip_norm"
    )]
    GradientTooLarge {
        /// The parameter.
        parameter: String,
        /// The norm of its gradient.
        norm: f64,
        /// The type of the parameter.
        dtype: DType,
    },

    /// A number that is to be saved is NaN or infinite. Nothing was written.
    #[error("{what} holds NaN or infinite numbers, which are not saved")]
    NotFinite {
        /// The tensor.
        what: String,
    },

    /// An outer step failed.
    #[error(
        "outer step {step}{}: {problem}; {checkpoint}", of_task(.task), checkpoint = last_good(.checkpoint)
    )]
    InStep {
        /// The outer step, counted from zero.
        step: u64,
        /// The task's number in its data set, where it is one task that failed.
        task: Option<usize>,
        /// The last checkpoint that was written, and its step.
        checkpoint: Option<(PathBuf, u64)>,
        /// What happened.
        problem: Box<Error>,
    },

    /// Held-out tasks could not be evaluated.
    #[error("test{}: {problem}", of_task(.task))]
    InEvaluation {
        /// The task's number in its data set, where it is one task that failed.
        task: Option<usize>,
        /// What happened.
        problem: Box<Error>,
    },

    /// A learner on a model that was trained, without the rates that were learned with it.
    #[error(
        "`{parameter}` is not what the model was built with: it was trained, or loaded. The inner rates that were \
         learned with it (`{rate}`, …) are not part of the model, and would start anew, with which it adapts badly. \
         Save with Learner::save and load with load_learner, which keep them; MetaLearner::on_trained starts \
         them anew on purpose"
    )]
    RatesLost {
        /// A parameter that has changed.
        parameter: String,
        /// The first of the learner's own variables.
        rate: String,
    },

    /// A model cannot be adapted to a support set.
    #[error("task {task} of the support set: {problem}")]
    Adaptation {
        /// The place of the task in the set, counted from zero.
        task: usize,
        /// What is wrong and what to do.
        problem: String,
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
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),

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

fn of_task(task: &Option<usize>) -> String {
    task.map_or_else(String::new, |task| format!(", task {task}"))
}

impl Error {
    /// The place in the batch of the task whose system of equations has no solution.
    pub(crate) fn failed_task(&self) -> Option<usize> {
        use msr_kernels::Error as Kernel;
        let kernel = match self {
            Error::Kernel(kernel)
            | Error::Autodiff(msr_autodiff::Error::Kernel(kernel))
            | Error::Layer(msr_layers::Error::Autodiff(msr_autodiff::Error::Kernel(kernel))) => kernel,
            _ => return None,
        };
        match kernel {
            Kernel::NotFinite { matrix, .. } | Kernel::NotPositiveDefinite { matrix, .. } => Some(*matrix),
            _ => None,
        }
    }

    pub(crate) fn config(problem: impl Into<String>) -> Self {
        Self::Config { problem: problem.into() }
    }
}

/// An error of a step, in the type that the unroll passes on.
pub(crate) fn lower(error: Error) -> msr_autodiff::Error {
    match error {
        Error::Autodiff(inner) => inner,
        other => msr_autodiff::Error::Other(Box::new(other)),
    }
}

/// The error that was lowered.
pub(crate) fn raise(error: msr_autodiff::Error) -> Error {
    match error {
        msr_autodiff::Error::Other(inner) => match inner.downcast::<Error>() {
            Ok(own) => *own,
            Err(other) => msr_autodiff::Error::Other(other).into(),
        },
        other => other.into(),
    }
}
