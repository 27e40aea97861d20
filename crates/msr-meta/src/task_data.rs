//! The examples of a set, as a loss sees them.

use std::sync::{Arc, OnceLock};

use candle_core::Tensor;
use msr_autodiff::{Node, SecondMoments, mse};
use msr_episodes::{Examples, Targets};
use msr_layers::{Input, Layer, Values};

use crate::error::{Error, Result};
use crate::learner::{Predictions, loss_values};
use crate::loss::{Criterion, Loss};

/// The set of examples of each task, or their moments where those are all that is needed of them.
#[derive(Clone, Copy)]
pub(crate) enum Set<'a> {
    Examples(&'a Examples),
    Moments(&'a SecondMoments),
}

impl Set<'_> {
    /// The number of tasks.
    pub(crate) fn tasks(self) -> usize {
        match self {
            Self::Examples(examples) => examples.tasks(),
            Self::Moments(moments) => moments.gram.dims().first().copied().unwrap_or(0),
        }
    }

    /// The examples; `None` where they are not needed.
    pub(crate) fn examples(&self) -> Option<&Examples> {
        match self {
            Self::Examples(examples) => Some(examples),
            Self::Moments(_) => None,
        }
    }
}

impl<'a> From<&'a Examples> for Set<'a> {
    fn from(examples: &'a Examples) -> Self {
        Self::Examples(examples)
    }
}

/// Examples made ready for losses.
#[derive(Clone)]
pub(crate) enum TaskData {
    /// Prepared inputs, and targets.
    Outputs(Input, Targets),
    /// All that the squared error depends on, and the examples for when that is too little.
    Moments(Arc<Reduced>),
}

/// Examples that were reduced to their moments.
pub(crate) struct Reduced {
    moments: SecondMoments,
    /// `None` for moments that are never too little.
    rest: Option<Rest>,
}

/// What outputs are of.
struct Rest {
    examples: Tensor,
    targets: Tensor,
    /// The inputs made ready for outputs, once they were asked for.
    input: OnceLock<Input>,
}

impl TaskData {
    /// Makes examples ready for `uses` losses; `moments`: whether they may be reduced to their
    /// moments where that pays.
    pub(crate) fn new(
        model: &dyn Layer,
        loss: Loss,
        values: &Values,
        set: Set<'_>,
        uses: usize,
        moments: bool,
    ) -> Result<Self> {
        let examples = match set {
            Set::Examples(examples) => examples,
            Set::Moments(moments) => {
                return Ok(Self::Moments(Arc::new(Reduced { moments: moments.clone(), rest: None })));
            }
        };
        if moments
            && loss == Loss::MeanSquaredError
            && let Targets::Values(targets) = &examples.y
            && let Some(linear) = model.linear_in_adapted()
            && let Some(moments) = linear.second_moments(&examples.x, targets, uses)?
        {
            let (examples, targets) = (examples.x.clone(), targets.clone());
            let rest = Some(Rest { examples, targets, input: OnceLock::new() });
            return Ok(Self::Moments(Arc::new(Reduced { moments, rest })));
        }
        let input = model.prepare(values, &Node::constant(&examples.x), uses)?;
        Ok(Self::Outputs(input, examples.y.clone()))
    }

    /// The loss of each task, `(t)`.
    pub(crate) fn loss(&self, model: &dyn Layer, loss: Criterion, values: &Values) -> Result<Node> {
        match self {
            Self::Outputs(input, targets) => loss.per_task(&model.forward_tasks(values, input)?, targets),
            Self::Moments(reduced) => reduced.loss(model, values),
        }
    }

    /// The loss of each task, and the outputs that it is of; for data whose moments were not asked
    /// for.
    pub(crate) fn predictions(
        &self,
        model: &dyn Layer,
        loss: Criterion,
        values: &Values,
    ) -> Result<Predictions> {
        let Self::Outputs(input, targets) = self else {
            return Err(Error::config("examples that were reduced to moments have no outputs"));
        };
        let outputs = model.forward_tasks(values, input)?;
        let losses = loss_values(&loss.per_task(&outputs, targets)?)?;
        Ok(Predictions { losses, outputs: outputs.value().clone() })
    }
}

impl Reduced {
    /// The squared error of each task: from moments, or from outputs where rounding would show.
    fn loss(&self, model: &dyn Layer, values: &Values) -> Result<Node> {
        let Some(linear) = model.linear_in_adapted() else {
            return Err(Error::config("a model without moments was given some"));
        };
        if let Some(loss) = linear.squared_error(values, &self.moments)? {
            return Ok(loss);
        }
        let Some(rest) = &self.rest else {
            return Err(Error::config(
                "the moments of examples say too little, and the examples are not there",
            ));
        };
        let input = match rest.input.get() {
            Some(input) => input.clone(),
            None => {
                let input = model.prepare(values, &Node::constant(&rest.examples), 1)?;
                // What depends on values is theirs alone.
                if input.node().is_tracked() { input } else { rest.input.get_or_init(|| input).clone() }
            }
        };
        Ok(mse(&model.forward_tasks(values, &input)?, &Node::constant(&rest.targets))?)
    }
}
