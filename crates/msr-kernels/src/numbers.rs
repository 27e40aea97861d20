//! The numbers of tensors in main memory.

use std::ops::Deref;

use candle_core::{CpuStorage, Layout, Storage, Tensor, WithDType};

use crate::dense::dense;
use crate::error::{Error, Result};

/// The numbers of tensors of one type in main memory.
pub(crate) trait Numbers: WithDType {
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

/// A tensor whose storage is held for reading, by a guard G.
pub(crate) struct Held<'a, G> {
    op: &'static str,
    storage: G,
    layout: &'a Layout,
}

/// Holds the storage of a tensor for the operation of that name.
pub(crate) fn hold<'a>(op: &'static str, t: &'a Tensor) -> Held<'a, impl Deref<Target = Storage> + 'a> {
    let (storage, layout) = t.storage_and_layout();
    Held { op, storage, layout }
}

impl<G: Deref<Target = Storage>> Held<'_, G> {
    /// All numbers of the storage, which may be more than the tensor's.
    pub(crate) fn storage<T: Numbers>(&self) -> Result<&[T]> {
        let numbers = match &*self.storage {
            Storage::Cpu(storage) => T::of(storage),
            _ => None,
        };
        numbers.ok_or_else(|| {
            Error::shape(self.op, format!("{:?} in main memory", T::DTYPE), self.layout.dims())
        })
    }

    /// The numbers of a contiguous tensor.
    pub(crate) fn dense<T: Numbers>(&self) -> Result<&[T]> {
        Ok(dense(self.storage()?, self.layout))
    }
}

/// Calls `f` with the numbers of a tensor, one after the other.
pub(crate) fn with<T: Numbers, R>(
    op: &'static str,
    t: &Tensor,
    f: impl FnOnce(&[T]) -> Result<R>,
) -> Result<R> {
    let t = t.contiguous()?;
    f(hold(op, &t).dense()?)
}
