//! The bilevel learner: MAML, and MSR when the model has symmetry matrices.
//!
//! Inner loop, per task t: `v_{t,s+1} = v_{t,s} − α ∘ ∇_v L(U, v_{t,s}; support_t)`. Outer loop:
//! minimise `Σ_t L(U, v_{t,S}; query_t)` over U, the initial v and α through the exact derivative.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
//! algorithm 1; Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning" (ICML 2017).

use std::sync::Arc;

use candle_core::{DType, Tensor};
use msr_autodiff::{Graph, Node, SecondMoments, grad, unroll};
use msr_episodes::{Episode, Examples};
use msr_layers::{Buffer, Layer, Pass, Phase, Tied, Values, mix};
use serde_json::{Value, json};

use crate::adapted::Adapted;
use crate::checks::{check_adapted, check_support};
use crate::error::{Error, Result, lower, raise};
use crate::known_tasks::{self, KnownSets};
use crate::learner::{Gradients, Learner, OuterParameter, Predictions, check_names, loss_values};
use crate::loss::Loss;
use crate::methods::config::{Adaptation, GradientSteps, LeastSquares, MetaConfig, Order};
use crate::methods::graphs::{graphs, of_each};
use crate::methods::least_squares::Ridge;
use crate::parameters::{for_tasks, multiply_rates, nodes, outer_gradients, variables};
use crate::rates::RateTable;
use crate::statistics;
use crate::task_data::{Set, TaskData};

/// Learns what the tasks of a family share: with reparameterized layers this is MSR, with plain
/// ones MAML.
///
/// Outer parameters: all parameters of the model under their own names, then the learned inner
/// rates, named `rate` plus the layer or parameter they belong to, or `ridge` for an exact
/// adaptation, the logarithm of λ.
pub struct MetaLearner {
    inner: Arc<InnerLoop>,
    outer: Vec<OuterParameter>,
}

impl std::fmt::Debug for MetaLearner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.outer.iter().map(|p| p.name.as_str()).collect();
        f.debug_struct("MetaLearner").field("outer", &names).field("config", &self.inner.config).finish()
    }
}

/// What an inner step needs; shared with the closures that recompute it.
pub(super) struct InnerLoop {
    pub(super) model: Arc<dyn Layer>,
    /// Its parameters, each once.
    pub(super) tied: Tied,
    pub(super) method: Method,
    pub(super) config: MetaConfig,
}

/// How the inner loop adapts, with the variables that are learned for it.
pub(super) enum Method {
    Steps(GradientSteps, RateTable),
    Solve(Ridge, Order),
}

impl Method {
    fn variables(&self) -> Vec<OuterParameter> {
        match self {
            Method::Steps(_, rates) => rates.variables.clone(),
            Method::Solve(ridge, _) => vec![ridge.variable.clone()],
        }
    }
}

/// All that the outer loop changes, as nodes of one pass.
pub(super) struct Outer {
    /// The model's different values, one for all tasks.
    pub(super) model: Values,
    /// Rates or the ridge.
    pub(super) inner: Vec<Node>,
}

impl MetaLearner {
    /// A learner for `model`, whose parameters must be variables.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Layer`] for different ones of the
    /// same name; [`Error::Config`] for rates that are not finite, a ridge that is not positive, or
    /// least squares with another loss than the squared error; [`Error::RatesLost`] when the model
    /// was trained or loaded, and the rates that belong to it would start anew. (Numbers that were
    /// in a `VarMap` before its layers were built look like initial ones, and are taken for such.)
    pub fn new(model: impl Layer + 'static, config: MetaConfig) -> Result<Self> {
        let learner = Self::on_trained(model, config)?;
        let own = learner.inner.method.variables();
        if let Some(first) = own.first() {
            for p in learner.inner.tied.parameters.iter() {
                if p.was_changed()? {
                    return Err(Error::RatesLost { parameter: p.name.clone(), rate: first.name.clone() });
                }
            }
        }
        Ok(learner)
    }

