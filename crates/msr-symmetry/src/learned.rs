//! A model with what was learned or adapted.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use msr_layers::{Layer, LayerSpec, Parameter, Values};

use crate::error::{Error, Result};
use crate::file::write_atomic;

/// A model with its symmetry matrices and filter parameters: the initial ones, as an outer loop
/// learned them, or those that an inner loop adapted to some tasks.
///
/// Tensors have the names of the layers' parameters, and hold what these names mean: for Kronecker
/// factors A, B and C themselves. What a learner adds (inner rates, a ridge) is there under names
/// of its own.
#[derive(Clone, Debug)]
pub struct Learned {
    pub(crate) model: LayerSpec,
    /// The names of the parameters that tasks adapt.
    pub(crate) adapted: Vec<String>,
    pub(crate) tasks: Option<Vec<usize>>,
    pub(crate) learner: Option<serde_json::Value>,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

impl Learned {
    /// A model as it is: its symmetry matrices and the initial values of what tasks adapt.
    ///
    /// # Errors
    /// [`Error::NoRecord`] when a layer does not say how it is saved; what the tensor library
    /// reports.
    pub fn of(model: &dyn Layer) -> Result<Self> {
        let parameters = model.parameters();
        // A layer that is used twice has its tensors twice: the same ones, under the same names.
        parameters.tied()?;
        let record = model.record(&parameters.broadcast(1)?)?.ok_or(Error::NoRecord)?;
        let adapted = names(&parameters.adapted);
        let mut learned = Self::empty(spec(record.spec)?, adapted, None);
        for (name, tensor) in record.tensors {
            let tensor = if learned.adapted.contains(&name) { tensor.squeeze(0)? } else { tensor };
            learned.insert_once(name, &tensor)?;
        }
        Ok(learned)
    }

    /// A model adapted to some tasks: `values.adapted` are `(t, …)`, one entry for each of `tasks`.
    ///
    /// # Errors
    /// As [`Learned::of`]; [`Error::Format`] when there are not as many tasks as values.
    pub fn of_tasks(model: &dyn Layer, values: &Values, tasks: Vec<usize>) -> Result<Self> {
        if values.tasks() != Some(tasks.len()) {
            let got = values.tasks().unwrap_or(0);
            return Err(Error::format(format!(
                "parameters of {got} tasks, but {} task numbers",
                tasks.len()
            )));
        }
        let parameters = model.parameters();
        parameters.tied()?;
        let record = model.record(values)?.ok_or(Error::NoRecord)?;
        let mut learned = Self::empty(spec(record.spec)?, names(&parameters.adapted), Some(tasks));
        for (name, tensor) in record.tensors {
            learned.insert_once(name, &tensor)?;
        }
        Ok(learned)
    }

    /// The same with what the learner adds: how it adapts, as it describes itself, and its own
    /// tensors.
    ///
    /// # Errors
    /// [`Error::Format`] when a name is taken, or the element type is another one.
    pub fn with_learner(
        mut self,
        learner: serde_json::Value,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self> {
        for (name, tensor) in tensors {
            self.insert(name, &tensor)?;
        }
        self.learner = Some(learner);
        Ok(self)
    }

    /// The same numbers, rounded to another element type: a model learned in `f32` can adapt and
    /// predict in half precision.
    ///
    /// # Errors
    /// [`Error::Format`] for a type that models are not computed in.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        if !matches!(dtype, DType::F64 | DType::F32 | DType::F16 | DType::BF16) {
            return Err(Error::format(format!(
                "models are computed in F64, F32, F16 or BF16, not in {dtype:?}"
            )));
        }
        let cast = |(name, t): (&String, &Tensor)| Ok((name.clone(), t.to_dtype(dtype)?));
        let tensors = self.tensors.iter().map(cast).collect::<Result<_>>()?;
        Ok(Self { tensors, ..self.clone() })
    }

    fn empty(model: LayerSpec, adapted: Vec<String>, tasks: Option<Vec<usize>>) -> Self {
        Self { model, adapted, tasks, learner: None, tensors: BTreeMap::new() }
    }

    /// As [`Learned::insert`], but for a layer that is used twice: its tensors are there once.
    fn insert_once(&mut self, name: String, tensor: &Tensor) -> Result<()> {
        if self.tensors.contains_key(&name) { Ok(()) } else { self.insert(name, tensor) }
    }

    /// Takes a copy of a tensor; refuses a name that is taken and another element type.
    fn insert(&mut self, name: String, tensor: &Tensor) -> Result<()> {
        if let Some(other) = self.tensors.values().next().filter(|other| other.dtype() != tensor.dtype()) {
            return Err(Error::format(format!(
                "`{name}` is {:?}, other tensors are {:?}; a file has one element type",
                tensor.dtype(),
                other.dtype()
            )));
        }
        if self.tensors.contains_key(&name) {
            return Err(Error::format(format!(
                "two tensors are called `{name}`; build each layer with a prefix of its own, vb.pp(name)"
            )));
        }
        self.tensors.insert(name, own(tensor)?);
        Ok(())
    }

    /// The kinds and sizes of the layers.
    pub fn model(&self) -> &LayerSpec {
        &self.model
    }

    /// The numbers of the tasks that were adapted to; `None` when these are initial values.
    pub fn tasks(&self) -> Option<&[usize]> {
        self.tasks.as_deref()
    }

