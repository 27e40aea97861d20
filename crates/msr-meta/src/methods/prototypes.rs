//! Prototypical networks: a class is the mean of the features of its support examples.
//!
//! For features f and the prototype `c_k`, the mean of `f(x)` over the support examples of class k,
//! the score of class k is `−‖f(x) − c_k‖²`. What all classes have in common does not change their
//! probabilities, so that it is `2 c_k · f(x) − ‖c_k‖²`: a linear head, which is computed instead
//! of learned.
//!
//! Source: Snell, Swersky, Zemel, "Prototypical Networks for Few-shot Learning" (NeurIPS 2017),
//! equations 1, 2 and 8.

use std::sync::Arc;

use candle_core::{DType, Tensor};
use msr_autodiff::{Graph, Node, concat, grad};
use msr_episodes::{Episode, Examples, Targets};
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
use crate::parameters::{for_tasks, multiply_rates, nodes, outer_gradients, variables};

/// What messages call it.
const NAME: &str = "a prototypical network";

/// The type in which squares of features of this type are added up.
fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// How [`Prototypes`] learn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrototypesConfig {
    /// The number of classes of a task.
    pub classes: usize,
    /// Sum or mean over tasks.
    pub reduction: Reduction,
    /// Smoothing of the labels of the query sets, ε as in
    /// [`Loss::per_task_smoothed`](crate::Loss::per_task_smoothed).
    pub label_smoothing: f64,
}

impl PrototypesConfig {
    /// The sum over tasks, nothing smoothed.
    pub fn new(classes: usize) -> Self {
        Self { classes, reduction: Reduction::Sum, label_smoothing: 0.0 }
    }
}

/// The learner of features in which classes lie around their means (ProtoNets).
///
/// The body is any [`Layer`] with features `(t, b, F)`, all of whose parameters the outer loop
/// trains; there are no others. A task adapts nothing but the means.
///
/// # Example
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use msr_episodes::{Episode, Examples};
/// use msr_layers::{Linear, LinearConfig, SeededVars};
/// use msr_meta::{AdamConfig, Prototypes, PrototypesConfig, Trainer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vars = SeededVars::new(0);
/// let body = Linear::new(LinearConfig::new(4, 8), vars.builder(DType::F32, &Device::Cpu).pp("body"))?;
/// let learner = Prototypes::new(body, PrototypesConfig::new(2))?;
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
pub struct Prototypes {
    body: Arc<dyn Layer>,
    /// Its parameters, each once.
    tied: Tied,
    outer: Vec<OuterParameter>,
    config: PrototypesConfig,
}

impl std::fmt::Debug for Prototypes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.outer.iter().map(|p| p.name.as_str()).collect();
        f.debug_struct("Prototypes").field("outer", &names).field("config", &self.config).finish()
    }
}

impl Prototypes {
    /// A learner whose features are the outputs of `body`.
    ///
    /// # Errors
    /// [`Error::NotTrainable`] for constant parameters; [`Error::Config`] when the body has no
    /// parameters, one called `head.…`, or statistics that it keeps, for fewer than two classes,
    /// and a smoothing outside its range.
    pub fn new(body: impl Layer + 'static, config: PrototypesConfig) -> Result<Self> {
        let tied = checked(&body, NAME)?;
        if config.classes < 2 {
            return Err(Error::config(format!("classes are told apart from two on, got {}", config.classes)));
        }
        LabelSmoothing::Outer(config.label_smoothing).check(Loss::CrossEntropy)?;
        let outer = variables(tied.parameters.iter())?;
        check_names(&outer)?;
        Ok(Self { body: Arc::new(body), tied, outer, config })
    }

    /// The same, whose outer parameters have other learning rates, as
    /// [`MetaLearner::with_outer_rates`](crate::MetaLearner::with_outer_rates).
    pub fn with_outer_rates(mut self, factor: impl Fn(&str) -> f64) -> Self {
        multiply_rates(&mut self.outer, factor);
        self
    }

