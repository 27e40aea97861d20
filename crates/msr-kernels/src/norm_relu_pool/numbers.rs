//! The numbers of tensors in main memory.

use candle_core::{CpuStorage, Storage, Tensor, WithDType};

use crate::dense::dense;
use crate::error::{Error, Result};

/// The numbers of tensors of one type in main memory.
pub(super) trait Numbers: WithDType {
    fn of(storage: &CpuStorage) -> Option<&[Self]>;
}

impl Numbers for f32 {
    fn of(storage: &CpuStorage) -> Option<&[f32]> {
        match storage {
            CpuStorage::F32(x) => Some(x),
            _ => None,
        }
    }
}

impl Numbers for f64 {
    fn of(storage: &CpuStorage) -> Option<&[f64]> {
        match storage {
            CpuStorage::F64(x) => Some(x),
            _ => None,
        }
    }
}

impl Numbers for u8 {
    fn of(storage: &CpuStorage) -> Option<&[u8]> {
        match storage {
            CpuStorage::U8(x) => Some(x),
            _ => None,
        }
    }
}

/// Calls `f` with the numbers of a contiguous tensor.
pub(super) fn with<T: Numbers, R>(t: &Tensor, f: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let t = t.contiguous()?;
    let (storage, layout) = t.storage_and_layout();
    let numbers = match &*storage {
        Storage::Cpu(storage) => T::of(storage),
        _ => None,
    };
    let wrong = || Error::shape("norm_relu_pool", format!("{:?} in main memory", T::DTYPE), t.dims());
    f(dense(numbers.ok_or_else(wrong)?, layout))
}
