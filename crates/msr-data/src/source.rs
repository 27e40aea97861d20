//! Numbered tasks.

use crate::error::{Error, Result};

/// A set of tasks, each with the same number of input–output examples of the same shapes.
pub trait TaskSource: Send + Sync {
    /// A name for messages.
    fn name(&self) -> String;

    /// The number of tasks; `None` when there is no end to them.
    fn tasks(&self) -> Option<usize>;

    /// The number of examples of each task.
    fn examples(&self) -> usize;

    /// The shape of one input.
    fn input_shape(&self) -> Vec<usize>;

    /// The shape of one output.
    fn output_shape(&self) -> Vec<usize>;

    /// Writes the first examples of task `task`: as many as fit `x` and `y`, which hold whole examples.
    /// A prefix is the same whether more examples are asked for or not.
    ///
    /// # Errors
    /// When there is no such task, the buffers do not hold the same number of whole examples, or the data
    /// cannot be read.
    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> Result<()>;

    /// The true parameters of task `task` as the authors' files store them (array `w`) with the shape of
    /// one task's entry, where they are known.
    ///
    /// # Errors
    /// When there is no such task.
    fn true_weights(&self, task: usize) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let _ = task;
        Ok(None)
    }
}

/// Refuses buffers that do not hold the same number, at most `source.examples()`, of whole examples.
pub(crate) fn check_buffers(source: &dyn TaskSource, x: &[f32], y: &[f32]) -> Result<()> {
    let inputs = source.input_shape().iter().product::<usize>().max(1);
    let outputs = source.output_shape().iter().product::<usize>().max(1);
    let count = x.len() / inputs;
    if x.len() == count * inputs && y.len() == count * outputs && count <= source.examples() {
        return Ok(());
    }
    Err(Error::Config {
        problem: format!(
            "{}: buffers of {} inputs and {} outputs do not hold the same number (at most {}) of examples of \
             {inputs} and {outputs}",
            source.name(),
            x.len(),
            y.len(),
            source.examples()
        ),
    })
}
