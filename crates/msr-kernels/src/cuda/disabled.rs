//! Without the feature `cuda`: nothing can be launched, and no tensor lies on a GPU.

use candle_core::{DType, Device, Tensor};

use super::{Arg, Kernel, Products, Shaped};
use crate::error::{Error, Result};

/// There is no GPU for this program.
pub(crate) fn open(_: usize) -> candle_core::Result<Device> {
    Err(candle_core::Error::NotCompiledWithCudaSupport)
}

/// Nothing, as nothing can be recorded.
#[derive(Debug)]
pub(crate) struct Recorded;

impl Recorded {
    /// See the twin of this file.
    pub(crate) fn replay(&self) -> Result<()> {
        Err(Error::BuiltWithoutCuda)
    }
}

/// See the twin of this file.
pub(crate) fn record<T>(_: &Device, _: impl FnOnce() -> T) -> Result<(Result<Recorded>, T)> {
    Err(Error::BuiltWithoutCuda)
}

/// See the twin of this file.
#[expect(unsafe_code, reason = "as the twin of this file")]
pub(crate) unsafe fn launch<const N: usize>(
    _: Kernel,
    _: &Device,
    _: DType,
    _: [Shaped<'_>; N],
    _: &[Arg<'_>],
) -> Result<[Tensor; N]> {
    Err(Error::BuiltWithoutCuda)
}

/// See the twin of this file.
#[expect(unsafe_code, reason = "as the twin of this file")]
pub(crate) unsafe fn products(_: &[usize], _: [&Tensor; 2], _: &[Products]) -> Result<Tensor> {
    Err(Error::BuiltWithoutCuda)
}
