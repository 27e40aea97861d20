//! A model that was adapted to tasks.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::Node;
use msr_kernels::log_softmax;
use msr_layers::{Input, Layer, Values};
use msr_symmetry::Learned;

use crate::error::{Error, Result};

/// A model adapted to `t` tasks: it predicts for them, shows their weights, and can be saved.
///
/// It has its own copy of what was learned, so training on does not change it.
pub struct Adapted {
    model: Arc<dyn Layer>,
    values: Values,
}

impl std::fmt::Debug for Adapted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.parameters().into_iter().map(|(name, _)| name).collect();
        f.debug_struct("Adapted").field("tasks", &self.tasks()).field("parameters", &names).finish()
    }
}

impl Adapted {
    /// A model with these values for its parameters, `values.adapted` one for each task.
    ///
    /// # Errors
    /// When they do not fit the model.
    pub fn new(model: impl Layer + 'static, values: &Values) -> Result<Self> {
        model.parameters().check("Adapted", values)?;
        let own = |nodes: &[Node]| -> Result<Vec<Tensor>> {
            nodes.iter().map(|node| Ok(node.value().detach().contiguous()?.copy()?)).collect()
        };
        let buffers = values.buffers.iter().map(|node| match node {
            Some(node) => Ok(Some(node.value().detach().contiguous()?.copy()?)),
            None => Ok(None),
        });
        let buffers = buffers.collect::<Result<Vec<_>>>()?;
        let values = Values::constants(&own(&values.shared)?, &own(&values.adapted)?);
        let values = values.with_buffers(&buffers);
        Ok(Self { model: Arc::new(model), values })
    }

    /// The number of tasks, `t`; zero for a model that adapts nothing.
    pub fn tasks(&self) -> usize {
        self.values.tasks().unwrap_or(0)
    }

    /// The model.
    pub fn model(&self) -> &Arc<dyn Layer> {
        &self.model
    }

    /// What the model says of new inputs of each task: `(t, b, …) -> (t, b, …)`, any number b of
    /// examples. Of a model of classes these are the scores (logits); the largest names the class.
    ///
    /// # Errors
    /// When the inputs do not fit the model or the number of tasks.
    pub fn predict(&self, x: &Tensor) -> Result<Tensor> {
        if x.dims().first() != Some(&self.tasks()) {
            return Err(Error::config(format!(
                "the model was adapted to {tasks} task{s}, so inputs should be ({tasks}, examples, …), got {:?}; \
                 narrow or stack them, task by task",
                x.dims(),
                tasks = self.tasks(),
                s = if self.tasks() == 1 { "" } else { "s" }
            )));
        }
        let input = Input::Examples(Node::constant(x));
        Ok(self.model.forward_tasks(&self.values, &input)?.value().clone())
    }

    /// The probabilities of classes, for a model whose outputs are their scores: `softmax` over the
    /// last dimension of [`Adapted::predict`].
    ///
    /// # Errors
    /// As [`Adapted::predict`].
    pub fn probabilities(&self, x: &Tensor) -> Result<Tensor> {
        let scores = self.predict(x)?;
        Ok(log_softmax(&scores, scores.rank().saturating_sub(1))?.exp()?)
    }

    /// The weight W of each task, for a model with one layer that has weights: `(t, m, n)` of a
    /// fully connected layer, `(t, o, c, k, k)` of a convolution.
    ///
    /// # Errors
    /// [`Error::Config`] when there are none or several: it lists the names for
    /// [`Adapted::weight_of`].
    pub fn weight(&self) -> Result<Tensor> {
        let weights = self.weights()?;
        match weights.as_slice() {
            [(_, only)] => Ok(only.clone()),
            _ => Err(self.no_such_layer("one layer with weights", &weights)),
        }
    }

    /// The weight W of each task in the layer of that name (the prefix of its `VarBuilder`).
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such layer: it lists the names.
    pub fn weight_of(&self, layer: &str) -> Result<Tensor> {
        let weights = self.weights()?;
        let found = weights.iter().find(|(name, _)| name == layer).map(|(_, weight)| weight.clone());
        found.ok_or_else(|| self.no_such_layer(&format!("a layer `{layer}`"), &weights))
    }

    /// The weights of all layers, with the layers' names.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        let weights = self.model.weights(&self.values)?;
        Ok(weights.into_iter().map(|w| (w.layer, w.value.value().clone())).collect())
    }

    fn no_such_layer(&self, asked: &str, weights: &[(String, Tensor)]) -> Error {
        let names: Vec<String> = weights.iter().map(|(name, w)| format!("`{name}` {:?}", w.dims())).collect();
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        Error::config(format!("the model does not have {asked}; layers with weights: {names}"))
    }

    /// The adapted parameters under the model's names, each `(t, …)`.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let parameters = self.model.parameters().adapted;
        let values = parameters.into_iter().zip(&self.values.adapted);
        values.map(|(p, node)| (p.name, node.value().clone())).collect()
    }

    /// One of the tasks alone.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn task(&self, task: usize) -> Result<Self> {
        if task >= self.tasks() {
            return Err(Error::config(format!("there is no task {task} among {}", self.tasks())));
        }
        let adapted = self.values.adapted.iter().map(|v| Ok(v.value().narrow(0, task, 1)?));
        let shared: Vec<Tensor> = self.values.shared.iter().map(|v| v.value().clone()).collect();
        let own = self.model.parameters().buffers;
        let buffers = own.iter().zip(&self.values.buffers).map(|(buffer, node)| match node {
            Some(node) if node.rank() > buffer.shape.len() => Ok(Some(node.narrow(0, task, 1)?)),
            other => Ok(other.clone()),
        });
        let buffers = buffers.collect::<Result<_>>()?;
        let values = Values { buffers, ..Values::constants(&shared, &adapted.collect::<Result<Vec<_>>>()?) };
        Self::new(self.model.clone(), &values)
    }

    /// What was learned and adapted, ready to be saved.
    ///
    /// # Errors
    /// When a layer of the model does not say how it is saved.
    pub fn learned(&self) -> Result<Learned> {
        let tasks = (0..self.tasks()).collect();
        Ok(Learned::of_tasks(self.model.as_ref(), &self.values, tasks)?)
    }

    /// Writes the adapted model to a file, atomically.
    ///
    /// # Errors
    /// As [`Adapted::learned`], and when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(self.learned()?.save(path)?)
    }

    /// The adapted model in a file that [`Adapted::save`] wrote: it predicts the same numbers. Of a
    /// file with initial values, the model before any adaptation, as one task.
    ///
    /// # Errors
    /// When the file holds no model; the message names the file.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let learned = Learned::load(path, device)?;
        let model = learned.build()?;
        let values = learned.values(model.as_ref())?;
        Self::new(model, &values)
    }

    /// The element type of the model's numbers.
    pub fn dtype(&self) -> Option<DType> {
        self.values.iter().next().map(Node::dtype)
    }
}
