//! What several tests use.
#![allow(clippy::unwrap_used, reason = "tests")]

use msr_episodes::TaskSource;

/// The first examples of a task: inputs and targets.
pub fn task(source: &dyn TaskSource, task: usize, examples: usize) -> (Vec<f32>, Vec<f32>) {
    let size = |shape: Vec<usize>| shape.iter().product::<usize>() * examples;
    let (mut x, mut y) = (vec![0.; size(source.input_shape())], vec![0.; size(source.output_shape())]);
    source.fill(task, &mut x, &mut y).unwrap();
    (x, y)
}
