//! How large indices are that lie on a GPU: reading them back, in every step, would wait for all
//! that is computed there.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor, TensorId};

use crate::error::Result;

/// The tensors that are remembered: those of a few steps.
const MOST: usize = 64;

/// Tensors, and what all their numbers are below.
static KNOWN: Mutex<VecDeque<(TensorId, usize)>> = Mutex::new(VecDeque::new());

/// Whether such indices are remembered: contiguous `u32` on a GPU which nobody may change.
pub(super) fn can_be_known(index: &Tensor) -> bool {
    index.device().is_cuda() && index.dtype() == DType::U32 && index.is_contiguous() && !index.is_variable()
}

/// Remembers that all numbers of `index` are below `end`.
pub(crate) fn remember(index: &Tensor, end: usize) {
    if can_be_known(index) {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_front((index.id(), end));
        known.truncate(MOST);
    }
}

/// What it is remembered that all numbers are below, if it is.
pub(crate) fn end_of(index: &Tensor) -> Option<usize> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of_this = known.iter().filter(|(id, _)| can_be_known(index) && *id == index.id());
    of_this.map(|(_, end)| *end).min()
}

/// Whether it is remembered that all numbers are below `count`.
pub(super) fn are_below(index: &Tensor, count: usize) -> bool {
    end_of(index).is_some_and(|end| end <= count)
}

/// Indices on their way from main memory to a device, as contiguous `u32`:
/// [`checked_index`](crate::checked_index) then has no need to read them back from there. Those
/// that lie elsewhere already are only copied.
///
/// # Errors
/// [`Error::Dtype`](crate::Error::Dtype) when `index` holds no integers,
/// [`Error::Index`](crate::Error::Index) when one is negative or too large for `u32`.
///
/// # Example
/// ```
/// use candle_core::{Device, Tensor};
///
/// # fn main() -> Result<(), msr_kernels::Error> {
/// let labels = Tensor::new(&[2i64, 0, 1], &Device::Cpu)?;
/// let there = msr_kernels::index_to_device(&labels, &Device::Cpu)?;
/// assert_eq!(there.to_vec1::<u32>()?, [2, 0, 1]);
/// # Ok(())
/// # }
/// ```
pub fn index_to_device(index: &Tensor, device: &Device) -> Result<Tensor> {
    const OP: &str = "index_to_device";
    if !index.device().is_cpu() {
        return Ok(index.to_device(device)?);
    }
    let index = super::checked_index(OP, index, u32::MAX as usize)?;
    let numbers = index.flatten_all()?.to_vec1::<u32>()?;
    let there = index.to_device(device)?;
    remember(&there, numbers.iter().max().map_or(0, |&largest| largest as usize + 1));
    Ok(there)
}
