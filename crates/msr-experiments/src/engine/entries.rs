//! Tensors as plain numbers.

use anyhow::Result;
use candle_core::Tensor;

/// All entries, row by row, wherever the tensor is.
pub fn entries(t: &Tensor) -> Result<Vec<f64>> {
    Ok(msr_symmetry::entries(t)?)
}
