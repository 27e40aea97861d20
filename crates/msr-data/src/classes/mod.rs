//! Classes of examples: where they come from, and the episodes that are drawn from them.

pub(crate) mod augment;
#[cfg(test)]
mod augment_golden;
pub(crate) mod few_shot;
pub(crate) mod omniglot;
pub(crate) mod rotate;
mod split;

pub use split::ClassSplit;

use std::sync::Arc;

/// A data set of classes, each with the same number of examples of the same shape.
pub trait ClassSource: Send + Sync {
    /// A name for messages.
    fn name(&self) -> String;

    /// The number of classes.
    fn classes(&self) -> usize;

    /// The number of examples of each class.
    fn examples(&self) -> usize;

    /// The shape of one example.
    fn input_shape(&self) -> Vec<usize>;

    /// Writes example `example` of class `class`, whole, to `x`.
    ///
    /// # Errors
    /// When there is no such example, `x` has another size, or the data cannot be read.
    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()>;
}

/// A shared source is a source.
impl<S: ClassSource + ?Sized> ClassSource for Arc<S> {
    fn name(&self) -> String {
        self.as_ref().name()
    }

    fn classes(&self) -> usize {
        self.as_ref().classes()
    }

    fn examples(&self) -> usize {
        self.as_ref().examples()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.as_ref().input_shape()
    }

    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        self.as_ref().fill(class, example, x)
    }
}
