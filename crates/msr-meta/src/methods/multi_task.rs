//! MTSR: the multi-task, single-level counterpart of MSR.
//!
//! U and one v per training task are fitted jointly to all data of the training tasks:
//! `min_U Σ_t min_{v_t} L(U, v_t; support_t ∪ query_t)`. The inner minimum is taken by solving for it (variable
//! projection): the model is linear in v and the loss is the squared error, so v_t solves the normal
//! equations, here with a tiny ridge, all tasks at once. At the
//! minimum the gradient for U is the partial derivative with v_t held fixed; no derivative passes
//! through the fit. At test time U is frozen and v is fitted to the support set in the same way.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021), section 5.1
//! ("MTSR"); Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems
//! whose variables separate" (1973).

use std::sync::Arc;

use candle_core::Tensor;
use msr_autodiff::{Graph, Node, grad};
use msr_layers::{Layer, Role};

use crate::batch::{Batch, Examples};
use crate::error::{Error, Result};
use crate::loss::{Loss, Reduction};
use crate::methods::least_squares::solve;
use crate::objective::{Gradients, Objective, OuterParameter, numbers};
use crate::parameters::ModelParameters;
use crate::task_data::TaskData;

/// The model is linear in v; only for this loss is the fit a linear system.
const LOSS: Loss = Loss::MeanSquaredError;

/// How to fit jointly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiTaskConfig {
    /// Ridge strength λ, as in [`Adaptation::LeastSquares`](crate::Adaptation): keeps directions that the data does not
    /// determine near zero.
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

/// The multi-task learner for models that are linear in their adapted parameters, with the squared error.
///
/// Outer parameters: the model's shared parameters. The adapted ones of the model are not used: every fit
/// starts from zero.
pub struct MultiTask {
    model: Arc<dyn Layer>,
    parameters: ModelParameters,
    outer: Vec<OuterParameter>,
    config: MultiTaskConfig,
}

impl MultiTask {
    /// A learner for `model`.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Config`] when the model has no shared or
    /// no adapted parameters, or the configuration makes no sense. The first fit gives [`Error::Config`] when
    /// the model is not linear in its adapted parameters.
    pub fn new(model: Arc<dyn Layer>, config: MultiTaskConfig) -> Result<Self> {
        let parameters = ModelParameters::new(model.as_ref());
        let shared: Vec<usize> = parameters.with_role(Role::Shared).map(|(i, _)| i).collect();
        if shared.is_empty() || shared.len() == parameters.len() {
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
        let all = parameters.variables()?;
        let outer = shared.iter().map(|&i| all[i].clone()).collect();
        Ok(Self { model, parameters, outer, config })
    }

    fn shared(&self, make: impl Fn(&Tensor) -> Node) -> Vec<Node> {
        self.outer.iter().map(|p| make(p.variable.as_tensor())).collect()
    }

    /// The loss of each task, `(t)`; `moments`: whether the examples may be reduced to their moments.
    fn loss(&self, shared: &[Node], adapted: &[Node], examples: &Examples, moments: bool) -> Result<Node> {
        let joined = self.parameters.join(shared, adapted);
        let data = TaskData::new(self.model.as_ref(), LOSS, &joined, examples, 1, moments)?;
        data.loss(self.model.as_ref(), LOSS, &joined)
    }

    /// `argmin_v L(U, v; examples)` of each task; untracked when `shared` is.
    fn fit(&self, shared: &[Node], examples: &Examples) -> Result<Vec<Node>> {
        let tasks = examples.x.dims().first().copied().unwrap_or(0);
        let zeros = self
            .parameters
            .with_role(Role::Adapted)
            .map(|(_, p)| {
                let shape = [&[tasks], p.tensor.dims()].concat();
                Ok(Node::constant(&Tensor::zeros(shape, p.tensor.dtype(), p.tensor.device())?))
            })
            .collect::<Result<Vec<Node>>>()?;
        let joined = self.parameters.join(shared, &zeros);
        let ridge = Tensor::full(self.config.ridge, (), examples.x.device())?.to_dtype(examples.x.dtype())?;
        solve(self.model.as_ref(), &joined, &zeros, &Node::constant(&ridge), examples)
    }
}

impl Objective for MultiTask {
    fn outer_parameters(&self) -> &[OuterParameter] {
        &self.outer
    }

    fn gradients(&self, batch: &Batch) -> Result<Gradients> {
        batch.task_count()?;
        let all = Examples {
            x: Tensor::cat(&[&batch.support.x, &batch.query.x], 1)?,
            y: Tensor::cat(&[&batch.support.y, &batch.query.y], 1)?,
        };
        let adapted = self.fit(&self.shared(Node::constant), &all)?;
        let shared = self.shared(Node::leaf);
        let losses = self.loss(&shared, &adapted, &all, true)?;
        let total = self.config.reduction.apply(&losses)?;
        let gradients = grad(&total, &shared.iter().collect::<Vec<_>>(), Graph::Drop)?;
        Ok(Gradients {
            losses: numbers(&losses)?,
            gradients: gradients.iter().map(|g| g.value().clone()).collect(),
        })
    }

    fn losses(&self, batch: &Batch) -> Result<Vec<f64>> {
        batch.task_count()?;
        let shared = self.shared(Node::constant);
        let adapted = self.fit(&shared, &batch.support)?;
        numbers(&self.loss(&shared, &adapted, &batch.query, false)?)
    }

    fn adapt(&self, support: &Examples) -> Result<Vec<(String, Tensor)>> {
        Ok(self.parameters.name_adapted(&self.fit(&self.shared(Node::constant), support)?))
    }
}
