//! The examples of a set, as a loss sees them.

use msr_autodiff::{Node, SecondMoments};
use msr_episodes::{Examples, Targets};
use msr_layers::{Input, Layer, Values};

use crate::error::{Error, Result};
use crate::loss::Loss;

/// Examples made ready for losses.
#[derive(Clone)]
pub(crate) enum TaskData {
    /// Prepared inputs, and targets.
    Outputs(Input, Targets),
    /// All that the squared error depends on.
    Moments(SecondMoments),
}

impl TaskData {
    /// Makes examples ready for `uses` losses; `moments`: whether they may be reduced to their
    /// moments where that pays.
    pub(crate) fn new(
        model: &dyn Layer,
        loss: Loss,
        values: &Values,
        examples: &Examples,
        uses: usize,
        moments: bool,
    ) -> Result<Self> {
        if moments
            && loss == Loss::MeanSquaredError
            && let Targets::Values(targets) = &examples.y
            && let Some(linear) = model.linear_in_adapted()
            && let Some(moments) = linear.second_moments(&examples.x, targets, uses)?
        {
            return Ok(Self::Moments(moments));
        }
        let input = model.prepare(values, &Node::constant(&examples.x), uses)?;
        Ok(Self::Outputs(input, examples.y.clone()))
    }

    /// The loss of each task, `(t)`.
    pub(crate) fn loss(&self, model: &dyn Layer, loss: Loss, values: &Values) -> Result<Node> {
        match self {
            Self::Outputs(input, targets) => loss.per_task(&model.forward_tasks(values, input)?, targets),
            Self::Moments(moments) => match model.linear_in_adapted() {
                Some(linear) => Ok(linear.squared_error(values, moments)?),
                None => Err(Error::config("a model without moments was given some")),
            },
        }
    }
}
