//! Elements that share a value by class, and sums over classes; each the other's adjoint.

mod composed;
mod cpu;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::body::Body;
use crate::error::{Error, Result};

/// The class of each of `n` elements: a sparse `n × k` matrix with a single one in each row.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
/// use msr_kernels::classes::{Classes, spread, sum_by};
///
/// # fn main() -> Result<(), msr_kernels::Error> {
/// let classes = Classes::new(&[0, 1, 1, 0], 2)?;
/// let x = Tensor::new(&[5f64, 7.], &Device::Cpu)?;
/// let y = spread(&x, &classes)?;
/// assert_eq!(y.to_vec1::<f64>()?, [5., 7., 7., 5.]);
/// assert_eq!(sum_by(&y, &classes)?.to_vec1::<f64>()?, [10., 14.]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Classes {
    class: Arc<[u32]>,
    count: usize,
}

impl Classes {
    /// The classes of elements `0, 1, …`, numbers below `count`.
    ///
    /// # Errors
    /// [`Error::Class`] when a class is not below `count`; [`Error::Shape`] when there are no
    /// elements.
    pub fn new(class: &[u32], count: usize) -> Result<Self> {
        if class.is_empty() {
            return Err(Error::shape("classes", "the class of each element", &[0]));
        }
        if let Some((element, &c)) = class.iter().enumerate().find(|(_, c)| **c as usize >= count) {
            return Err(Error::Class { op: "classes", element, class: i64::from(c), count });
        }
        Ok(Self { class: class.into(), count })
    }

    /// The number of elements, `n`.
    pub fn elements(&self) -> usize {
        self.class.len()
    }

    /// The number of classes, `k`.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The classes as a tensor of indices, `(n)`.
    fn index(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.class, self.class.len(), device)?)
    }
}

/// `y[…, i] = x[…, class[i]]`: `(…, k) -> (…, n)`. candle's own `backward` can differentiate it.
///
/// # Errors
/// [`Error::Shape`] when the last dimension of `x` is not the number of classes.
pub fn spread(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    check("spread", x, classes.count)?;
    match Body::of([x]) {
        // What candle tracks must be made of what candle can differentiate.
        Body::Cpu if !x.track_op() => cpu::spread(x, classes),
        _ => composed::spread(x, classes),
    }
}

/// `y[…, c] = Σ_{i: class[i] = c} x[…, i]`: `(…, n) -> (…, k)`.
///
/// # Errors
/// [`Error::Shape`] when the last dimension of `x` is not the number of elements.
pub fn sum_by(x: &Tensor, classes: &Classes) -> Result<Tensor> {
    check("sum_by", x, classes.elements())?;
    match Body::of([x]) {
        Body::Cpu if !x.track_op() => cpu::sum_by(x, classes),
        _ => composed::sum_by(x, classes),
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
