//! A ridge regression as the last layer: features are learned, the head is solved for.
//!
//! For the features `X (b, F)` of a task's support set and its targets `Y (b, M)` the head is
//! `H = argmin_H ‖X H − Y‖² + λ̄ ‖H‖² = (XᵀX + λ̄ 1)⁻¹ XᵀY`, and a query with features x is given
//! the outputs `α x H`. The body that makes the features, λ and α are learned by the outer loop,
//! whose gradient passes through the solution. With fewer examples than features the same H is
//! `Xᵀ (XXᵀ + λ̄ 1)⁻¹ Y` (Woodbury), a system of b equations instead of F.
//!
//! Source: Bertinetto, Henriques, Torr, Vedaldi, "Meta-learning with differentiable closed-form
//! solvers" (ICLR 2019), section 3 (R2-D2); Lee, Maji, Ravichandran, Soatto, "Meta-Learning with
//! Differentiable Convex Optimization" (CVPR 2019), MetaOptNet-RR.

use std::sync::Arc;

use candle_core::{DType, Tensor, Var};
use msr_autodiff::{Graph, Node, grad};
use msr_episodes::{Episode, Examples, Targets};
use msr_kernels::Precision;
use msr_layers::{Layer, Tied, Values};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::adapted::Adapted;
use crate::checks::{check_adapted, check_support};
use crate::error::{Error, Result};
use crate::learner::{
    Gradients, Learner, OuterParameter, Predictions, check_names, loss_values, without_steps,
};
use crate::loss::{LabelSmoothing, Loss, Reduction};
use crate::methods::headed::{Headed, checked, features, rows};
use crate::methods::least_squares::RATE;
use crate::parameters::{for_tasks, multiply_rates, nodes, outer_gradients, variables};

/// What messages call it.
const NAME: &str = "a ridge head";

/// What a [`RidgeHead`] is fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HeadTargets {
    /// The targets themselves, values `(t, b, M)`. The outer loss is the squared error.
    Values,
    /// One for the class of an example and zero for the others. The outer loss is the
    /// cross-entropy of the outputs, as scores.
    OneHot {
        /// The number of classes, M.
        classes: usize,
    },
    /// One for the class of an example and minus one for the others. The outer loss is the
    /// cross-entropy.
    Signs {
        /// The number of classes, M.
        classes: usize,
    },
}

/// How a [`RidgeHead`] is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RidgeHeadConfig {
    /// What the head is fitted to.
    pub targets: HeadTargets,
    /// λ at the start, positive; in units of the squared features, as the paper has it.
    pub ridge: f64,
    /// α at the start, positive. Outputs of a regression to ones and zeros are no larger than
    /// about one, of which softmax makes nearly equal probabilities; α makes them scores.
    pub scale: f64,
    /// Whether there is a feature that is always one, whose weight counts like any other.
    pub bias: bool,
    /// Sum or mean over tasks.
    pub reduction: Reduction,
    /// Smoothing of the labels of the query sets, ε as in
    /// [`Loss::per_task_smoothed`](crate::Loss::per_task_smoothed); the head is fitted to labels as
    /// they are.
    pub label_smoothing: f64,
}

impl RidgeHeadConfig {
    /// λ and α from one, no bias, the sum over tasks, nothing smoothed.
    pub fn new(targets: HeadTargets) -> Self {
        Self { targets, ridge: 1.0, scale: 1.0, bias: false, reduction: Reduction::Sum, label_smoothing: 0.0 }
    }

    fn loss(&self) -> Loss {
        if self.targets == HeadTargets::Values { Loss::MeanSquaredError } else { Loss::CrossEntropy }
    }
}

/// The learner of features whose last layer is solved for, task by task (R2-D2, MetaOptNet-RR).
///
/// The body is any [`Layer`] with features `(t, b, F)`, all of whose parameters the outer loop
/// trains; no task adapts them. What a task adapts is the head. Outer parameters: those of the
/// body, then `ridge`, the logarithm of λ, and `scale`, that of α.
///
/// λ̄ is λ and a little more, a fraction of the mean diagonal entry of the matrix that is solved
/// with (1e-5 in `f32`), so that rounding cannot make it singular.
///
/// # Example
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use msr_episodes::{Episode, Examples};
/// use msr_layers::{Activation, Linear, LinearConfig, SeededVars, Sequential};
/// use msr_meta::{AdamConfig, HeadTargets, RidgeHead, RidgeHeadConfig, Trainer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vars = SeededVars::new(0);
/// let body = Linear::new(LinearConfig::new(4, 16), vars.builder(DType::F32, &Device::Cpu).pp("body"))?;
/// let body = Sequential::new().with(body).with(Activation::Relu);
/// let learner = RidgeHead::new(body, RidgeHeadConfig::new(HeadTargets::OneHot { classes: 2 }))?;
/// let x = Tensor::new(&[[[1f32, 0., 0., 1.], [0., 1., 1., 0.]]], &Device::Cpu)?;
/// let set = Examples::labels(x.clone(), Tensor::new(&[[1u32, 0]], &Device::Cpu)?)?;
/// let episode = Episode::new(vec![0], set.clone(), set)?;
/// let mut trainer = Trainer::new(learner, AdamConfig::default())?;
/// let (first, second) = (trainer.step(&episode)?.mean(), trainer.step(&episode)?.mean());
/// assert!(second < first);
/// let scores = trainer.learner().adapt(&episode.support)?.predict(&x)?;
/// assert_eq!(scores.argmax(2)?.to_vec2::<u32>()?, [[1, 0]]);
/// # Ok(())
/// # }
/// ```
pub struct RidgeHead {
    body: Arc<dyn Layer>,
    /// Its parameters, each once.
    tied: Tied,
    outer: Vec<OuterParameter>,
    /// ln λ and ln α, which are among them.
    ridge: Var,
    scale: Var,
    config: RidgeHeadConfig,
}

