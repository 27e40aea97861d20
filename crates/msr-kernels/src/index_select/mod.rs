//! Slices by index along a dimension, and the adjoint of that.

mod composed;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};
use crate::gather::checked_index;

/// The slices of `x` along `dim` that `index` names, in that order: `y[…, j, …] = x[…, index[j],
/// …]`. Linear; its adjoint is [`index_add`].
///
/// # Shapes
/// `x (…, n, …)`, `index (k)` of an integer dtype `-> (…, k, …)`
///
/// # Errors
/// [`Error::Shape`] when there is no such dimension or the index is no list; as [`checked_index`]
/// for the indices.
pub fn index_select(x: &Tensor, index: &Tensor, dim: usize) -> Result<Tensor> {
    let &size = x.dims().get(dim).ok_or_else(|| no_dimension("index_select", x, dim))?;
    let index = list("index_select", index, size)?;
    let mut shape = x.dims().to_vec();
    shape[dim] = index.elem_count();
    room_for("index_select", x.dims())?;
    if room_for("index_select", &shape)? == 0 {
        return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
    }
    match Body::of([x]) {
        Body::Cuda if x.device().same_device(index.device()) => cuda::index_select(x, &index, dim, &shape),
        // One body: numbers are only moved.
        _ => composed::index_select(&tidy(x)?, &index, dim),
    }
}

/// Adds the slices of `x` along `dim` into zeros at the places that `index` names, `size` of them:
/// `y[…, index[j], …] += x[…, j, …]`, the adjoint of [`index_select`].
///
/// # Shapes
/// `x (…, k, …)`, `index (k)` of an integer dtype `-> (…, size, …)`
///
/// # Errors
/// As [`index_select`]; [`Error::Mismatch`] when there is not one index for each slice.
pub fn index_add(x: &Tensor, index: &Tensor, dim: usize, size: usize) -> Result<Tensor> {
    let &slices = x.dims().get(dim).ok_or_else(|| no_dimension("index_add", x, dim))?;
    let index = list("index_add", index, size)?;
    if index.elem_count() != slices {
        let problem = format!("there must be one index for each slice along dimension {dim}");
        return Err(Error::mismatch("index_add", x.dims(), index.dims(), problem));
    }
    let mut shape = x.dims().to_vec();
    shape[dim] = size;
    room_for("index_add", x.dims())?;
    if room_for("index_add", &shape)? == 0 || slices == 0 {
        return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
    }
    match Body::of([x]) {
        Body::Half => widened([&tidy(x)?], |[x]| composed::index_add(x, &index, dim, &shape)),
        Body::Cuda if x.device().same_device(index.device()) => cuda::index_add(x, &index, dim, &shape),
        // One body: candle adds slice by slice.
        Body::Cpu | Body::Cuda | Body::Composed => composed::index_add(&tidy(x)?, &index, dim, &shape),
    }
}

/// A list of indices below `count`, as candle takes it.
fn list(op: &'static str, index: &Tensor, count: usize) -> Result<Tensor> {
    if index.rank() != 1 {
        return Err(Error::shape(op, "a list of indices", index.dims()));
    }
    checked_index(op, index, count)
}

fn no_dimension(op: &'static str, x: &Tensor, dim: usize) -> Error {
    Error::shape(op, format!("a dimension {dim}"), x.dims())
}
