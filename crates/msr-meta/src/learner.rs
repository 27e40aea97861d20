//! What the outer loop trains.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use msr_autodiff::Node;
use msr_episodes::{Episode, Examples};
use msr_layers::Layer;
use msr_symmetry::Learned;
use serde::{Deserialize, Serialize};

use crate::adapted::Adapted;
use crate::error::{Error, Result};
use crate::methods::bilevel::{MetaConfig, MetaLearner};
use crate::methods::multi_task::{MultiTask, MultiTaskConfig};

/// A tensor that the outer loop changes.
#[derive(Clone, Debug)]
pub struct OuterParameter {
    /// The name under which it is saved.
    pub name: String,
    /// The variable; for a model's parameter it shares its storage with the layer's tensor.
    pub variable: Var,
    /// The learning rate of this tensor, as a factor on the optimiser's.
    pub rate: f64,
}

/// The losses of an episode's tasks and the gradient of their sum or mean.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// One loss per task.
    pub losses: Vec<f64>,
    /// One tensor per outer parameter, in the order of [`Learner::outer_parameters`].
    pub gradients: Vec<Tensor>,
}

/// How a learner learns and adapts, as it is saved with what it learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LearnerSpec {
    /// A [`MetaLearner`].
    MetaLearner(MetaConfig),
    /// A [`MultiTask`].
    MultiTask(MultiTaskConfig),
}

/// A way to meta-learn: what is trained, its gradient on an episode, and how it adapts to new
/// tasks.
pub trait Learner: Send + Sync {
    /// The model whose parameters are learned and adapted.
    fn model(&self) -> &Arc<dyn Layer>;

    /// How it learns and adapts.
    fn spec(&self) -> LearnerSpec;

    /// What the outer loop changes, always in the same order: the model's parameters under their
    /// own names, then the learner's.
    fn outer_parameters(&self) -> &[OuterParameter];

    /// Losses and gradients on training tasks.
    ///
    /// # Errors
    /// When the episode does not fit the model.
    fn gradients(&self, episode: &Episode) -> Result<Gradients>;

    /// The query loss of each task after adaptation to its support set; no graph is kept from one
    /// inner step to the next.
    ///
    /// # Errors
    /// When the episode does not fit the model.
    fn losses(&self, episode: &Episode) -> Result<Vec<f64>>;

    /// The model adapted to the support set of each task.
    ///
    /// # Errors
    /// When the support set does not fit the model.
    fn adapt(&self, support: &Examples) -> Result<Adapted>;

    /// What was learned, ready to be saved and read: symmetry matrices, initial values, inner rates
    /// and how they are used.
    ///
    /// # Errors
    /// When a layer of the model does not say how it is saved.
    fn learned(&self) -> Result<Learned> {
        let model = self.model();
        let names: Vec<String> = model.parameters().iter().map(|p| p.name.clone()).collect();
        let own = self.outer_parameters().iter().filter(|p| !names.contains(&p.name));
        let own = own.map(|p| (p.name.clone(), p.variable.as_detached_tensor()));
        let spec = serde_json::to_value(self.spec()).map_err(|e| Error::config(e.to_string()))?;
        Ok(Learned::of(model.as_ref())?.with_learner(spec, own)?)
    }

    /// Writes [`Learner::learned`] to a file, atomically.
    ///
    /// # Errors
    /// As [`Learner::learned`], and when the file cannot be written.
    fn save(&self, path: &Path) -> Result<()> {
        Ok(self.learned()?.save(path)?)
    }
}

/// The learner in a file that [`Learner::save`] wrote: it adapts to new tasks as the one that was
/// saved, and can be trained further.
///
/// # Errors
/// When the file holds nothing learned, or nothing that says how to adapt; the message names the
/// file.
pub fn load_learner(path: impl AsRef<Path>, device: &Device) -> Result<Box<dyn Learner>> {
    let learned = Learned::load(&path, device)?;
    let problem = |problem: String| Error::config(format!("{}: {problem}", path.as_ref().display()));
    let spec = learned.learner().ok_or_else(|| {
        problem("it does not say how to adapt the model; Learned::build makes the model of it".into())
    })?;
    let spec: LearnerSpec = serde_json::from_value(spec.clone())
        .map_err(|e| problem(format!("its learner is none of this program's ({e}); use a newer msr")))?;
    let model = learned.build()?;
    let learner: Box<dyn Learner> = match spec {
        LearnerSpec::MetaLearner(config) => Box::new(MetaLearner::new(model, config)?),
        LearnerSpec::MultiTask(config) => Box::new(MultiTask::new(model, config)?),
    };
    let names: Vec<String> = learner.model().parameters().iter().map(|p| p.name.clone()).collect();
    for p in learner.outer_parameters().iter().filter(|p| !names.contains(&p.name)) {
        let stored = learned.tensor(&p.name)?;
        if stored.dims() != p.variable.dims() || stored.dtype() != p.variable.dtype() {
            return Err(problem(format!("`{}` should be {:?}", p.name, p.variable.shape())));
        }
        p.variable.set(stored)?;
    }
    Ok(learner)
}

impl Learner for Box<dyn Learner> {
    fn model(&self) -> &Arc<dyn Layer> {
        self.as_ref().model()
    }

    fn spec(&self) -> LearnerSpec {
        self.as_ref().spec()
    }

    fn outer_parameters(&self) -> &[OuterParameter] {
        self.as_ref().outer_parameters()
    }

    fn gradients(&self, episode: &Episode) -> Result<Gradients> {
        self.as_ref().gradients(episode)
    }

    fn losses(&self, episode: &Episode) -> Result<Vec<f64>> {
        self.as_ref().losses(episode)
    }

    fn adapt(&self, support: &Examples) -> Result<Adapted> {
        self.as_ref().adapt(support)
    }
}

/// The losses `(t)` as numbers.
pub(crate) fn loss_values(losses: &Node) -> Result<Vec<f64>> {
    Ok(losses.value().to_dtype(DType::F64)?.to_vec1()?)
}

/// Refuses two outer parameters of the same name: they would be one variable updated twice, or two
/// of which a checkpoint could hold only one.
pub(crate) fn check_names(parameters: &[OuterParameter]) -> Result<()> {
    for (i, p) in parameters.iter().enumerate() {
        if parameters[..i].iter().any(|other| other.name == p.name) {
            return Err(Error::config(format!(
                "two outer parameters are called `{}`; build each layer with a prefix of its own, vb.pp(name)",
                p.name
            )));
        }
    }
    Ok(())
}

/// Where a learner's parameters are, and its episodes must be.
pub(crate) fn device_of(learner: &dyn Learner) -> Device {
    learner.outer_parameters().first().map_or(Device::Cpu, |p| p.variable.device().clone())
}
