//! What the learners are trained on.

use candle_core::Tensor;

use crate::error::{Error, Result};

/// Inputs and targets of a number of tasks.
#[derive(Clone, Debug)]
pub struct Examples {
    /// Inputs, `(t, b, …)`: tasks, examples per task, the model's own dimensions.
    pub x: Tensor,
    /// Targets, `(t, b, …)`; class indices `(t, b)` of an integer dtype for the cross-entropy.
    pub y: Tensor,
}

/// A meta-batch: `t` tasks, each with a support set to adapt to and a query set to be judged by.
#[derive(Clone, Debug)]
pub struct Batch {
    /// A number for each task, for messages.
    pub tasks: Vec<usize>,
    /// The support sets.
    pub support: Examples,
    /// The query sets.
    pub query: Examples,
}

impl Batch {
    /// The number of tasks.
    ///
    /// # Errors
    /// When the tensors do not all have one entry per task, a set is empty, or support and query do not fit
    /// each other.
    pub fn task_count(&self) -> Result<usize> {
        let count = self.tasks.len();
        for (name, tensor) in [
            ("support inputs", &self.support.x),
            ("support targets", &self.support.y),
            ("query inputs", &self.query.x),
            ("query targets", &self.query.y),
        ] {
            if tensor.rank() < 2 || tensor.dims()[0] != count || tensor.elem_count() == 0 {
                return Err(Error::Batch {
                    problem: format!(
                        "{name} should be ({count} tasks, examples, …), got {:?}",
                        tensor.dims()
                    ),
                });
            }
        }
        for (name, support, query) in
            [("inputs", &self.support.x, &self.query.x), ("targets", &self.support.y, &self.query.y)]
        {
            if support.dims()[2..] != query.dims()[2..] || support.dtype() != query.dtype() {
                return Err(Error::Batch {
                    problem: format!(
                        "support and query {name} should differ in the number of examples alone, got {:?} of {:?} \
                         and {:?} of {:?}",
                        support.dims(),
                        support.dtype(),
                        query.dims(),
                        query.dtype()
                    ),
                });
            }
        }
        Ok(count)
    }
}