    /// How the learner adapts, in its own terms.
    pub fn learner(&self) -> Option<&serde_json::Value> {
        self.learner.as_ref()
    }

    /// All tensors by name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`Error::Format`], which lists the names that there are.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
            Error::format(format!("there is no tensor `{name}`; there are {}", names.join(", ")))
        })
    }

    /// The model, with these tensors as variables: it predicts the same numbers, and can be trained
    /// further. What a learner added (inner rates, a ridge) is not part of it: the learner is
    /// loaded with `msr_meta::load_learner`, and another one refuses the model unless it is told to
    /// start its rates anew. Adapted parameters of several tasks are not its own: it has those of
    /// the first task (see [`Learned::values`]).
    ///
    /// # Errors
    /// When a tensor is missing or has the wrong shape.
    pub fn build(&self) -> Result<Arc<dyn Layer>> {
        let (dtype, device) = self.place();
        let (mut variables, mut start) = (HashMap::new(), Vec::new());
        for (name, tensor) in &self.tensors {
            let first = self.tasks.is_some() && self.adapted.contains(name) && tensor.rank() > 0;
            let tensor = own(&if first { tensor.get(0)? } else { tensor.clone() })?;
            // Layers that were learned together with a learner's own numbers are built first and
            // filled then: they know that they are not as they were built.
            let variable = match self.learner {
                Some(_) => Var::zeros(tensor.dims(), tensor.dtype(), tensor.device())?,
                None => Var::from_tensor(&tensor)?,
            };
            start.push((variable.clone(), tensor));
            variables.insert(name.clone(), variable.into_inner());
        }
        let model = self.model.build(&VarBuilder::from_tensors(variables, dtype, &device))?;
        for (variable, tensor) in start {
            variable.set(&tensor)?;
        }
        Ok(model)
    }

    /// The values of `model`, which [`Learned::build`] made, as constants for its forward pass:
    /// those of each task, or the initial ones for a single task.
    ///
    /// # Errors
    /// When `model` is another one.
    pub fn values(&self, model: &dyn Layer) -> Result<Values> {
        let parameters = model.parameters();
        let get = |p: &Parameter| -> Result<Tensor> { Ok(self.tensor(&p.name)?.clone()) };
        let shared = parameters.shared.iter().map(get).collect::<Result<Vec<_>>>()?;
        let adapted = parameters.adapted.iter().map(|p| {
            let tensor = get(p)?;
            Ok(if self.tasks.is_some() { tensor } else { tensor.unsqueeze(0)? })
        });
        // Statistics of support sets are there once the model was adapted to some.
        let buffers = parameters.buffers.iter().map(|b| match (b.is_of_task(), &self.tasks) {
            (true, None) => Ok(None),
            _ => Ok(Some(self.tensor(&b.name)?.clone())),
        });
        let buffers = buffers.collect::<Result<Vec<_>>>()?;
        let adapted = adapted.collect::<Result<Vec<_>>>()?;
        let values = Values::constants(&shared, &adapted).with_buffers(&buffers);
        parameters.check("Learned", &values)?;
        Ok(values)
    }

    /// Writes the file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written, [`Error::Files`] when something else than a file is
    /// there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomic(path.as_ref(), &self.to_bytes()?)
    }

    /// Reads the file; tensors on `device`.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::File`] when it holds nothing learned; both name the file.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let path = path.as_ref();
        let bytes = msr_files::read(path)?;
        Self::from_bytes(&bytes, device)
            .map_err(|problem| Error::File { path: path.into(), problem: Box::new(problem) })
    }

    /// Refuses tensors that do not fit the model.
    pub(crate) fn check(&self) -> Result<()> {
        let model = self.build()?;
        let expected = names(&model.parameters().adapted);
        if expected != self.adapted {
            return Err(Error::format(format!(
                "it says that tasks adapt {}, its model that they adapt {}",
                self.adapted.join(", "),
                expected.join(", ")
            )));
        }
        let dtype = self.place().0;
        if let Some((name, other)) = self.tensors.iter().find(|(_, t)| t.dtype() != dtype) {
            return Err(Error::format(format!(
                "`{name}` is {:?}, other tensors are {dtype:?}",
                other.dtype()
            )));
        }
        let values = self.values(model.as_ref())?;
        match (&self.tasks, values.tasks()) {
            (Some(tasks), Some(found)) if tasks.len() != found => {
                Err(Error::format(format!("it names {} tasks, but has parameters of {found}", tasks.len())))
            }
            _ => Ok(()),
        }
    }

    fn place(&self) -> (DType, Device) {
        let first = self.tensors.values().next();
        first.map_or((DType::F32, Device::Cpu), |t| (t.dtype(), t.device().clone()))
    }
}

/// The model that a record describes.
fn spec(record: serde_json::Value) -> Result<LayerSpec> {
    serde_json::from_value(record).map_err(|e| {
        Error::format(format!("a layer says that it is saved as something that is not known here: {e}"))
    })
}

fn names(parameters: &[Parameter]) -> Vec<String> {
    parameters.iter().map(|p| p.name.clone()).collect()
}

/// A contiguous copy: what is saved must not change when the model is trained on.
fn own(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor.detach().contiguous()?.copy()?)
}