    /// As [`MetaLearner::new`], for a model that was trained or loaded: its inner rates, or the
    /// ridge, start at what `config` says. To go on with those that were learned, use
    /// [`load_learner`](crate::load_learner).
    ///
    /// # Errors
    /// As [`MetaLearner::new`].
    pub fn on_trained(model: impl Layer + 'static, config: MetaConfig) -> Result<Self> {
        config.label_smoothing.check(config.loss)?;
        let tied = model.parameters().tied()?;
        let parameters = &tied.parameters;
        let method = match config.adaptation {
            Adaptation::GradientSteps(steps) => {
                Method::Steps(steps, RateTable::new(steps.rates, &parameters.adapted)?)
            }
            Adaptation::LeastSquares(_) if tied.has_ties() => {
                return Err(Error::config(
                    "least squares cannot adapt a layer that is used twice: the model is not linear in its \
                     parameters; use gradient steps",
                ));
            }
            Adaptation::LeastSquares(LeastSquares { ridge, order }) => {
                if config.loss != Loss::MeanSquaredError {
                    return Err(Error::config("least squares is for the squared error; use gradient steps"));
                }
                Method::Solve(Ridge::new(ridge, &parameters.adapted)?, order)
            }
        };
        if parameters.adapted.is_empty() {
            return Err(Error::config("there is nothing to adapt: the model has no adapted parameters"));
        }
        statistics::check_buffers(parameters)?;
        let mut outer = variables(parameters.iter())?;
        outer.extend(method.variables());
        check_names(&outer)?;
        let model: Arc<dyn Layer> = Arc::new(model);
        Ok(Self { inner: Arc::new(InnerLoop { model, tied, method, config }), outer })
    }

    /// The same, whose outer parameters have other learning rates: `factor` of a name is what the
    /// optimiser's rate is multiplied with, zero for what is to stay as it is: its gradients are
    /// zero.
    ///
    /// # Example
    /// Kronecker factors over the taps of filters at four times the rate:
    /// `learner.with_outer_rates(|name| if name.ends_with("symmetry_taps") { 4.0 } else { 1.0 })`.
    pub fn with_outer_rates(mut self, factor: impl Fn(&str) -> f64) -> Self {
        multiply_rates(&mut self.outer, factor);
        self
    }

    /// The configuration.
    pub fn config(&self) -> &MetaConfig {
        &self.inner.config
    }

    /// All outer parameters as nodes that `make` makes of them.
    fn nodes(&self, make: impl Fn(&candle_core::Tensor) -> Node) -> Outer {
        let parameters = &self.inner.tied.parameters;
        let own = &self.outer[parameters.len()..];
        let inner = own.iter().map(|p| make(p.variable.as_tensor())).collect();
        Outer { model: nodes(parameters, &make).in_phase(Phase::Support), inner }
    }
}

impl MetaLearner {
    /// The gradients of the part of an episode that shares a graph, of so many tasks in all.
    fn gradients_of(
        &self,
        step: u64,
        numbers: &[usize],
        [support, query]: [Set<'_>; 2],
        tasks: usize,
    ) -> Result<Gradients<Tensor>> {
        let mut outer = self.nodes(Node::leaf);
        let draws: Vec<u64> = numbers.iter().map(|&task| mix(step, task as u64)).collect();
        outer.model.pass = Pass::new(Phase::Support).with_draws(draws);
        let adapted = self.inner.adapt(&outer, support)?.in_phase(Phase::Train);
        let losses = self.inner.query(&adapted, query, self.inner.config.second_moments)?;
        let total = self.inner.config.reduction.apply_to_part(&losses, tasks)?;
        let with_respect_to: Vec<&Node> = outer.model.iter().chain(&outer.inner).collect();
        let gradients = grad(&total, &with_respect_to, Graph::Drop)?;
        Ok(Gradients {
            losses: losses.value().to_dtype(DType::F64)?,
            gradients: outer_gradients(&gradients, &self.outer)?,
            buffers: statistics::next_buffers(self.model().as_ref(), &adapted, query)?,
        })
    }
}

impl InnerLoop {
    /// The values of each task after the inner loop, ready for queries. When `outer` is tracked, so
    /// is the result.
    fn adapt(self: &Arc<Self>, outer: &Outer, support: Set<'_>) -> Result<Values> {
        let start = for_tasks(&outer.model, support.tasks())?;
        let adapted = match &self.method {
            Method::Steps(config, rates) => self.descend(*config, start, rates.rates(&outer.inner)?, support),
            Method::Solve(ridge, order) => {
                let shared = match order {
                    Order::Second => start.shared,
                    Order::First => start.shared.iter().map(Node::detach).collect(),
                };
                let start = Values { shared, ..start };
                let lambda = outer.inner.first().ok_or_else(|| Error::config("the ridge is missing"))?;
                let solved = ridge.solve(self.model.as_ref(), &start, lambda, support)?;
                Ok(Values { shared: outer.model.shared.clone(), ..solved })
            }
        }?;
        statistics::for_queries(self.model.as_ref(), adapted, support)
    }

