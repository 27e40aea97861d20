//! Where tasks and episodes come from.

use std::ops::Range;
use std::sync::Arc;

use crate::episode::Episode;
use crate::error::{Error, Result};
use crate::examples::Examples;
use crate::shots::Shots;

/// The numbers in a tensor of this shape; `None` when there is no such tensor on this machine.
pub fn numbers(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}

/// Where the episodes of a training run come from: a generator, a file, images that are augmented
/// on the way. Everything that decides what an episode holds (shots, the number of tasks, the
/// split, the seed) is the source's own.
pub trait EpisodeSource: Send + Sync {
    /// A name for messages.
    fn name(&self) -> String;

    /// The episode of training step `step`. It depends on the step alone, so that a run that is
    /// interrupted and resumed sees the same episodes.
    ///
    /// # Errors
    /// When the tasks cannot be made or read.
    fn train(&self, step: u64) -> Result<Episode>;

    /// The number of held-out tasks.
    fn held_out(&self) -> usize;

    /// Held-out tasks `tasks`, counted from zero, always with the same support examples.
    ///
    /// # Errors
    /// When there are not so many, or they cannot be made or read.
    fn test(&self, tasks: Range<usize>) -> Result<Episode>;

    /// The tasks that training episodes are drawn from, when they are always the same ones with the
    /// same examples: what is computed of a task can then be kept for when it is drawn again.
    fn numbered(&self) -> Option<&dyn NumberedTasks> {
        None
    }
}

/// A shared source is a source.
impl<S: EpisodeSource + ?Sized> EpisodeSource for Arc<S> {
    fn name(&self) -> String {
        self.as_ref().name()
    }

    fn train(&self, step: u64) -> Result<Episode> {
        self.as_ref().train(step)
    }

    fn held_out(&self) -> usize {
        self.as_ref().held_out()
    }

    fn test(&self, tasks: Range<usize>) -> Result<Episode> {
        self.as_ref().test(tasks)
    }

    fn numbered(&self) -> Option<&dyn NumberedTasks> {
        self.as_ref().numbered()
    }
}

/// Training tasks with numbers from zero on, and which of their examples each step is given.
pub trait NumberedTasks {
    /// What this source shares with its clones and with nobody else: `Arc::ptr_eq` says whether two
    /// are the same tasks.
    fn identity(&self) -> &Arc<()>;

    /// How many training tasks there are.
    fn count(&self) -> usize;

    /// What the episode of training step `step` holds.
    fn draw(&self, step: u64) -> Draw;

    /// All examples of these tasks that draws choose from, in their order.
    ///
    /// # Errors
    /// When the tasks cannot be made or read.
    fn examples(&self, tasks: &[usize]) -> Result<Examples>;
}

/// The tasks of a training episode, and how their examples are divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The numbers of the tasks.
    pub tasks: Vec<usize>,
    /// For each task, its examples in the order in which they are in the episode: first those of
    /// the support set, then those of the query set.
    pub orders: Vec<Vec<usize>>,
    /// How many examples are in each set.
    pub shots: Shots,
}

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

    /// Whether outputs are class labels, one for each example and counted from zero, instead of
    /// numbers. Their shape is then that of a single number, `[]`.
    fn has_labels(&self) -> bool {
        false
    }

    /// Writes the first examples of task `task`: as many as fit `x` and `y`, which hold whole
    /// examples. A prefix is the same whether more examples are asked for or not.
    ///
    /// # Errors
    /// When there is no such task, the buffers do not hold the same number of whole examples, or
    /// the data cannot be read.
    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> Result<()>;

    /// The true parameters of task `task` as the authors' files store them (array `w`) with the
    /// shape of one task's entry, where they are known.
    ///
    /// # Errors
    /// When there is no such task.
    fn true_weights(&self, task: usize) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let _ = task;
        Ok(None)
    }

    /// Refuses buffers that do not hold the same number, at most [`TaskSource::examples`], of whole
    /// examples; for use in [`TaskSource::fill`].
    ///
    /// # Errors
    /// [`Error::Buffers`].
    fn check_buffers(&self, x: &[f32], y: &[f32]) -> Result<()> {
        let size = |shape: Vec<usize>| numbers(&shape).unwrap_or(usize::MAX).max(1);
        let (inputs, outputs) = (size(self.input_shape()), size(self.output_shape()));
        let (count, most) = (x.len() / inputs, self.examples());
        // The count of whole inputs is at most the length of a buffer; that many outputs need not
        // be.
        if x.len() == count * inputs && count.checked_mul(outputs) == Some(y.len()) && count <= most {
            return Ok(());
        }
        Err(Error::Buffers { name: self.name(), x: x.len(), y: y.len(), inputs, outputs, most })
    }
}

/// A shared source is a source.
impl<S: TaskSource + ?Sized> TaskSource for Arc<S> {
    fn name(&self) -> String {
        self.as_ref().name()
    }

    fn tasks(&self) -> Option<usize> {
        self.as_ref().tasks()
    }

    fn examples(&self) -> usize {
        self.as_ref().examples()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.as_ref().input_shape()
    }

    fn output_shape(&self) -> Vec<usize> {
        self.as_ref().output_shape()
    }

    fn has_labels(&self) -> bool {
        self.as_ref().has_labels()
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> Result<()> {
        self.as_ref().fill(task, x, y)
    }

    fn true_weights(&self, task: usize) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        self.as_ref().true_weights(task)
    }
}
