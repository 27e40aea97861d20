//! Whether a tensor holds NaN or infinite numbers.

mod composed;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::error::Result;

/// Whether no element of `x` is NaN or infinite; true when there are none.
///
/// # Errors
/// What the tensor library reports.
pub fn is_finite(x: &Tensor) -> Result<bool> {
    // One body: made of kernels that choose theirs.
    composed::is_finite(x)
}
