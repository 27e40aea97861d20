//! Sums by candle.

use candle_core::Tensor;

use crate::error::Result;

/// The numbers that candle may add one after the other, as it does on the processor along all
/// dimensions but the last.
const BLOCK: usize = 4096;

/// The sum over `dims`, which stay with size one.
pub(super) fn sum_keepdim(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let mut dims = dims.to_vec();
    dims.sort_unstable();
    dims.dedup();
    if dims.iter().map(|&d| x.dims()[d]).product::<usize>() <= BLOCK {
        return Ok(x.sum_keepdim(dims)?);
    }
    dims.into_iter().try_fold(x.clone(), sum_along)
}

/// The sum along one dimension: that of blocks first, then that of their sums.
fn sum_along(mut x: Tensor, d: usize) -> Result<Tensor> {
    while x.dims()[d] > BLOCK {
        let size = x.dims()[d];
        let whole = size / BLOCK * BLOCK;
        let mut blocks = x.dims().to_vec();
        blocks.splice(d..=d, [whole / BLOCK, BLOCK]);
        let mut sums = x.narrow(d, 0, whole)?.reshape(blocks)?.sum(d + 1)?;
        if whole < size {
            let rest = x.narrow(d, whole, size - whole)?.contiguous()?.sum_keepdim(d)?;
            sums = Tensor::cat(&[&sums, &rest], d)?;
        }
        x = sums;
    }
    Ok(x.sum_keepdim(d)?)
}
