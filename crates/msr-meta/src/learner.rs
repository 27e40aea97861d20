//! What the outer loop trains.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use msr_autodiff::{Node, SecondMoments};
use msr_episodes::{Episode, Examples, Targets};
use msr_kernels::index_to_device;
use msr_layers::{Buffer, Layer};
use msr_symmetry::Learned;
use serde_json::Value;

use crate::adapted::Adapted;
use crate::error::{Error, Result};
use crate::known_tasks::KnownSets;

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
pub struct Gradients<Losses = Vec<f64>> {
    /// One loss per task: numbers, or a vector in `f64` where the parameters are.
    pub losses: Losses,
    /// One tensor per outer parameter, in the order of [`Learner::outer_parameters`].
    pub gradients: Vec<Tensor>,
    /// The value of each of [`Learner::buffers`] after the step.
    pub buffers: Vec<Tensor>,
}

impl Gradients {
    /// The losses as a vector where the gradients are.
    pub(crate) fn unread(self) -> Result<Gradients<Tensor>> {
        let Self { losses, gradients, buffers } = self;
        let (count, device) = (losses.len(), gradients.first().map_or(&Device::Cpu, |g| g.device()));
        Ok(Gradients { losses: Tensor::from_vec(losses, count, device)?, gradients, buffers })
    }
}

impl Gradients<Tensor> {
    /// Of all tasks, from those of some: losses side by side, and the sums of the gradients.
    pub(crate) fn of_parts(parts: Vec<Self>) -> Result<Self> {
        let mut parts = parts.into_iter();
        let mut total = parts.next().ok_or_else(|| Error::config("there are no tasks"))?;
        let mut losses = vec![total.losses.clone()];
        for part in parts {
            losses.push(part.losses);
            for (sum, gradient) in total.gradients.iter_mut().zip(&part.gradients) {
                *sum = (&*sum + gradient)?;
            }
        }
        if losses.len() > 1 {
            total.losses = Tensor::cat(&losses, 0)?;
        }
        Ok(total)
    }

    /// The losses as numbers.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn read(self) -> Result<Gradients> {
        let Self { losses, gradients, buffers } = self;
        Ok(Gradients { losses: losses.to_vec1()?, gradients, buffers })
    }
}

/// What a learner says of query sets.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The outer loss of each task.
    pub losses: Vec<f64>,
    /// The outputs `(t, b, …)`: numbers, or the scores of classes (logits).
    pub outputs: Tensor,
}

/// A way to meta-learn: what is trained, its gradient on an episode, and how it adapts to new
/// tasks.
pub trait Learner: Send + Sync {
    /// The model whose parameters are learned and adapted.
    fn model(&self) -> &Arc<dyn Layer>;

    /// How it learns and adapts, as data: what [`load_learner`](crate::load_learner) makes the
    /// learner of.
    fn spec(&self) -> Value;

    /// What the outer loop changes, always in the same order: the model's parameters under their
    /// own names, then the learner's.
    fn outer_parameters(&self) -> &[OuterParameter];

    /// Losses and gradients on training tasks.
    ///
    /// # Errors
    /// When the episode does not fit the model.
    fn gradients(&self, episode: &Episode) -> Result<Gradients>;

    /// The same as part of outer step `step`, counted from zero: what is drawn at random (dropout
    /// in the inner loop) depends on it, and on the tasks' numbers. [`Learner::gradients`] is step
    /// zero.
    ///
    /// # Errors
    /// As [`Learner::gradients`].
    fn gradients_at(&self, step: u64, episode: &Episode) -> Result<Gradients> {
        let _ = step;
        self.gradients(episode)
    }

    /// Whether [`Learner::unread_gradients_at`] launches the same on a GPU in every step on
    /// episodes of the same sizes, from one thread, and waits for nothing: a
    /// [`Trainer`](crate::Trainer) then records what it launches once, and replays it. What the
    /// host computes in it from the number of the step or of a task would be frozen.
    ///
    /// The default is no, which is right for every learner.
    fn is_same_each_step(&self) -> bool {
        false
    }

    /// As [`Learner::gradients_at`], with losses that stay where they were computed: on a GPU,
    /// reading them would make the host wait.
    ///
    /// # Errors
    /// As [`Learner::gradients`].
    fn unread_gradients_at(&self, step: u64, episode: &Episode) -> Result<Gradients<Tensor>> {
        self.gradients_at(step, episode)?.unread()
    }

    /// The second moments of each of the examples `(t, b, …)`, `(t · b, …)`, in double precision,
    /// when training needs nothing else of examples: a [`Trainer`](crate::Trainer) then keeps them
    /// for when tasks are drawn again. `None` when it does.
    ///
    /// # Errors
    /// When the examples do not fit the model.
    fn moments_of_each(&self, examples: &Examples) -> Result<Option<SecondMoments>> {
        let _ = examples;
        Ok(None)
    }