    /// The configuration.
    pub fn config(&self) -> &PrototypesConfig {
        &self.config
    }

    fn nodes(&self, make: impl Fn(&Tensor) -> Node) -> Values {
        nodes(&self.tied.parameters, make)
    }

    /// The body's values for the tasks of a set: the same for all.
    fn body_values(&self, outer: &Values, tasks: usize) -> Result<Values> {
        Ok(self.tied.spread(&for_tasks(outer, tasks)?))
    }

    /// The head of each task, `(t, F + 1, C)`, in `f32` at least: twice the prototypes, then less
    /// their squares.
    fn head(&self, body: &Values, support: &Examples) -> Result<Node> {
        let Targets::Labels(labels) = &support.y else {
            return Err(Error::config(format!("{NAME} needs labels, got {}", support.y.kind())));
        };
        let features = features(self.body.as_ref(), body, &support.x, false, NAME)?;
        // Squares of features overflow half precision.
        let wide = wide(features.dtype());
        let features = features.to_dtype(wide)?;
        let of_class = rows(labels, self.config.classes, 0.0)?.to_dtype(wide)?;
        let counts = of_class.sum_keepdim(1)?;
        let least = counts.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        if let Some(at) = least.iter().position(|&count| count == 0.0) {
            let (task, class) = (at / self.config.classes, at % self.config.classes);
            return Err(Error::config(format!(
                "task {task} has no support example of class {class}, and so no prototype of it; there are {} classes",
                self.config.classes
            )));
        }
        let shares = Node::constant(&of_class.broadcast_div(&counts)?);
        // (t, F, C)
        let prototypes = features.t()?.matmul(&shares)?;
        let squares = prototypes.mul(&prototypes)?.sum_keepdim(&[1])?;
        Ok(concat(&[&prototypes.affine(2.0, 0.0)?, &squares.neg()?], 1)?)
    }

    /// The scores of the query sets `(t, b, C)`, and the loss of each task `(t)`.
    fn query(&self, outer: &Values, episode: &Episode) -> Result<(Node, Node)> {
        episode.check()?;
        let body = self.body_values(outer, episode.support.tasks())?;
        let head = self.head(&body, &episode.support)?;
        let query = features(self.body.as_ref(), &body, &episode.query.x, true, NAME)?;
        let scores = query.to_dtype(head.dtype())?.matmul(&head)?;
        let losses =
            Loss::CrossEntropy.per_task_smoothed(&scores, &episode.query.y, self.config.label_smoothing)?;
        Ok((scores, losses))
    }
}

impl Learner for Prototypes {
    fn model(&self) -> &Arc<dyn Layer> {
        &self.body
    }

    fn spec(&self) -> Value {
        json!({ "prototypes": self.config })
    }

    fn outer_parameters(&self) -> &[OuterParameter] {
        &self.outer
    }

    fn gradients(&self, episode: &Episode) -> Result<Gradients> {
        let outer = self.nodes(Node::leaf);
        let (_, losses) = self.query(&outer, episode)?;
        let total = self.config.reduction.apply(&losses)?;
        let gradients = grad(&total, &outer.iter().collect::<Vec<_>>(), Graph::Drop)?;
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
        let (scores, losses) = self.query(&self.nodes(Node::constant), episode)?;
        Ok(vec![Predictions { losses: loss_values(&losses)?, outputs: scores.value().clone() }])
    }

    /// The body with the head of each task as its last layer, `head`, a
    /// [`Linear`](msr_layers::Linear).
    fn adapt(&self, support: &Examples) -> Result<Adapted> {
        check_support(support)?;
        let body = self.body_values(&self.nodes(Node::constant), support.tasks())?;
        let head = self.head(&body, support)?;
        let dtype = self.tied.parameters.iter().next().map_or(head.dtype(), |p| p.tensor.dtype());
        let (model, values) = Headed::new(self.body.clone(), body, &head.to_dtype(dtype)?, true)?;
        check_adapted(&values)?;
        Adapted::new(model, &values)
    }
}
