//! Losses per task and how they are put together.

use candle_core::Tensor;
use msr_autodiff::{Node, mse};

use crate::error::Result;

/// The loss of one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// The mean of the squared differences over examples and outputs.
    #[default]
    MeanSquaredError,
    /// The mean over examples of `−log softmax(scores)[class]`; targets are class indices.
    CrossEntropy,
}

impl Loss {
    /// The loss of each task: predictions `(t, b, …)`, targets as in [`Examples`](crate::Examples) `-> (t)`.
    ///
    /// # Errors
    /// When predictions and targets do not fit each other.
    pub fn per_task(self, prediction: &Node, target: &Tensor) -> Result<Node> {
        match self {
            Loss::MeanSquaredError => Ok(mse(prediction, &Node::constant(target))?),
            Loss::CrossEntropy => {
                let log_p = prediction.log_softmax(prediction.rank().saturating_sub(1))?;
                let picked = log_p.gather_class(target)?;
                Ok(picked.mean(&(1..picked.rank()).collect::<Vec<_>>())?.neg()?)
            }
        }
    }
}

/// How the losses of the tasks become the outer loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
