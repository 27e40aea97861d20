//! MTSR: the multi-task, single-level counterpart of MSR.
//!
//! U and one v per training task are fitted jointly to all data of the training tasks: `min_U Σ_t
//! min_{v_t} L(U, v_t; support_t ∪ query_t)`. The inner minimum is taken by solving for it
//! (variable projection): the model is linear in v and the loss is the squared error, so v_t solves
//! the normal equations, here with a tiny ridge, all tasks at once. At the minimum the gradient for
//! U is the partial derivative with v_t held fixed; no derivative passes through the fit. At test
//! time U is frozen and v is fitted to the support set in the same way.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
//! section 5.1 ("MTSR"); Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear
//! least squares problems whose variables separate" (1973).

use std::sync::Arc;

use candle_core::Tensor;
use msr_autodiff::{Graph, Node, SecondMoments, grad};
use msr_episodes::{Episode, Examples};
use msr_layers::{Layer, Tied, Values};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::adapted::Adapted;
use crate::checks::{check_adapted, check_support};
use crate::error::{Error, Result};
use crate::known_tasks::{self, KnownSets};
use crate::learner::{Gradients, Learner, OuterParameter, Predictions, loss_values, without_steps};
use crate::loss::{Criterion, Loss, Reduction};
use crate::methods::least_squares::solve;
use crate::parameters::{nodes, variables};
use crate::task_data::{Set, TaskData};

/// The model is linear in v; only for this loss is the fit a linear system.
const LOSS: Criterion = Criterion { loss: Loss::MeanSquaredError, epsilon: 0.0 };

/// How to fit jointly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiTaskConfig {
    /// Ridge strength λ, as in [`LeastSquares`](crate::LeastSquares): keeps directions that the
    /// data does not determine near zero.
    pub ridge: f64,
    /// Sum or mean over tasks.
    pub reduction: Reduction,
}

impl Default for MultiTaskConfig {
    /// Ridge 1e-5, the sum over tasks.
    fn default() -> Self {
        Self { ridge: 1e-5, reduction: Reduction::Sum }
    }
}

/// The multi-task learner for models that are linear in their adapted parameters, with the squared
/// error.
///
/// Outer parameters: the model's shared parameters. The adapted ones of the model are not used:
/// every fit starts from zero.
pub struct MultiTask {
    model: Arc<dyn Layer>,
    /// Its parameters, each once.
    tied: Tied,
    /// The shared parameters.
    outer: Vec<OuterParameter>,
    config: MultiTaskConfig,
}

impl std::fmt::Debug for MultiTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.outer.iter().map(|p| p.name.as_str()).collect();
        f.debug_struct("MultiTask").field("outer", &names).field("config", &self.config).finish()
    }
}

impl MultiTask {
    /// A learner for `model`.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Config`] when the model has no
    /// shared or no adapted parameters, or the configuration makes no sense. The first fit gives
    /// [`Error::Config`] when the model is not linear in its adapted parameters.
    pub fn new(model: impl Layer + 'static, config: MultiTaskConfig) -> Result<Self> {
        let tied = model.parameters().tied()?;
        let parameters = &tied.parameters;
        if parameters.shared.is_empty() || parameters.adapted.is_empty() {
            return Err(Error::config(
                "multi-task learning needs a model with shared parameters (a symmetry matrix) and adapted ones",
            ));
        }
        if !(0.0..f64::INFINITY).contains(&config.ridge) {
            return Err(Error::config(format!(
                "the ridge of multi-task learning must be ≥ 0, got {}",
                config.ridge
            )));
        }
        if tied.has_ties() {
            return Err(Error::config(
                "multi-task learning cannot fit a layer that is used twice: the model is not linear in its parameters",
            ));
        }
        if !parameters.buffers.is_empty() {
            return Err(Error::config(
                "multi-task learning has no support set and keeps no running averages; normalise with \
                 Statistics::Batch",
            ));
        }
        // All of them must be variables, though the adapted ones are not trained.
        variables(parameters.iter())?;
        let outer = variables(parameters.shared.iter())?;
        Ok(Self { model: Arc::new(model), tied, outer, config })
    }