    /// As [`Learner::gradients_at`], from [`Learner::moments_of_each`] in place of examples: the
    /// same numbers but for rounding.
    ///
    /// # Errors
    /// [`Error::Config`] for learners that need examples; when the moments do not fit the model.
    fn gradients_of_known(&self, step: u64, known: &KnownSets) -> Result<Gradients> {
        let _ = (step, known);
        Err(Error::config("this learner needs examples, not their moments"))
    }

    /// The running averages of the model's normalisations, always in the same order: no gradient
    /// changes them, a [`Trainer`](crate::Trainer) sets them to [`Gradients::buffers`] after each
    /// step, and checkpoints keep them.
    fn buffers(&self) -> Vec<Buffer> {
        Vec::new()
    }

    /// The query loss of each task after adaptation to its support set; no graph is kept from one
    /// inner step to the next.
    ///
    /// # Errors
    /// When the episode does not fit the model.
    fn losses(&self, episode: &Episode) -> Result<Vec<f64>>;

    /// What it says of the query sets after adaptation to the support sets: as it was trained, one
    /// entry; with `steps`, one entry for each number of inner steps in them, all of one inner loop
    /// (the first three of ten steps are three steps).
    ///
    /// The losses are those of [`Learner::losses`] (but for rounding, where other numbers of steps
    /// make another way to compute them cheaper). Inner rates are the same for every step, so
    /// that steps beyond those of the training are taken at the rates that were learned.
    ///
    /// # Errors
    /// When the episode does not fit the model; [`Error::Config`] when there are `steps`, and the
    /// learner does not adapt by steps.
    fn predictions(&self, episode: &Episode, steps: &[usize]) -> Result<Vec<Predictions>> {
        without_steps(steps)?;
        let outputs = self.adapt(&episode.support)?.predict(&episode.query.x)?;
        Ok(vec![Predictions { losses: self.losses(episode)?, outputs }])
    }

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
        Ok(Learned::of(model.as_ref())?.with_learner(self.spec(), own)?)
    }

    /// Writes [`Learner::learned`] to a file, atomically.
    ///
    /// # Errors
    /// As [`Learner::learned`], and when the file cannot be written.
    fn save(&self, path: &Path) -> Result<()> {
        Ok(self.learned()?.save(path)?)
    }
}

impl Learner for Box<dyn Learner> {
    fn model(&self) -> &Arc<dyn Layer> {
        self.as_ref().model()
    }

    fn spec(&self) -> Value {
        self.as_ref().spec()
    }

    fn outer_parameters(&self) -> &[OuterParameter] {
        self.as_ref().outer_parameters()
    }

    fn gradients(&self, episode: &Episode) -> Result<Gradients> {
        self.as_ref().gradients(episode)
    }

    fn gradients_at(&self, step: u64, episode: &Episode) -> Result<Gradients> {
        self.as_ref().gradients_at(step, episode)
    }

    fn is_same_each_step(&self) -> bool {
        self.as_ref().is_same_each_step()
    }

    fn unread_gradients_at(&self, step: u64, episode: &Episode) -> Result<Gradients<Tensor>> {
        self.as_ref().unread_gradients_at(step, episode)
    }

    fn moments_of_each(&self, examples: &Examples) -> Result<Option<SecondMoments>> {
        self.as_ref().moments_of_each(examples)
    }

    fn gradients_of_known(&self, step: u64, known: &KnownSets) -> Result<Gradients> {
        self.as_ref().gradients_of_known(step, known)
    }

    fn buffers(&self) -> Vec<Buffer> {
        self.as_ref().buffers()
    }

    fn losses(&self, episode: &Episode) -> Result<Vec<f64>> {
        self.as_ref().losses(episode)
    }

    fn predictions(&self, episode: &Episode, steps: &[usize]) -> Result<Vec<Predictions>> {
        self.as_ref().predictions(episode, steps)
    }

    fn adapt(&self, support: &Examples) -> Result<Adapted> {
        self.as_ref().adapt(support)
    }
}

/// Refuses numbers of inner steps, on behalf of a learner that takes none.
pub(crate) fn without_steps(steps: &[usize]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    Err(Error::config(format!(
        "the learner is to be tested after {steps:?} inner steps, but it adapts by an exact solution, without steps;          leave them out"
    )))
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

/// The episode on a device. What is known of its labels goes along: they need not be read back to
/// be checked.
///
/// # Errors
/// What the tensor library reports.
pub(crate) fn on_device(episode: &Episode, device: &Device) -> Result<Episode> {
    let moved = |examples: &Examples| -> Result<Examples> {
        match &examples.y {
            Targets::Labels(labels) if !device.is_cpu() => {
                let labels = index_to_device(labels, device)?;
                Ok(Examples { x: examples.x.to_device(device)?, y: Targets::Labels(labels) })
            }
            _ => Ok(examples.to_device(device)?),
        }
    };
    let (support, query) = (moved(&episode.support)?, moved(&episode.query)?);
    Ok(Episode { tasks: episode.tasks.clone(), support, query })
}