impl std::fmt::Debug for RidgeHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.outer.iter().map(|p| p.name.as_str()).collect();
        f.debug_struct("RidgeHead").field("outer", &names).field("config", &self.config).finish()
    }
}

/// All that the outer loop changes, as nodes of one pass.
struct Outer {
    /// The body's different values, one for all tasks.
    body: Values,
    ridge: Node,
    scale: Node,
}

impl RidgeHead {
    /// A learner whose features are the outputs of `body`.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Config`] when the body has no
    /// parameters, one called `head.…`, or statistics that it keeps, for a ridge or scale that is
    /// not positive, fewer than two classes, and a smoothing outside its range.
    pub fn new(body: impl Layer + 'static, config: RidgeHeadConfig) -> Result<Self> {
        let tied = checked(&body, NAME)?;
        let Some(like) = tied.parameters.iter().next().map(|p| p.tensor.clone()) else {
            return Err(Error::config("there is nothing to learn: the body has no parameters"));
        };
        for (what, value) in [("ridge", config.ridge), ("scale", config.scale)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::config(format!("the {what} must be a positive number, got {value}")));
            }
        }
        if let HeadTargets::OneHot { classes } | HeadTargets::Signs { classes } = config.targets
            && classes < 2
        {
            return Err(Error::config(format!("classes are told apart from two on, got {classes}")));
        }
        LabelSmoothing::Outer(config.label_smoothing).check(config.loss())?;
        let mut outer = variables(tied.parameters.iter())?;
        let logarithm = |value: f64| -> Result<Var> {
            let value = Tensor::full(value.ln(), (), like.device())?.to_dtype(like.dtype())?;
            Ok(Var::from_tensor(&value)?)
        };
        let (ridge, scale) = (logarithm(config.ridge)?, logarithm(config.scale)?);
        for (name, variable) in [("ridge", &ridge), ("scale", &scale)] {
            outer.push(OuterParameter { name: name.into(), variable: variable.clone(), rate: RATE });
        }
        check_names(&outer)?;
        Ok(Self { body: Arc::new(body), tied, outer, ridge, scale, config })
    }

    /// The same, whose outer parameters have other learning rates, as
    /// [`MetaLearner::with_outer_rates`](crate::MetaLearner::with_outer_rates).
    pub fn with_outer_rates(mut self, factor: impl Fn(&str) -> f64) -> Self {
        multiply_rates(&mut self.outer, factor);
        self
    }

    /// The configuration.
    pub fn config(&self) -> &RidgeHeadConfig {
        &self.config
    }

    fn nodes(&self, make: impl Fn(&Tensor) -> Node) -> Outer {
        let (ridge, scale) = (make(self.ridge.as_tensor()), make(self.scale.as_tensor()));
        Outer { body: nodes(&self.tied.parameters, make), ridge, scale }
    }

    /// The features of examples, `(t, b, F)`, with one that is always one behind them when there is
    /// a bias.
    fn features(&self, body: &Values, x: &Tensor) -> Result<Node> {
        features(self.body.as_ref(), body, x, self.config.bias, NAME)
    }

    /// The head of each task with its scale, `(t, F, M)`.
    fn head(&self, outer: &Outer, body: &Values, support: &Examples) -> Result<Node> {
        let features = self.features(body, &support.x)?;
        let dtype = features.dtype();
        // Products of features overflow half precision.
        let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let targets = self.targets(&support.y)?.to_dtype(wide)?;
        let ridge = outer.ridge.to_dtype(wide)?.exp()?;
        let head = ridge_regression(&features.to_dtype(wide)?, &Node::constant(&targets), &ridge)?;
        Ok(head.mul(&outer.scale.to_dtype(wide)?.exp()?)?.to_dtype(dtype)?)
    }

    /// What the head is fitted to, `(t, b, M)`.
    fn targets(&self, targets: &Targets) -> Result<Tensor> {
        let (classes, off) = match (self.config.targets, targets) {
            (HeadTargets::Values, Targets::Values(values)) if values.rank() == 3 => return Ok(values.clone()),
            (HeadTargets::OneHot { classes }, Targets::Labels(_)) => (classes, 0.0),
            (HeadTargets::Signs { classes }, Targets::Labels(_)) => (classes, -1.0),
            (wanted, targets) => {
                return Err(Error::config(format!(
                    "a ridge head for {wanted:?} is fitted to values (tasks, examples, outputs), or to labels when it \
                     has classes; got {} {:?}",
                    targets.kind(),
                    targets.tensor().dims()
                )));
            }
        };
        rows(targets.tensor(), classes, off)
    }

    /// The body's values for the tasks of a set: the same for all.
    fn body_values(&self, outer: &Outer, tasks: usize) -> Result<Values> {
        Ok(self.tied.spread(&for_tasks(&outer.body, tasks)?))
    }

    /// The outputs for the query sets `(t, b, M)`, and the loss of each task `(t)`.
    fn query(&self, outer: &Outer, episode: &Episode) -> Result<(Node, Node)> {
        episode.check()?;
        let body = self.body_values(outer, episode.support.tasks())?;
        let head = self.head(outer, &body, &episode.support)?;
        let outputs = self.features(&body, &episode.query.x)?.matmul(&head)?;
        let RidgeHeadConfig { label_smoothing, .. } = self.config;
        let losses = self.config.loss().per_task_smoothed(&outputs, &episode.query.y, label_smoothing)?;
        Ok((outputs, losses))
    }
}

