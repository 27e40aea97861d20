//! Sums of squared differences, and their gradient, in one pass each.

mod composed;
mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::body::{Body, widened};
use crate::dense::room_for;
use crate::error::{Error, Result};
use crate::reduce::in_double_unless_finite;

/// `scale · Σ (a − b)²` of each task: with `scale = 1 / n` the mean squared error. Added and scaled
/// before it is rounded, as [`scaled_sum_keepdim`](crate::scaled_sum_keepdim) does.
///
/// # Shapes
/// `a (t, …)`, `b (t, …) -> (t)`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes differ or there is no task dimension; [`Error::Dtype`] when
/// the dtypes differ; when the devices differ.
pub fn squared_distance(a: &Tensor, b: &Tensor, scale: f64) -> Result<Tensor> {
    let tasks = check("squared_distance", a, b)?;
    if a.elem_count() == 0 {
        return Ok(Tensor::zeros(tasks, a.dtype(), a.device())?);
    }
    let sum = match Body::of([a, b]) {
        Body::Half => return widened([a, b], |[a, b]| squared_distance(a, b, scale)),
        Body::Cpu if cpu::takes(a, b) => cpu::squared_distance(a, b, scale)?,
        // In double precision already.
        Body::Cuda => return cuda::squared_distance(a, b, scale),
        Body::Cpu | Body::Composed => composed::squared_distance(a, b, scale)?,
    };
    in_double_unless_finite(sum, || {
        squared_distance(&a.to_dtype(DType::F64)?, &b.to_dtype(DType::F64)?, scale)
    })
}

/// `(a − b) · scale · s`, with one factor s for each task.
///
/// # Shapes
/// `a (t, …)`, `b (t, …)`, `s (t) -> (t, …)`
///
/// # Errors
/// As [`squared_distance`].
pub fn scaled_difference(a: &Tensor, b: &Tensor, s: &Tensor, scale: f64) -> Result<Tensor> {
    let tasks = check("scaled_difference", a, b)?;
    if s.dims() != [tasks] {
        let expected = format!("one factor for each of {tasks} tasks");
        return Err(Error::shape("scaled_difference", expected, s.dims()));
    }
    check_dtype("scaled_difference", a, s)?;
    if a.elem_count() == 0 {
        return Ok(Tensor::zeros(a.dims(), a.dtype(), a.device())?);
    }
    match Body::of([a, b, s]) {
        Body::Half => widened([a, b, s], |[a, b, s]| scaled_difference(a, b, s, scale)),
        Body::Cpu if cpu::takes(a, b) => cpu::scaled_difference(a, b, s, scale),
        Body::Cuda => cuda::scaled_difference(a, b, s, scale),
        Body::Cpu | Body::Composed => composed::scaled_difference(a, b, s, scale),
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
    room_for(op, a.dims())?;
    Ok(tasks)
}

fn check_dtype(op: &'static str, a: &Tensor, b: &Tensor) -> Result<()> {
    if a.dtype() != b.dtype() {
        return Err(Error::Dtype { op, expected: format!("{:?} as the first", a.dtype()), got: b.dtype() });
    }
    Ok(())
}
