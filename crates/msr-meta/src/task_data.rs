//! The examples of a set, as a loss sees them.

use candle_core::Tensor;
use msr_autodiff::{Node, SecondMoments};
use msr_layers::{Input, Layer};

use crate::batch::Examples;
use crate::error::Result;
use crate::loss::Loss;

/// Examples made ready for losses.
#[derive(Clone)]
pub(crate) enum TaskData {
    /// Prepared inputs, and targets.
    Outputs(Input, Tensor),
    /// All that the squared error depends on.
    SecondMoments(SecondMoments),
}

impl TaskData {
    /// Makes examples ready for `uses` losses; `moments`: whether they may be reduced to their moments where that pays.
    pub(crate) fn new(
        model: &dyn Layer,
        loss: Loss,
        parameters: &[Node],
        examples: &Examples,
        uses: usize,
        moments: bool,
    ) -> Result<Self> {
        if moments
            && loss == Loss::MeanSquaredError
            && let Some(moments) = model.second_moments(&examples.x, &examples.y, uses)?
        {
            return Ok(Self::SecondMoments(moments));
        }
        let input = model.prepare(parameters, &Node::constant(&examples.x), uses)?;
        Ok(Self::Outputs(input, examples.y.clone()))
    }

    /// The loss of each task, `(t)`.
    pub(crate) fn loss(&self, model: &dyn Layer, loss: Loss, parameters: &[Node]) -> Result<Node> {
        match self {
            Self::Outputs(input, target) => loss.per_task(&model.forward_tasks(parameters, input)?, target),
            Self::SecondMoments(moments) => Ok(model.squared_error(parameters, moments)?),
        }
    }
}
