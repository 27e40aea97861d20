//! MTSR: the multi-task, single-level counterpart of MSR.
//!
//! U and one v per training task are fitted jointly to all data of the training tasks:
//! `min_U Σ_t min_{v_t} L(U, v_t; support_t ∪ query_t)`. The inner minimum is taken by solving for it (variable
//! projection): the model is linear in v and the loss is the squared error, so v_t solves a linear
//! system, here by conjugate gradients with Hessian-vector products, all tasks at once. At the
//! minimum the gradient for U is the partial derivative with v_t held fixed; no derivative passes
//! through the fit. At test time U is frozen and v is fitted to the support set in the same way.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021), section 5.1
//! ("MTSR"); Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems
//! whose variables separate" (1973).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;
use msr_autodiff::{Graph, Node, grad, vjp};
use msr_layers::{Layer, Role};

use crate::batch::{Batch, Examples};
use crate::error::{Error, Result};
use crate::loss::{Loss, Reduction};
use crate::objective::{Gradients, Objective, OuterParameter, numbers};
use crate::parameters::ModelParameters;
use crate::task_data::TaskData;

/// The model is linear in v; only for this loss is the fit a linear system.
const LOSS: Loss = Loss::MeanSquaredError;

/// How to fit jointly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiTaskConfig {
    /// The largest number of conjugate-gradient iterations per fit.
    pub iterations: usize,
    /// The fit stops when every task's residual is below this fraction of where it started.
    pub tolerance: f64,
    /// Ridge strength, relative to the curvature along the first gradient; keeps directions that the data
    /// does not determine near zero.
    pub ridge: f64,
    /// Sum or mean over tasks.
    pub reduction: Reduction,
}

impl Default for MultiTaskConfig {
    /// At most 50 iterations, tolerance 1e-5, ridge 1e-6.
    fn default() -> Self {
        Self { iterations: 50, tolerance: 1e-5, ridge: 1e-6, reduction: Reduction::Sum }
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
    /// Whether the model was found to be linear in its adapted parameters.
    linear: AtomicBool,
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
        let MultiTaskConfig { iterations, tolerance, ridge, .. } = config;
        if iterations == 0 || !(0.0..1.0).contains(&tolerance) || !(0.0..f64::INFINITY).contains(&ridge) {
            return Err(Error::config(format!(
                "multi-task learning needs iterations ≥ 1, 0 ≤ tolerance < 1 and ridge ≥ 0, got {config:?}"
            )));
        }
        let all = parameters.variables()?;
        let outer = shared.iter().map(|&i| all[i].clone()).collect();
        Ok(Self { model, parameters, outer, config, linear: AtomicBool::new(false) })
    }

    fn shared(&self, make: impl Fn(&Tensor) -> Node) -> Vec<Node> {
        self.outer.iter().map(|p| make(p.variable.as_tensor())).collect()
    }

    /// The examples, made ready for `uses` losses.
    fn data(&self, joined: &[Node], examples: &Examples, uses: usize, moments: bool) -> Result<TaskData> {
        TaskData::new(self.model.as_ref(), LOSS, joined, examples, uses, moments)
    }

    fn loss(&self, shared: &[Node], adapted: &[Node], examples: &Examples, moments: bool) -> Result<Node> {
        let joined = self.parameters.join(shared, adapted);
        self.data(&joined, examples, 1, moments)?.loss(self.model.as_ref(), LOSS, &joined)
    }

