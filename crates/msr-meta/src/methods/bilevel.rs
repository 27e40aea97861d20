//! The bilevel learner: MAML, and MSR when the model has symmetry matrices.
//!
//! Inner loop, per task t: `v_{t,s+1} = v_{t,s} − α ∘ ∇_v L(U, v_{t,s}; support_t)`. Outer loop: minimise
//! `Σ_t L(U, v_{t,S}; query_t)` over U, the initial v and α through the exact derivative.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021), algorithm 1;
//! Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning" (ICML 2017).

use std::sync::Arc;

use candle_core::Tensor;
use msr_autodiff::{Graph, Node, Recompute, grad, unroll};
use msr_layers::Layer;

use crate::batch::{Batch, Examples};
use crate::error::{Error, Result};
use crate::loss::{Loss, Reduction};
use crate::methods::least_squares::Ridge;
use crate::objective::{Gradients, Objective, OuterParameter, numbers};
use crate::parameters::ModelParameters;
use crate::rates::{RateTable, Rates};
use crate::task_data::TaskData;

/// Whether the outer gradient passes through the inner gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The exact derivative.
    #[default]
    Second,
    /// The inner gradients are treated as constants: cheaper, and wrong by the second derivatives. With an exact
    /// adaptation: the solution does not depend on the symmetry matrix, only on where it started and on the ridge.
    First,
}

/// How a model is adapted to a task.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Adaptation {
    /// By gradient steps from the initial values.
    #[default]
    GradientSteps,
    /// By the exact solution of the ridge regression
    /// `min_v L(U, v; support) + λ̄ ‖v − v₀‖²`, for models that are linear in v, with the squared error. The outer
    /// gradient passes through the solution. `v₀` are the initial values and `λ̄ = λ · tr(A) / k` for the k × k matrix A of
    /// the normal equations, so that λ has no unit; λ is learned, as `ridge`, and stays above 1e-5 (in `f32`). A task whose
    /// support set gives no features at all keeps `v₀`.
    LeastSquares {
        /// λ at the start, positive.
        ridge: f64,
    },
}

/// How to meta-learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetaConfig {
    /// Gradient steps or an exact solution; inner steps and rates are for the former.
    pub adaptation: Adaptation,
    /// Whether the squared errors of gradient steps and of training queries are computed from
    /// [moments](msr_layers::Layer::second_moments) where the layer has them and they cost less: the same numbers but for
    /// rounding. Query losses of tests are always computed from outputs; an exact adaptation always uses moments.
    pub second_moments: bool,
    /// The number of inner steps, S.
    pub inner_steps: usize,
    /// The inner rates, α.
    pub rates: Rates,
    /// Exact or first-order outer gradient.
    pub order: Order,
    /// Whether inner steps are recomputed in the backward pass, to save memory.
    pub recompute: Recompute,
    /// The loss of a task, inner and outer.
    pub loss: Loss,
    /// Sum or mean over tasks.
    pub reduction: Reduction,
}

impl Default for MetaConfig {
    /// Three inner steps, one learned rate a layer from 0.1, second order, squared error, sum over tasks.
    fn default() -> Self {
        Self {
            adaptation: Adaptation::default(),
            second_moments: true,
            inner_steps: 3,
            rates: Rates::default(),
            order: Order::default(),
            recompute: Recompute::default(),
            loss: Loss::default(),
            reduction: Reduction::default(),
        }
    }
}

/// Learns what the tasks of a family share: with reparameterized layers this is MSR, with plain ones MAML.
///
/// Outer parameters: all parameters of the model under their own names, then the learned inner rates,
/// named `rate` plus the layer or parameter they belong to, or `ridge` for an exact adaptation, the logarithm of λ.
pub struct MetaLearner {
    inner: Arc<InnerLoop>,
    outer: Vec<OuterParameter>,
}

/// What an inner step needs; shared with the closures that recompute it.
struct InnerLoop {
    model: Arc<dyn Layer>,
    parameters: ModelParameters,
    rates: RateTable,
    ridge: Option<Ridge>,
    config: MetaConfig,
}

impl MetaLearner {
    /// A learner for `model`, whose parameters must be variables.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Config`] for rates that are not finite.
    pub fn new(model: Arc<dyn Layer>, config: MetaConfig) -> Result<Self> {
        let parameters = ModelParameters::new(model.as_ref());
        let (rates, ridge) = match config.adaptation {
            Adaptation::GradientSteps => (RateTable::new(config.rates, &parameters)?, None),
            Adaptation::LeastSquares { ridge } => {
                if config.loss != Loss::MeanSquaredError {
                    return Err(Error::config("least squares is for the squared error; use gradient steps"));
                }
                (RateTable::none(), Some(Ridge::new(ridge, &parameters)?))
            }
        };
        let mut outer = parameters.variables()?;
        outer.extend(rates.variables.iter().cloned());
        outer.extend(ridge.iter().map(|r| r.variable.clone()));
        Ok(Self { inner: Arc::new(InnerLoop { model, parameters, rates, ridge, config }), outer })
    }

    /// The configuration.
    pub fn config(&self) -> &MetaConfig {
        &self.inner.config
    }

    /// Nodes for all outer parameters: the model's, then the rates.
    fn nodes(&self, make: impl Fn(&Tensor) -> Node) -> Vec<Node> {
        self.outer.iter().map(|p| make(p.variable.as_tensor())).collect()
    }
}

