//! What belongs to a layer and no gradient changes.

use candle_core::{DType, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use msr_autodiff::{Node, room_for};

use crate::error::{Error, Result};
use crate::parameters::full_name;

/// A statistic that a layer normalises with: a running average, which is part of the model, or one
/// of a task's support set, which is part of the model that was adapted to it.
///
/// Optimisers never change it. It is saved and loaded with the model.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// The full name, `prefix.running_mean` for instance.
    pub name: String,
    /// The shape of the model's own, or of each task's.
    pub shape: Vec<usize>,
    /// The running average; shares its storage with the variable in the `VarBuilder`'s store.
    /// `None` for statistics that belong to a task.
    pub tensor: Option<Tensor>,
    /// The weight of a new value in the running average.
    pub momentum: f64,
}

impl Buffer {
    /// Takes the running average `name` from `vb`, which may create it with all entries `start`.
    ///
    /// # Errors
    /// When `vb` has it with another shape, or not at all, or when there is no room for it.
    pub fn running(vb: &VarBuilder, name: &str, shape: &[usize], start: f64, momentum: f64) -> Result<Self> {
        room_for("a buffer", shape)?;
        let tensor = vb.get_with_hints(shape, name, Init::Const(start))?;
        Ok(Self { name: full_name(vb, name), shape: shape.to_vec(), tensor: Some(tensor), momentum })
    }

    /// A statistic of each task.
    pub fn of_task(vb: &VarBuilder, name: &str, shape: &[usize]) -> Self {
        Self { name: full_name(vb, name), shape: shape.to_vec(), tensor: None, momentum: 1.0 }
    }

    /// Whether each task has its own.
    pub fn is_of_task(&self) -> bool {
        self.tensor.is_none()
    }

    /// The running average after one more step: `(1 − m) old + m · mean over tasks` of the
    /// statistics `(t, …)`; `None` for statistics that belong to a task. Computed in `f64`, so that
    /// small steps are not lost before they are rounded.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn next(&self, statistics: &Node) -> Result<Option<Tensor>> {
        let Some(old) = &self.tensor else { return Ok(None) };
        let new = statistics.value().to_dtype(DType::F64)?.mean(0)?;
        let old64 = old.detach().to_dtype(DType::F64)?;
        let next = (old64.affine(1.0 - self.momentum, 0.0)? + new.affine(self.momentum, 0.0)?)?;
        Ok(Some(next.to_dtype(old.dtype())?))
    }

    /// Puts a new value into the running average.
    ///
    /// # Errors
    /// [`Error::Config`] when it is a constant, or belongs to a task.
    pub fn set(&self, value: &Tensor) -> Result<()> {
        Ok(self.variable()?.set(value)?)
    }

    /// The variable behind the running average.
    ///
    /// # Errors
    /// [`Error::Config`] when it is a constant, or belongs to a task.
    pub fn variable(&self) -> Result<Var> {
        match &self.tensor {
            Some(tensor) if tensor.is_variable() => Ok(Var::from_tensor(tensor)?),
            _ => Err(Error::Config {
                layer: "BatchNorm",
                problem: format!(
                    "buffer `{}` is no running average that could be changed; build the model from SeededVars or a \
                     VarMap to train it",
                    self.name
                ),
            }),
        }
    }
}
