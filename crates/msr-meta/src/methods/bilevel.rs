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
use msr_layers::{Input, Layer};

use crate::batch::{Batch, Examples};
use crate::error::{Error, Result};
use crate::loss::{Loss, Reduction};
use crate::objective::{Gradients, Objective, OuterParameter, numbers};
use crate::parameters::ModelParameters;
use crate::rates::{RateTable, Rates};

/// Whether the outer gradient passes through the inner gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The exact derivative.
    #[default]
    Second,
    /// The inner gradients are treated as constants: cheaper, and wrong by the second derivatives.
    First,
}

/// How to meta-learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetaConfig {
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
/// named `rate` plus the layer or parameter they belong to.
pub struct MetaLearner {
    inner: Arc<InnerLoop>,
    outer: Vec<OuterParameter>,
}

/// What an inner step needs; shared with the closures that recompute it.
struct InnerLoop {
    model: Arc<dyn Layer>,
    parameters: ModelParameters,
    rates: RateTable,
    config: MetaConfig,
}

impl MetaLearner {
    /// A learner for `model`, whose parameters must be variables.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Config`] for rates that are not finite.
    pub fn new(model: Arc<dyn Layer>, config: MetaConfig) -> Result<Self> {
        let parameters = ModelParameters::new(model.as_ref());
        let rates = RateTable::new(config.rates, &parameters)?;
        let mut outer = parameters.variables()?;
        outer.extend(rates.variables.iter().cloned());
        Ok(Self { inner: Arc::new(InnerLoop { model, parameters, rates, config }), outer })
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
        let (model, rates) = outer.split_at(self.parameters.len());
        let tasks = support.x.dims().first().copied().unwrap_or(0);
        let start = self.parameters.adapted_for(model, tasks)?;
        let shared = self.parameters.shared(model);
        let steps = self.config.inner_steps;
        let examples = Node::constant(&support.x);
        let input = self.model.prepare(&self.parameters.join(&shared, &start), &examples, steps)?;

        let (shared_count, tracked) = (shared.len(), outer.iter().any(Node::is_tracked));
        let context = [shared, self.rates.rates(rates)?, vec![input.node().clone()]].concat();
        let (this, target) = (self.clone(), support.y.clone());
        let step = move |_: usize, state: &[Node], context: &[Node]| {
            let (shared, rest) = context.split_at(shared_count);
            let (rates, node) = rest.split_at(rest.len() - 1);
            let input = input.with(node[0].clone());
            this.step(state, shared, rates, &input, &target, tracked).map_err(lower)
        };
        Ok(unroll(start, context, steps, self.config.recompute, Arc::new(step))?)
    }

    /// One gradient step of all tasks.
    fn step(
        &self,
        state: &[Node],
        shared: &[Node],
        rates: &[Node],
        input: &Input,
        target: &Tensor,
        tracked: bool,
    ) -> Result<Vec<Node>> {
        // Without an outer graph each step stands alone: fresh leaves, nothing kept.
        let leaves: Vec<Node> =
            state.iter().map(|v| if tracked { v.clone() } else { v.detach_leaf() }).collect();
        let output = self.model.forward_tasks(&self.parameters.join(shared, &leaves), input)?;
        // Tasks do not share adapted parameters, so the gradient of the sum is each task's own.
        let loss = self.config.loss.per_task(&output, target)?.sum_all()?;
        let graph = if tracked && self.config.order == Order::Second { Graph::Keep } else { Graph::Drop };
        let gradients = grad(&loss, &leaves.iter().collect::<Vec<_>>(), graph)?;
        let next = state.iter().zip(&gradients).enumerate();
        next.map(|(i, (v, g))| Ok(v.sub(&self.rates.step(rates, i, g)?)?)).collect()
    }

    /// The query loss of each task, `(t)`.
    fn query(&self, outer: &[Node], adapted: &[Node], query: &Examples) -> Result<Node> {
        let shared = self.parameters.shared(&outer[..self.parameters.len()]);
        let joined = self.parameters.join(&shared, adapted);
        let input = self.model.prepare(&joined, &Node::constant(&query.x), 1)?;
        self.config.loss.per_task(&self.model.forward_tasks(&joined, &input)?, &query.y)
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
        let losses = self.inner.query(&outer, &adapted, &batch.query)?;
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
        numbers(&self.inner.query(&outer, &adapted, &batch.query)?)
    }

    fn adapt(&self, support: &Examples) -> Result<Vec<(String, Tensor)>> {
        let outer = self.nodes(Node::constant);
        let adapted = self.inner.adapt(&outer, support)?;
        Ok(self.inner.parameters.name_adapted(&adapted))
    }
}