    /// Gradient steps from `start`, the different values; those of the model after them.
    fn descend(
        self: &Arc<Self>,
        config: GradientSteps,
        start: Values,
        rates: Vec<Node>,
        support: Set<'_>,
    ) -> Result<Values> {
        match self.descend_at_once(config, &start, &rates, support)? {
            Some(adapted) => Ok(adapted),
            None => self.descend_step_by_step(config, start, rates, support),
        }
    }

    fn descend_step_by_step(
        self: &Arc<Self>,
        config: GradientSteps,
        start: Values,
        rates: Vec<Node>,
        support: Set<'_>,
    ) -> Result<Values> {
        let data = self.data(&self.tied.spread(&start), support, config.steps, self.config.second_moments)?;
        let Values { shared, adapted, buffers, pass, .. } = start;
        let rest = Values { buffers, pass, ..Values::default() };
        let of_step = rest.clone();
        let (shared_count, rate_count) = (shared.len(), rates.len());
        let tracked = shared.iter().chain(&adapted).chain(&rates).any(Node::is_tracked);
        let mut context = [shared.clone(), rates].concat();
        if let TaskData::Outputs(input, _) = &data {
            context.push(input.node().clone());
        }
        let this = self.clone();
        let keep = if tracked && config.order == Order::Second { Graph::Keep } else { Graph::Drop };
        let step = move |index: usize, state: &[Node], context: &[Node]| {
            let (shared, rest) = context.split_at(shared_count);
            let (rates, node) = rest.split_at(rate_count);
            let data = match (&data, node.first()) {
                (TaskData::Outputs(input, targets), Some(node)) => {
                    TaskData::Outputs(input.with(node.clone()), targets.clone())
                }
                _ => data.clone(),
            };
            // Without an outer graph each step stands alone: fresh leaves, nothing kept.
            let leaves = state.iter().map(|v| if tracked { v.clone() } else { v.detach_leaf() }).collect();
            let values = Values { shared: shared.to_vec(), adapted: leaves, ..of_step.clone() };
            let values = Values { pass: values.pass.at(index as u64), ..values };
            this.step(&values, rates, &data, keep).map_err(lower)
        };
        let adapted =
            unroll(adapted, context, config.steps, config.recompute, Arc::new(step)).map_err(raise)?;
        Ok(self.tied.spread(&Values { shared, adapted, ..rest }))
    }

    pub(super) fn data(&self, values: &Values, set: Set<'_>, uses: usize, moments: bool) -> Result<TaskData> {
        TaskData::new(self.model.as_ref(), self.config.loss, values, set, uses, moments)
    }

    /// One gradient step of all tasks: the different adapted values after it.
    pub(super) fn step(
        &self,
        values: &Values,
        rates: &[Node],
        data: &TaskData,
        graph: Graph,
    ) -> Result<Vec<Node>> {
        let Method::Steps(_, table) = &self.method else { return Ok(values.adapted.clone()) };
        // Tasks do not share adapted parameters, so the gradient of the sum is each task's own.
        let of_model = self.tied.spread(values);
        let loss = data.loss(self.model.as_ref(), self.config.inner_loss(), &of_model)?.sum_all()?;
        let gradients = grad(&loss, &values.adapted.iter().collect::<Vec<_>>(), graph)?;
        table.step(rates, &values.adapted, &gradients)
    }

    /// The query loss of each task, `(t)`.
    fn query(&self, adapted: &Values, query: Set<'_>, moments: bool) -> Result<Node> {
        let data = self.data(adapted, query, 1, moments)?;
        data.loss(self.model.as_ref(), self.config.outer_loss(), adapted)
    }
}

impl Learner for MetaLearner {
    fn model(&self) -> &Arc<dyn Layer> {
        &self.inner.model
    }

