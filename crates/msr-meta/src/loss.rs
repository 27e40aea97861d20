//! Losses per task and how they are put together.

use msr_autodiff::{Node, mse};
use msr_episodes::Targets;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The loss of one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Loss {
    /// The mean of the squared differences over examples and outputs.
    #[default]
    MeanSquaredError,
    /// The mean over examples of `−log softmax(scores)[class]`; targets are class indices.
    CrossEntropy,
}

impl Loss {
    /// The loss of each task: predictions `(t, b, …)` and [`Targets`] `-> (t)`.
    ///
    /// # Errors
    /// When predictions and targets do not fit each other; [`Error::Config`] when the loss is for
    /// the other kind of targets.
    pub fn per_task(self, prediction: &Node, targets: &Targets) -> Result<Node> {
        match (self, targets) {
            (Loss::MeanSquaredError, Targets::Values(values)) => {
                Ok(mse(prediction, &Node::constant(values))?)
            }
            (Loss::CrossEntropy, Targets::Labels(labels)) => {
                let log_p = prediction.log_softmax(prediction.rank().saturating_sub(1))?;
                let picked = log_p.gather_class(labels)?;
                Ok(picked.mean(&(1..picked.rank()).collect::<Vec<_>>())?.neg()?)
            }
            (loss, targets) => Err(Error::config(format!(
                "the loss is {loss:?}, but the targets are {}; the squared error is for values, the cross-entropy for \
                 labels",
                targets.kind()
            ))),
        }
    }
}

/// How the losses of the tasks become the outer loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reduction {
    /// The sum over tasks, as in the authors' code.
    #[default]
    Sum,
    /// The mean over tasks.
    Mean,
}

impl Reduction {
    /// One number from the losses `(t)`.
    ///
    /// # Errors
    /// When there are no tasks.
    pub fn apply(self, losses: &Node) -> Result<Node> {
        Ok(match self {
            Reduction::Sum => losses.sum_all()?,
            Reduction::Mean => losses.mean_all()?,
        })
    }
}