    /// `argmin_v L(U, v; examples)` of each task by conjugate gradients; untracked.
    fn fit(&self, shared: &[Node], examples: &Examples) -> Result<Vec<Node>> {
        let tasks = examples.x.dims().first().copied().unwrap_or(0);
        let zeros = self
            .parameters
            .with_role(Role::Adapted)
            .map(|(_, p)| {
                let shape = [&[tasks], p.tensor.dims()].concat();
                Ok(Node::leaf(&Tensor::zeros(shape, p.tensor.dtype(), p.tensor.device())?))
            })
            .collect::<Result<Vec<Node>>>()?;
        let wrt: Vec<&Node> = zeros.iter().collect();
        let joined = self.parameters.join(shared, &zeros);
        // The examples are used once per iteration.
        let data = self.data(&joined, examples, self.config.iterations, true)?;
        let loss = data.loss(self.model.as_ref(), LOSS, &joined)?.sum_all()?;
        let at_zero = grad(&loss, &wrt, Graph::Keep)?;
        // H p for the constant Hessian H, plus the ridge.
        let hessian = |p: &[Node], ridge: Option<&Node>| -> Result<Vec<Node>> {
            let pairs: Vec<(&Node, &Node)> = at_zero.iter().zip(p).collect();
            let hp = vjp(&pairs, &wrt, Graph::Drop)?;
            match ridge {
                Some(ridge) => combine(&hp, ridge, p),
                None => Ok(hp),
            }
        };
        let mut v: Vec<Node> = zeros.iter().map(Node::detach).collect();
        let mut r = at_zero.iter().map(|g| Ok(g.detach().neg()?)).collect::<Result<Vec<Node>>>()?;
        let mut p = r.clone();
        let mut square = dot(&r, &r)?;
        let curvature = quotient(&dot(&p, &hessian(&p, None)?)?, &square)?;
        let ridge = curvature.affine(self.config.ridge, 0.0)?;
        let goal: Vec<f64> = numbers(&square)?.iter().map(|s| s * self.config.tolerance.powi(2)).collect();
        for _ in 0..self.config.iterations {
            if numbers(&square)?.iter().zip(&goal).all(|(s, goal)| s <= goal) {
                break;
            }
            let hp = hessian(&p, Some(&ridge))?;
            let step = quotient(&square, &dot(&p, &hp)?)?;
            v = combine(&v, &step, &p)?;
            r = combine(&r, &step.neg()?, &hp)?;
            let next = dot(&r, &r)?;
            p = combine(&r, &quotient(&next, &square)?, &p)?;
            square = next;
        }
        if !self.linear.load(Ordering::Relaxed) {
            let ones = v.iter().map(|v| Ok(v.ones_like()?)).collect::<Result<Vec<Node>>>()?;
            self.check_linear(shared, &ones, &at_zero, &hessian(&ones, None)?, examples)?;
            self.linear.store(true, Ordering::Relaxed);
        }
        Ok(v)
    }

    /// For a model that is linear in v, the gradient at any v is the one at zero plus H v; for others the fit
    /// is no minimum.
    fn check_linear(
        &self,
        shared: &[Node],
        v: &[Node],
        at_zero: &[Node],
        hv: &[Node],
        examples: &Examples,
    ) -> Result<()> {
        let leaves: Vec<Node> = v.iter().map(Node::detach_leaf).collect();
        let loss = self.loss(shared, &leaves, examples, true)?.sum_all()?;
        let here = grad(&loss, &leaves.iter().collect::<Vec<_>>(), Graph::Drop)?;
        let (mut difference, mut scale) = (0.0, 0.0);
        for ((here, zero), hv) in here.iter().zip(at_zero).zip(hv) {
            let zero = zero.detach();
            difference += here.sub(&zero.add(hv)?)?.power(2.0)?.sum_all()?.scalar()?;
            scale += zero.power(2.0)?.sum_all()?.scalar()? + hv.power(2.0)?.sum_all()?.scalar()?;
        }
        // Written so that NaN passes: a loss that is NaN has an error of its own.
        if difference > 1e-4 * scale {
            return Err(Error::config(
                "multi-task learning needs a model that is linear in its adapted parameters, and this one is not; \
                 use MetaLearner",
            ));
        }
        Ok(())
    }
}

/// `a + s ∘ b` with one factor per task.
fn combine(a: &[Node], s: &Node, b: &[Node]) -> Result<Vec<Node>> {
    a.iter()
        .zip(b)
        .map(|(a, b)| {
            let mut shape = vec![1; b.rank()];
            shape[0] = s.dims()[0];
            Ok(a.add(&b.mul(&s.reshape(&shape)?)?)?)
        })
        .collect()
}

/// `⟨a, b⟩` of each task, `(t)`.
fn dot(a: &[Node], b: &[Node]) -> Result<Node> {
    let mut total: Option<Node> = None;
    for (a, b) in a.iter().zip(b) {
        let product = a.mul(b)?;
        let term = product.sum(&(1..product.rank()).collect::<Vec<_>>())?;
        total = Some(match total {
            Some(total) => total.add(&term)?,
            None => term,
        });
    }
    total.ok_or_else(|| Error::config("nothing to adapt"))
}

/// `a / b` for non-negative `b`, zero where both vanish (a task that is already solved).
fn quotient(a: &Node, b: &Node) -> Result<Node> {
    Ok(a.div(&b.affine(1.0, f64::from(f32::MIN_POSITIVE))?)?)
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