    fn spec(&self) -> Value {
        json!({ "meta_learner": self.inner.config })
    }

    fn outer_parameters(&self) -> &[OuterParameter] {
        &self.outer
    }

    fn gradients(&self, episode: &Episode) -> Result<Gradients> {
        self.gradients_at(0, episode)
    }

    fn gradients_at(&self, step: u64, episode: &Episode) -> Result<Gradients> {
        self.unread_gradients_at(step, episode)?.read()
    }

    fn is_same_each_step(&self) -> bool {
        let InnerLoop { method, config, model, .. } = self.inner.as_ref();
        let is_launched = matches!(method, Method::Steps(..)) && config.tasks_per_graph.is_none();
        is_launched && model.draws_nothing() && self.buffers().is_empty()
    }

    fn unread_gradients_at(&self, step: u64, episode: &Episode) -> Result<Gradients<Tensor>> {
        episode.check()?;
        let graphs = match self.inner.tied.parameters.buffers.is_empty() {
            // Running averages are those of all tasks.
            false => std::iter::once(0..episode.tasks.len()).collect(),
            true => graphs(self.model().as_ref(), self.inner.config.tasks_per_graph, episode),
        };
        Gradients::of_parts(of_each(episode, graphs, |part| {
            let sets = [(&part.support).into(), (&part.query).into()];
            self.gradients_of(step, &part.tasks, sets, episode.tasks.len())
        })?)
    }

    fn moments_of_each(&self, examples: &Examples) -> Result<Option<SecondMoments>> {
        let inner = &self.inner;
        // Tasks that are to be divided among graphs are large.
        let wanted = inner.config.second_moments && inner.config.tasks_per_graph.is_none();
        if !wanted || inner.config.loss != Loss::MeanSquaredError || !inner.tied.parameters.buffers.is_empty()
        {
            return Ok(None);
        }
        let Some(found) = known_tasks::moments_of_each(self.model().as_ref(), examples)? else {
            return Ok(None);
        };
        let is_enough = match &inner.method {
            Method::Steps(..) => true,
            Method::Solve(..) => {
                known_tasks::have_equations(self.model().as_ref(), &self.nodes(Node::constant).model, &found)?
            }
        };
        Ok(is_enough.then_some(found))
    }

    fn gradients_of_known(&self, step: u64, known: &KnownSets) -> Result<Gradients> {
        let sets = [Set::Moments(&known.support), Set::Moments(&known.query)];
        self.gradients_of(step, &known.tasks, sets, known.tasks.len())?.read()
    }

    fn buffers(&self) -> Vec<Buffer> {
        statistics::running(&self.inner.tied.parameters)
    }

    fn losses(&self, episode: &Episode) -> Result<Vec<f64>> {
        episode.check()?;
        let graphs = graphs(self.model().as_ref(), self.inner.config.tasks_per_graph, episode);
        let parts = of_each(episode, graphs, |part| {
            let adapted = self.inner.adapt(&self.nodes(Node::constant), (&part.support).into())?;
            loss_values(&self.inner.query(&adapted, (&part.query).into(), false)?)
        })?;
        Ok(parts.concat())
    }

    fn predictions(&self, episode: &Episode, steps: &[usize]) -> Result<Vec<Predictions>> {
        episode.check()?;
        let (inner, outer) = (&self.inner, self.nodes(Node::constant));
        let adapted = match steps {
            [] => vec![inner.adapt(&outer, (&episode.support).into())?],
            _ => inner.after(&outer, &episode.support, steps)?,
        };
        let predictions = |adapted: &Values| {
            let data = inner.data(adapted, (&episode.query).into(), 1, false)?;
            data.predictions(inner.model.as_ref(), inner.config.outer_loss(), adapted)
        };
        adapted.iter().map(predictions).collect()
    }

    fn adapt(&self, support: &Examples) -> Result<Adapted> {
        check_support(support)?;
        let adapted = self.inner.adapt(&self.nodes(Node::constant), support.into())?;
        check_adapted(&adapted)?;
        Adapted::new(self.inner.model.clone(), &adapted)
    }
}