    fn shared(&self, make: impl Fn(&Tensor) -> Node) -> Vec<Node> {
        self.outer.iter().map(|p| make(p.variable.as_tensor())).collect()
    }

    /// Examples made ready for one loss; `moments`: whether they may be reduced to their moments.
    fn data(&self, values: &Values, set: Set<'_>, moments: bool) -> Result<TaskData> {
        TaskData::new(self.model.as_ref(), LOSS.loss, values, set, 1, moments)
    }

    /// The loss of each task, `(t)`.
    fn loss(&self, values: &Values, set: Set<'_>, moments: bool) -> Result<Node> {
        self.data(values, set, moments)?.loss(self.model.as_ref(), LOSS, values)
    }

    /// `argmin_v L(U, v; examples)` of each task; untracked when `shared` is.
    fn fit(&self, shared: Vec<Node>, set: Set<'_>) -> Result<Values> {
        let tasks = set.tasks();
        let zeros = self.tied.parameters.adapted.iter().map(|p| {
            let shape = [&[tasks], p.tensor.dims()].concat();
            Ok(Node::constant(&Tensor::zeros(shape, p.tensor.dtype(), p.tensor.device())?))
        });
        let start = Values::new(shared, zeros.collect::<Result<_>>()?);
        let like = &self.tied.parameters.adapted[0].tensor;
        let ridge = Tensor::full(self.config.ridge, (), like.device())?.to_dtype(like.dtype())?;
        solve(self.model.as_ref(), &start, &Node::constant(&ridge), set)
    }

    /// Losses and gradients on all examples of training tasks.
    fn gradients_of(&self, all: Set<'_>) -> Result<Gradients> {
        let fitted = self.fit(self.shared(Node::constant), all)?;
        let shared = self.shared(Node::leaf);
        let values = Values::new(shared.clone(), fitted.adapted);
        let losses = self.loss(&values, all, true)?;
        let total = self.config.reduction.apply(&losses)?;
        let gradients = grad(&total, &shared.iter().collect::<Vec<_>>(), Graph::Drop)?;
        Ok(Gradients {
            losses: loss_values(&losses)?,
            gradients: gradients.iter().map(|g| g.value().clone()).collect(),
            buffers: Vec::new(),
        })
    }
}

impl Learner for MultiTask {
    fn model(&self) -> &Arc<dyn Layer> {
        &self.model
    }

    fn spec(&self) -> Value {
        json!({ "multi_task": self.config })
    }

    fn outer_parameters(&self) -> &[OuterParameter] {
        &self.outer
    }

    fn gradients(&self, episode: &Episode) -> Result<Gradients> {
        episode.check()?;
        let all = episode.support.concat(&episode.query)?;
        self.gradients_of((&all).into())
    }

    fn moments_of_each(&self, examples: &Examples) -> Result<Option<SecondMoments>> {
        let model = self.model.as_ref();
        let Some(found) = known_tasks::moments_of_each(model, examples)? else { return Ok(None) };
        let values = nodes(&self.tied.parameters, Node::constant);
        Ok(known_tasks::have_equations(model, &values, &found)?.then_some(found))
    }

    fn gradients_of_known(&self, _: u64, known: &KnownSets) -> Result<Gradients> {
        self.gradients_of(Set::Moments(&known.all()?))
    }

    fn losses(&self, episode: &Episode) -> Result<Vec<f64>> {
        episode.check()?;
        let fitted = self.fit(self.shared(Node::constant), (&episode.support).into())?;
        loss_values(&self.loss(&fitted, (&episode.query).into(), false)?)
    }

    fn predictions(&self, episode: &Episode, steps: &[usize]) -> Result<Vec<Predictions>> {
        without_steps(steps)?;
        episode.check()?;
        let fitted = self.fit(self.shared(Node::constant), (&episode.support).into())?;
        let data = self.data(&fitted, (&episode.query).into(), false)?;
        Ok(vec![data.predictions(self.model.as_ref(), LOSS, &fitted)?])
    }

    fn adapt(&self, support: &Examples) -> Result<Adapted> {
        check_support(support)?;
        let fitted = self.fit(self.shared(Node::constant), support.into())?;
        check_adapted(&fitted)?;
        Adapted::new(self.model.clone(), &fitted)
    }
}
