//! Running sums from sums of spans of 1, 2, 4, … elements.

use candle_core::Tensor;

use crate::error::Result;

/// The running sums of an operand that is not empty. W. D. Hillis and G. L. Steele, "Data parallel
/// algorithms" (Communications of the ACM 29, 1986).
pub(super) fn cumsum(x: &Tensor, dim: usize) -> Result<Tensor> {
    let (mut sums, size) = (x.clone(), x.dims()[dim]);
    let mut span = 1;
    while span < size {
        let head = sums.narrow(dim, 0, span)?;
        let tail = (sums.narrow(dim, span, size - span)? + sums.narrow(dim, 0, size - span)?)?;
        sums = Tensor::cat(&[&head, &tail], dim)?;
        span *= 2;
    }
    Ok(sums)
}