impl InnerLoop {
    /// The adapted parameters of each task after the inner loop. When `outer` is tracked, so is the result.
    fn adapt(self: &Arc<Self>, outer: &[Node], support: &Examples) -> Result<Vec<Node>> {
        let (model, rest) = outer.split_at(self.parameters.len());
        let tasks = support.x.dims().first().copied().unwrap_or(0);
        let start = self.parameters.adapted_for(model, tasks)?;
        let shared = self.parameters.shared(model);
        if let (Some(ridge), Some(strength)) = (&self.ridge, rest.first()) {
            let shared = match self.config.order {
                Order::Second => shared,
                Order::First => shared.iter().map(Node::detach).collect(),
            };
            let joined = self.parameters.join(&shared, &start);
            return ridge.solve(self.model.as_ref(), &joined, &start, strength, support);
        }
        let steps = self.config.inner_steps;
        let joined = self.parameters.join(&shared, &start);
        let data = self.data(&joined, support, steps, self.config.second_moments)?;

        let (shared_count, tracked) = (shared.len(), outer.iter().any(Node::is_tracked));
        let rates = self.rates.rates(rest)?;
        let rate_count = rates.len();
        let mut context = [shared, rates].concat();
        if let TaskData::Outputs(input, _) = &data {
            context.push(input.node().clone());
        }
        let this = self.clone();
        let step = move |_: usize, state: &[Node], context: &[Node]| {
            let (shared, rest) = context.split_at(shared_count);
            let (rates, node) = rest.split_at(rate_count);
            let data = match (&data, node.first()) {
                (TaskData::Outputs(input, target), Some(node)) => {
                    TaskData::Outputs(input.with(node.clone()), target.clone())
                }
                _ => data.clone(),
            };
            this.step(state, shared, rates, &data, tracked).map_err(lower)
        };
        Ok(unroll(start, context, steps, self.config.recompute, Arc::new(step))?)
    }

    fn data(&self, joined: &[Node], examples: &Examples, uses: usize, moments: bool) -> Result<TaskData> {
        TaskData::new(self.model.as_ref(), self.config.loss, joined, examples, uses, moments)
    }

    /// One gradient step of all tasks.
    fn step(
        &self,
        state: &[Node],
        shared: &[Node],
        rates: &[Node],
        data: &TaskData,
        tracked: bool,
    ) -> Result<Vec<Node>> {
        // Without an outer graph each step stands alone: fresh leaves, nothing kept.
        let leaves: Vec<Node> =
            state.iter().map(|v| if tracked { v.clone() } else { v.detach_leaf() }).collect();
        // Tasks do not share adapted parameters, so the gradient of the sum is each task's own.
        let joined = self.parameters.join(shared, &leaves);
        let loss = data.loss(self.model.as_ref(), self.config.loss, &joined)?.sum_all()?;
        let graph = if tracked && self.config.order == Order::Second { Graph::Keep } else { Graph::Drop };
        let gradients = grad(&loss, &leaves.iter().collect::<Vec<_>>(), graph)?;
        let next = state.iter().zip(&gradients).enumerate();
        next.map(|(i, (v, g))| Ok(v.sub(&self.rates.step(rates, i, g)?)?)).collect()
    }

    /// The query loss of each task, `(t)`.
    fn query(&self, outer: &[Node], adapted: &[Node], query: &Examples, moments: bool) -> Result<Node> {
        let shared = self.parameters.shared(&outer[..self.parameters.len()]);
        let joined = self.parameters.join(&shared, adapted);
        let data = self.data(&joined, query, 1, moments)?;
        data.loss(self.model.as_ref(), self.config.loss, &joined)
    }
}

/// An error of a step, in the type that the unroll passes on.
fn lower(error: Error) -> msr_autodiff::Error {
    match error {
        Error::Autodiff(inner) => inner,
        Error::Candle(inner) => inner.into(),
        Error::Layer(inner) => candle_core::Error::from(inner).into(),
        other => candle_core::Error::wrap(other).into(),
    }
}

impl Objective for MetaLearner {
    fn outer_parameters(&self) -> &[OuterParameter] {
        &self.outer
    }

    fn gradients(&self, batch: &Batch) -> Result<Gradients> {
        batch.task_count()?;
        let outer = self.nodes(Node::leaf);
        let adapted = self.inner.adapt(&outer, &batch.support)?;
        let moments = self.inner.config.second_moments;
        let losses = self.inner.query(&outer, &adapted, &batch.query, moments)?;
        let total = self.inner.config.reduction.apply(&losses)?;
        let gradients = grad(&total, &outer.iter().collect::<Vec<_>>(), Graph::Drop)?;
        Ok(Gradients {
            losses: numbers(&losses)?,
            gradients: gradients.iter().map(|g| g.value().clone()).collect(),
        })
    }

    fn losses(&self, batch: &Batch) -> Result<Vec<f64>> {
        batch.task_count()?;
        let outer = self.nodes(Node::constant);
        let adapted = self.inner.adapt(&outer, &batch.support)?;
        numbers(&self.inner.query(&outer, &adapted, &batch.query, false)?)
    }

    fn adapt(&self, support: &Examples) -> Result<Vec<(String, Tensor)>> {
        let outer = self.nodes(Node::constant);
        let adapted = self.inner.adapt(&outer, support)?;
        Ok(self.inner.parameters.name_adapted(&adapted))
    }
}
