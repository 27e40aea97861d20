//! Tensors as plain numbers.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};

/// All entries, row by row, wherever the tensor is.
pub fn entries(t: &Tensor) -> Result<Vec<f64>> {
    Ok(t.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
