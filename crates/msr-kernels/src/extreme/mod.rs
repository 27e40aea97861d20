//! The largest and the smallest element along a dimension, and who has it.

mod composed;
mod cpu;
mod cuda;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::{Body, widened};
use crate::dense::room_for;
use crate::elementwise::{Binary, Unary, binary, unary};
use crate::error::{Error, Result};
use crate::reduce::sum_keepdim;

/// Which end of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    /// The largest element.
    Max,
    /// The smallest element.
    Min,
}

impl Extreme {
    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Extreme::Max => "max",
            Extreme::Min => "min",
        }
    }
}

/// The largest or smallest element along `dim`, which stays with size one. NaN where there is one.
///
/// # Errors
/// [`Error::Shape`] when there is no such dimension or it is empty.
pub fn extreme(which: Extreme, x: &Tensor, dim: usize) -> Result<Tensor> {
    if x.dims().get(dim).is_none_or(|&n| n == 0) {
        return Err(Error::shape(which.name(), format!("elements along dimension {dim}"), x.dims()));
    }
    let mut shape = x.dims().to_vec();
    shape[dim] = 1;
    if room_for(which.name(), x.dims())? == 0 {
        return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
    }
    match Body::of([x]) {
        Body::Cpu => cpu::extreme(which, &x.contiguous()?, dim),
        Body::Cuda => cuda::extreme(which, x, dim),
        // Numbers are only compared.
        Body::Half | Body::Composed => composed::extreme(which, &x.contiguous()?, dim),
    }
}

/// The share of each element of `x` in its extreme `y` of [`extreme`]: `1 / k` for the k elements
/// along `dim` that are equal to it, zero for the others. Where y is NaN, the elements that are NaN
/// share it. Shape and dtype of `x`.
///
/// # Errors
/// [`Error::Mismatch`] when `y` does not have the shape of an extreme of `x`.
pub fn extreme_shares(x: &Tensor, y: &Tensor, dim: usize) -> Result<Tensor> {
    let fits = x.rank() == y.rank()
        && x.dims()
            .iter()
            .zip(y.dims())
            .enumerate()
            .all(|(d, (n, m))| if d == dim { *m == 1 } else { n == m });
    if !fits || dim >= x.rank() {
        let problem = format!("the second must have size one along dimension {dim}");
        return Err(Error::mismatch("extreme_shares", x.dims(), y.dims(), problem));
    }
    if room_for("extreme_shares", x.dims())? == 0 {
        return Ok(Tensor::zeros(x.dims(), x.dtype(), x.device())?);
    }
    match Body::of([x, y]) {
        Body::Half => return widened([x, y], |[x, y]| extreme_shares(x, y, dim)),
        Body::Cuda => return cuda::shares(x, y, dim),
        Body::Cpu | Body::Composed => {}
    }
    let (x, y) = (&x.contiguous()?, &y.broadcast_as(x.dims())?.contiguous()?);
    let both_nan = (x.ne(x)? * y.ne(y)?)?;
    let chosen = (x.eq(y)? + both_nan)?.to_dtype(x.dtype())?;
    let count = sum_keepdim(&chosen, &[dim])?;
    binary(Binary::Mul, &chosen, &unary(Unary::Reciprocal, &count)?)
}