/// `argmin_H ‖X H − Y‖² + λ̄ ‖H‖²` of each task, for `X (t, b, F)`, `Y (t, b, M)` and λ: `(t, F,
/// M)`.
fn ridge_regression(features: &Node, targets: &Node, ridge: &Node) -> Result<Node> {
    let (examples, count) = (features.dims()[1], features.dims()[2]);
    let across = features.t()?;
    // The smaller of the two systems.
    let few = examples < count;
    let gram = if few { features.matmul(&across)? } else { across.matmul(features)? };
    let size = examples.min(count);
    let identity = msr_autodiff::identity(size, gram.dtype(), gram.device())?;
    let identity = Node::constant(&identity.reshape((1, size, size))?);
    let floor = Precision::of(gram.dtype()).smallest_ridge / size.max(1) as f64;
    let ridge = gram.mul(&identity)?.sum_keepdim(&[1, 2])?.affine(floor, 0.0)?.add(ridge)?;
    let matrix = gram.add(&identity.mul(&ridge)?)?;
    Ok(match few {
        true => across.matmul(&matrix.solve_positive(targets)?)?,
        false => matrix.solve_positive(&across.matmul(targets)?)?,
    })
}

impl Learner for RidgeHead {
    fn model(&self) -> &Arc<dyn Layer> {
        &self.body
    }

    fn spec(&self) -> Value {
        json!({ "ridge_head": self.config })
    }

    fn outer_parameters(&self) -> &[OuterParameter] {
        &self.outer
    }

    fn gradients(&self, episode: &Episode) -> Result<Gradients> {
        let outer = self.nodes(Node::leaf);
        let (_, losses) = self.query(&outer, episode)?;
        let total = self.config.reduction.apply(&losses)?;
        let with_respect_to: Vec<&Node> = outer.body.iter().chain([&outer.ridge, &outer.scale]).collect();
        let gradients = grad(&total, &with_respect_to, Graph::Drop)?;
        Ok(Gradients {
            losses: loss_values(&losses)?,
            gradients: outer_gradients(&gradients, &self.outer)?,
            buffers: Vec::new(),
        })
    }

    fn losses(&self, episode: &Episode) -> Result<Vec<f64>> {
        loss_values(&self.query(&self.nodes(Node::constant), episode)?.1)
    }

    fn predictions(&self, episode: &Episode, steps: &[usize]) -> Result<Vec<Predictions>> {
        without_steps(steps)?;
        let (outputs, losses) = self.query(&self.nodes(Node::constant), episode)?;
        Ok(vec![Predictions { losses: loss_values(&losses)?, outputs: outputs.value().clone() }])
    }

    /// The body with the head of each task as its last layer, `head`, a
    /// [`Linear`](msr_layers::Linear) with α in its weights.
    fn adapt(&self, support: &Examples) -> Result<Adapted> {
        check_support(support)?;
        let outer = self.nodes(Node::constant);
        let body = self.body_values(&outer, support.tasks())?;
        let head = self.head(&outer, &body, support)?;
        let (model, values) = Headed::new(self.body.clone(), body, &head, self.config.bias)?;
        check_adapted(&values)?;
        Adapted::new(model, &values)
    }
}
