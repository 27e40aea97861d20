//! Elements that are tied to one free parameter, and sums over what is tied; each the other's
//! adjoint.

mod composed;
mod cpu;
mod runs;
#[cfg(test)]
mod tests;
mod together;

use std::sync::Arc;

use candle_core::{Device, Tensor};

use self::runs::{Run, runs};
use crate::body::{Body, widened};
use crate::dense::{room_for, tidy};
use crate::error::{Error, Result};

/// Which of `k` free parameters each of `n` elements is tied to: a sparse `n × k` matrix with a
/// single one in each row.
///
/// Where neighbouring elements mostly have the same parameter, or the next or the one before, as
/// in a convolution, that is found out once, here, and the loops follow these runs.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_kernels::ties::{self, Ties};
///
/// # fn main() -> Result<(), msr_kernels::Error> {
/// let ties = Ties::new(&[0, 1, 1, 0], 2)?;
/// let x = Tensor::new(&[5f64, 7.], &Device::Cpu)?;
/// let y = ties::expand(&x, &ties)?;
/// assert_eq!(y.to_vec1::<f64>()?, [5., 7., 7., 5.]);
/// assert_eq!(ties::sum(&y, &ties)?.to_vec1::<f64>()?, [10., 14.]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Ties {
    parameter: Arc<[u32]>,
    count: usize,
    /// The elements as runs, where there are few.
    runs: Option<Arc<[Run]>>,
}

impl Ties {
    /// The parameters that elements `0, 1, …` are tied to, numbers below `count`.
    ///
    /// # Errors
    /// [`Error::Tie`] when a parameter is not below `count`; [`Error::Shape`] when there are no
    /// elements.
    pub fn new(parameter: &[u32], count: usize) -> Result<Self> {
        if parameter.is_empty() {
            return Err(Error::shape("ties", "the parameter of each element", &[0]));
        }
        if let Some((element, &p)) = parameter.iter().enumerate().find(|(_, p)| **p as usize >= count) {
            return Err(Error::Tie { element, parameter: p as usize, count });
        }
        Ok(Self { parameter: parameter.into(), count, runs: runs(parameter).map(Arc::from) })
    }

    /// The number of elements, `n`.
    pub fn elements(&self) -> usize {
        self.parameter.len()
    }

    /// The number of free parameters, `k`.
    pub fn parameters(&self) -> usize {
        self.count
    }

    /// The parameter of each element as a tensor of indices, `(n)`.
    fn index(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.parameter, self.parameter.len(), device)?)
    }
}

/// `y[…, i] = x[…, parameter[i]]`: `(…, k) -> (…, n)`. candle's own `backward` can differentiate
/// it.
///
/// # Errors
/// [`Error::Shape`] when the last dimension of `x` is not the number of parameters.
pub fn expand(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    check("expand_tied", x, ties.count)?;
    room_for("expand_tied", &with_last(x.dims(), ties.elements()))?;
    let x = &tidy(x)?;
    match Body::of([x]) {
        // What candle tracks must be made of what candle can differentiate.
        Body::Cpu if !x.track_op() => cpu::expand(x, ties),
        _ => composed::expand(x, ties),
    }
}

/// `y[…, p] = Σ_{i: parameter[i] = p} x[…, i]`: `(…, n) -> (…, k)`. candle's own `backward` can
/// differentiate it.
///
/// # Errors
/// [`Error::Shape`] when the last dimension of `x` is not the number of elements.
pub fn sum(x: &Tensor, ties: &Ties) -> Result<Tensor> {
    check("sum_tied", x, ties.elements())?;
    room_for("sum_tied", &with_last(x.dims(), ties.count))?;
    let x = &tidy(x)?;
    match Body::of([x]) {
        Body::Half => widened([x], |[x]| sum(x, ties)),
        Body::Cpu if !x.track_op() => cpu::sum(x, ties),
        _ => composed::sum(x, ties),
    }
}

/// Refuses tensors whose last dimension does not have `size` entries.
fn check(op: &'static str, x: &Tensor, size: usize) -> Result<()> {
    if x.dims().last() != Some(&size) {
        return Err(Error::shape(op, format!("(…, {size})"), x.dims()));
    }
    Ok(())
}

/// `dims` with another last dimension.
fn with_last(dims: &[usize], size: usize) -> Vec<usize> {
    let mut shape = dims.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = size;
    }
    shape
}
