//! Picking elements of each row by index, and its adjoint.

mod composed;
mod cuda;
mod known;
#[cfg(test)]
mod tests;

use candle_core::{DType, Device, Tensor};

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};

pub(crate) use known::{end_of, remember};

pub use known::index_to_device;

/// `y[r, j] = x[r, index[r, j]]`.
///
/// # Shapes
/// `x (rows, n)`, `index (rows, k)` of `u32 -> (rows, k)`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit; when an index is not below n. A GPU picks NaN
/// there: see [`checked_index`].
pub fn gather(x: &Tensor, index: &Tensor) -> Result<Tensor> {
    check("gather", x, index)?;
    if index.elem_count() == 0 {
        return Ok(Tensor::zeros(index.dims(), x.dtype(), x.device())?);
    }
    match Body::of([x]) {
        Body::Cuda if cuda::takes(x, index) => cuda::gather(x, index),
        // One body: numbers are only moved.
        _ => composed::gather(x, index),
    }
}

/// `y[r, index[r, j]] += x[r, j]` into zeros: the adjoint of [`gather`].
///
/// # Shapes
/// `x (rows, k)`, `index (rows, k)` of `u32 -> (rows, size)`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit; when an index is not below `size`. A GPU
/// adds nothing there: see [`checked_index`].
pub fn scatter_add(x: &Tensor, index: &Tensor, size: usize) -> Result<Tensor> {
    check("scatter_add", x, index)?;
    if x.dims() != index.dims() {
        let problem = "each element needs an index";
        return Err(Error::mismatch("scatter_add", x.dims(), index.dims(), problem));
    }
    let rows = x.dims()[0];
    room_for("scatter_add", &[rows, size])?;
    if x.elem_count() == 0 {
        return Ok(Tensor::zeros((rows, size), x.dtype(), x.device())?);
    }
    match Body::of([x]) {
        Body::Half => widened([x], |[x]| composed::scatter_add(x, index, size)),
        Body::Cuda if cuda::takes(x, index) && size > 0 => cuda::scatter_add(x, index, size),
        // One body: candle adds element by element.
        Body::Cpu | Body::Cuda | Body::Composed => composed::scatter_add(x, index, size),
    }
}

/// The index of the element that each class names along the last dimension of `scores`, as rows for
/// [`gather`].
///
/// # Shapes
/// `scores (…, classes)`, `index (…)` of an integer dtype `-> (rows, 1)` of `u32`
///
/// # Errors
/// [`Error::Mismatch`] when the shapes do not fit, [`Error::Dtype`] when `index` holds no integers,
/// [`Error::Class`] when one is not below the number of classes.
pub fn class_index(scores: &Tensor, index: &Tensor) -> Result<Tensor> {
    let [lead @ .., classes] = scores.dims() else {
        return Err(Error::shape("gather_class", "(…, classes)", scores.dims()));
    };
    if index.dims() != lead {
        let problem = "there must be one class index for each row of scores";
        return Err(Error::mismatch("gather_class", scores.dims(), index.dims(), problem));
    }
    if !index.dtype().is_int() {
        let expected = "integer class indices".into();
        return Err(Error::Dtype { op: "gather_class", expected, got: index.dtype() });
    }
    let index = checked_index("gather_class", index, *classes).map_err(|error| match error {
        Error::Index { op, element, index, count } => Error::Class { op, element, class: index, count },
        other => other,
    })?;
    Ok(index.reshape((lead.iter().product::<usize>(), 1))?)
}

/// The same indices as contiguous `u32`, which the kernels take, when each is below `count`.
///
/// Indices on a GPU are read back for that once, and not at all when they came there by
/// [`index_to_device`]. What changes such a tensor in place afterwards is not noticed; an index
/// that is too large then picks NaN.
///
/// # Errors
/// [`Error::Dtype`] when `index` holds no integers, [`Error::Index`] when one is not below `count`.
pub fn checked_index(op: &'static str, index: &Tensor, count: usize) -> Result<Tensor> {
    if !index.dtype().is_int() {
        return Err(Error::Dtype { op, expected: "integer indices".into(), got: index.dtype() });
    }
    let index = &tidy(index)?;
    if known::are_below(index, count) {
        return Ok(index.clone());
    }
    let found = index.to_device(&Device::Cpu)?.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let bad = |index: &i64| usize::try_from(*index).map_or(true, |index| index >= count);
    if let Some(element) = found.iter().position(bad) {
        return Err(Error::Index { op, element, index: found[element], count });
    }
    if index.device().is_cpu() {
        return Ok(index.to_dtype(DType::U32)?.contiguous()?);
    }
    let end = found.iter().max().map_or(0, |&largest| largest as usize + 1);
    let there = match index.dtype() == DType::U32 && index.is_contiguous() {
        true => index.clone(),
        // From what was read: nothing has to be computed there.
        false => {
            let numbers: Vec<u32> = found.into_iter().map(|index| index as u32).collect();
            Tensor::from_vec(numbers, index.dims(), index.device())?
        }
    };
    known::remember(&there, end);
    Ok(there)
}

/// Refuses operands that are no matrices with equally many rows.
fn check(op: &'static str, x: &Tensor, index: &Tensor) -> Result<()> {
    match (x.dims(), index.dims()) {
        ([rows, _], [index_rows, _]) if rows == index_rows => Ok(()),
        (left, right) => Err(Error::mismatch(op, left, right, "must be matrices with equally many rows")),
    }
}
