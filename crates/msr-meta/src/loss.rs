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
        self.per_task_smoothed(prediction, targets, 0.0)
    }

    /// The same with smoothed labels: the cross-entropy to `q = (1 − ε) · one-hot(class) + ε / C`
    /// for C classes, `(1 − ε) · (−log p[class]) + ε · mean_c(−log p[c])` with `p =
    /// softmax(scores)`. The squared error has no labels, and no ε but zero.
    ///
    /// # Errors
    /// As [`Loss::per_task`]; [`Error::Config`] for an ε outside `0 ≤ ε < 1`, or any but zero with
    /// the squared error.
    pub fn per_task_smoothed(self, prediction: &Node, targets: &Targets, epsilon: f64) -> Result<Node> {
        self.check_smoothing(epsilon)?;
        match (self, targets) {
            (Loss::MeanSquaredError, Targets::Values(values)) => {
                Ok(mse(prediction, &Node::constant(values))?)
            }
            (Loss::CrossEntropy, Targets::Labels(labels)) => {
                let classes = prediction.rank().saturating_sub(1);
                let log_p = prediction.log_softmax(classes)?;
                let picked = log_p.gather_class(labels)?;
                let examples: Vec<usize> = (1..picked.rank()).collect();
                let right = picked.mean(&examples)?.neg()?;
                if epsilon == 0.0 {
                    return Ok(right);
                }
                let all = log_p.mean(&(1..log_p.rank()).collect::<Vec<_>>())?;
                Ok(right.affine(1.0 - epsilon, 0.0)?.sub(&all.affine(epsilon, 0.0)?)?)
            }
            (loss, targets) => Err(Error::config(format!(
                "the loss is {loss:?}, but the targets are {}; the squared error is for values, the cross-entropy for \
                 labels",
                targets.kind()
            ))),
        }
    }

    fn check_smoothing(self, epsilon: f64) -> Result<()> {
        if !(0.0..1.0).contains(&epsilon) {
            return Err(Error::config(format!(
                "label smoothing takes from 0 to less than 1 of the right class, got {epsilon}"
            )));
        }
        if epsilon > 0.0 && self != Loss::CrossEntropy {
            return Err(Error::config(
                "label smoothing is for the cross-entropy; the squared error has no labels to smooth",
            ));
        }
        Ok(())
    }
}

/// Label smoothing of the cross-entropy: in which of the two losses, and its strength ε.
///
/// The formula is that of [`Loss::per_task_smoothed`]. The inner loss is the one whose gradient
/// adapts the model, the outer loss that of the query sets, which is trained and reported. What is
/// reported beside it, [`Classification`](crate::Classification), is never smoothed.
///
/// Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for
/// Computer Vision" (CVPR 2016), section 7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LabelSmoothing {
    /// In neither.
    #[default]
    None,
    /// In the outer loss alone: tasks are adapted to the labels as they are.
    Outer(f64),
    /// In both, the same ε.
    Both(f64),
}

impl LabelSmoothing {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The inner loss with this smoothing.
    pub(crate) fn inner(self, loss: Loss) -> Criterion {
        let epsilon = if let Self::Both(epsilon) = self { epsilon } else { 0.0 };
        Criterion { loss, epsilon }
    }

    /// The outer loss with this smoothing.
    pub(crate) fn outer(self, loss: Loss) -> Criterion {
        let epsilon = if let Self::Both(epsilon) | Self::Outer(epsilon) = self { epsilon } else { 0.0 };
        Criterion { loss, epsilon }
    }

    /// Refuses a strength outside its range, and smoothing of a loss without labels.
    pub(crate) fn check(self, loss: Loss) -> Result<()> {
        loss.check_smoothing(self.outer(loss).epsilon)
    }
}

/// A loss as it is computed: with its label smoothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Criterion {
    pub(crate) loss: Loss,
    /// The strength of the smoothing; zero for none.
    pub(crate) epsilon: f64,
}

impl Criterion {
    /// As [`Loss::per_task_smoothed`].
    pub(crate) fn per_task(self, prediction: &Node, targets: &Targets) -> Result<Node> {
        self.loss.per_task_smoothed(prediction, targets, self.epsilon)
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

    /// The summand of some of so many tasks.
    pub(crate) fn apply_to_part(self, losses: &Node, tasks: usize) -> Result<Node> {
        match self {
            Reduction::Mean if losses.elem_count() != tasks => {
                Ok(losses.sum_all()?.affine(1.0 / tasks as f64, 0.0)?)
            }
            _ => self.apply(losses),
        }
    }
}
