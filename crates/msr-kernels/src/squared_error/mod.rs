//! Sums of squared differences, and their gradient, in one pass each.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::error::{Error, Result};

/// `Σ (a − b)²` of each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …) -> (t)`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes differ or there is no task dimension; [`Error::Dtype`] when
/// the dtypes differ; when the devices differ.
pub fn squared_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    check("squared_distance", a, b)?;
    match Body::of([a, b]) {
        Body::Cpu if cpu::takes(a, b) => cpu::squared_distance(a, b),
        _ => composed::squared_distance(a, b),
    }
}

/// `(a − b) · s`, with one factor s for each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …)`, `s (t) -> (t, …)`
///
/// # Errors
/// As [`squared_distance`].
pub fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor) -> Result<Tensor> {
    let tasks = check("scaled_difference", a, b)?;
    if s.dims() != [tasks] {
        let expected = format!("one factor for each of {tasks} tasks");
        return Err(Error::shape("scaled_difference", expected, s.dims()));
    }
    check_dtype("scaled_difference", a, s)?;
    match Body::of([a, b, s]) {
        Body::Cpu if cpu::takes(a, b) => cpu::scaled_difference(a, b, s),
        _ => composed::scaled_difference(a, b, s),
    }
}

/// The number of tasks of two operands that fit each other.
fn check(op: &'static str, a: &Tensor, b: &Tensor) -> Result<usize> {
    let tasks = match a.dims() {
        [tasks, ..] if a.dims() == b.dims() => *tasks,
        _ => {
            let problem = "must be equal and have a task dimension";
            return Err(Error::mismatch(op, a.dims(), b.dims(), problem));
        }
    };
    check_dtype(op, a, b)?;
    Ok(tasks)
}

fn check_dtype(op: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    if a.dtype() != b.dtype() {
        return Err(Error::Dtype { op, expected: format!("{:?} as the first", a.dtype()), got: b.dtype() });
    }
    Ok(())
}
