//! Elements that are tied to one free parameter, and sums over what is tied; each the other's
//! adjoint.

mod composed;
mod cpu;
mod cuda;
mod runs;
#[cfg(test)]
mod tests;
mod together;

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use self::runs::{Run, runs};
use crate::body::{Body, widened};
use crate::cuda::Resident;
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
    parameter: Resident,
    count: usize,
    /// The elements in the order of their parameters, and where each parameter's begin: for sums
    /// on a GPU.
    segments: Arc<OnceLock<[Resident; 2]>>,
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
        let runs = runs(parameter).map(Arc::from);
        Ok(Self { parameter: Resident::new(parameter), count, segments: Arc::default(), runs })
    }

    /// The number of elements, `n`.
    pub fn elements(&self) -> usize {
        self.parameters_of_elements().len()
    }

    /// The number of free parameters, `k`.
    pub fn parameters(&self) -> usize {
        self.count
    }

    /// The parameter of each element.
    fn parameters_of_elements(&self) -> &[u32] {
        self.parameter.numbers()
    }

    /// The parameter of each element as a tensor of indices, `(n)`.
    fn index(&self, device: &Device) -> Result<Tensor> {
        self.parameter.on(device)
    }

    /// The n elements in the order of their parameters, those of one in their own order; and the
    /// `k + 1` places where the elements of each parameter begin and end.
    fn segments(&self) -> &[Resident; 2] {
        self.segments.get_or_init(|| {
            let parameters = self.parameters_of_elements();
            let mut starts = vec![0u32; self.count + 1];
            parameters.iter().for_each(|&p| starts[p as usize + 1] += 1);
            (0..self.count).for_each(|p| starts[p + 1] += starts[p]);
            let mut order: Vec<u32> = (0..parameters.len() as u32).collect();
            order.sort_by_key(|&element| parameters[element as usize]);
            [Resident::new(order), Resident::new(starts)]
        })
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
        Body::Cuda => cuda::expand(x, ties),
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
        Body::Cuda => cuda::sum(x, ties),
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
