//! What the outer loop minimises.

use candle_core::{DType, Tensor, Var};
use msr_autodiff::Node;

use crate::batch::{Batch, Examples};
use crate::error::{Error, Result};

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

/// The losses of a batch and the gradient of their sum or mean.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// One loss per task.
    pub losses: Vec<f64>,
    /// One tensor per outer parameter, in the order of [`Objective::outer_parameters`].
    pub gradients: Vec<Tensor>,
}

/// A way to meta-learn: what is trained, its gradient on a batch, and how it adapts to new tasks.
pub trait Objective: Send + Sync {
    /// What the outer loop changes, always in the same order.
    fn outer_parameters(&self) -> &[OuterParameter];

    /// Losses and gradients on a batch of training tasks.
    ///
    /// # Errors
    /// When the batch does not fit the model.
    fn gradients(&self, batch: &Batch) -> Result<Gradients>;

    /// The query loss of each task after adaptation to its support set; no graph is kept from one inner
    /// step to the next.
    ///
    /// # Errors
    /// When the batch does not fit the model.
    fn losses(&self, batch: &Batch) -> Result<Vec<f64>>;

    /// The adapted parameters of each task under the model's names; tensors `(t, …)`.
    ///
    /// # Errors
    /// When the support set does not fit the model.
    fn adapt(&self, support: &Examples) -> Result<Vec<(String, Tensor)>>;
}

/// The losses `(t)` as numbers.
pub(crate) fn numbers(losses: &Node) -> Result<Vec<f64>> {
    Ok(losses.value().to_dtype(DType::F64)?.to_vec1()?)
}

/// Refuses two outer parameters of the same name: they would be one variable updated twice, or two of which
/// a checkpoint could hold only one.
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
