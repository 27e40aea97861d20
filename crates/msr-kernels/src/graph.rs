//! What was launched on a GPU, recorded once and replayed: a CUDA graph. Launching some hundred
//! kernels one by one takes the host longer than small ones take on the device.

use candle_core::{DType, Device, Tensor, Var};

use crate::cuda;
use crate::error::{Error, Result};
use crate::gather::{end_of, remember};

/// A tensor that keeps its place in memory while its elements change: what recorded work reads.
#[derive(Clone, Debug)]
pub struct Slot {
    variable: Var,
    /// What all elements are below, where they are indices.
    end: Option<usize>,
}

impl Slot {
    /// A slot for tensors like this one, which it holds a copy of.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn new(like: &Tensor) -> Result<Self> {
        let variable = Var::from_tensor(&like.detach().force_contiguous()?)?;
        Ok(Self { variable, end: end_of(like) })
    }

    /// The tensor that recorded work is to read.
    pub fn tensor(&self) -> Tensor {
        let tensor = self.variable.as_detached_tensor();
        if let Some(end) = self.end {
            remember(&tensor, end);
        }
        tensor
    }

    /// Whether `tensor` can be put here: it has the shape, dtype and device, and where these are
    /// indices, it is known that they are no larger.
    pub fn takes(&self, tensor: &Tensor) -> bool {
        let own = self.variable.as_tensor();
        let alike = own.dims() == tensor.dims() && own.dtype() == tensor.dtype();
        let is_index = own.dtype() == DType::U32;
        let small = !is_index || matches!((end_of(tensor), self.end), (Some(new), Some(end)) if new <= end);
        alike && small && own.device().same_device(tensor.device())
    }

    /// Puts the elements of `tensor` here.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when [`Slot::takes`] says no.
    pub fn set(&self, tensor: &Tensor) -> Result<()> {
        if !self.takes(tensor) {
            let problem = "tensors of other shapes, types or devices, or with larger indices, do not fit";
            return Err(Error::mismatch("slot", self.variable.dims(), tensor.dims(), problem));
        }
        Ok(self.variable.set(&tensor.contiguous()?)?)
    }
}

/// Recorded work.
#[derive(Debug)]
pub struct Graph(cuda::Recorded);

impl Graph {
    /// Records what `work` would launch on a GPU, without running it. Twice the same work must
    /// launch the same: what depends on numbers of the host (random draws, a number of steps) would
    /// be frozen. Tensors that it reads must be kept, at their places, as long as the graph; those
    /// that it makes must not leave it.
    ///
    /// # Errors
    /// What `work` reports, which cannot wait for the device or upload anything there; what the
    /// driver reports; [`Error::BuiltWithoutCuda`], and an error of the tensor library for another
    /// device.
    pub fn record<E: From<Error>>(
        device: &Device,
        work: impl FnOnce() -> std::result::Result<(), E>,
    ) -> std::result::Result<Self, E> {
        let (recorded, done) = cuda::record(device, work)?;
        done?;
        Ok(Self(recorded?))
    }

    /// Runs it, after what was launched before.
    ///
    /// # Errors
    /// What the driver reports.
    pub fn replay(&self) -> Result<()> {
        self.0.replay()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Graph, Slot};
    use crate::error::{Error, Result};

    #[test]
    fn slots_keep_their_place() -> Result<()> {
        let new = |x: f64| Tensor::new(&[[x, x]], &Device::Cpu);
        let slot = Slot::new(&new(1.0)?)?;
        let read = slot.tensor();
        slot.set(&new(2.0)?)?;
        assert_eq!(read.to_vec2::<f64>()?, [[2.0, 2.0]]);
        for other in [Tensor::new(&[1f64, 1.0], &Device::Cpu)?, Tensor::new(&[[1f32, 1.0]], &Device::Cpu)?] {
            assert!(matches!(slot.set(&other), Err(Error::Mismatch { .. })));
        }
        Ok(())
    }

    #[test]
    fn nothing_is_recorded_on_the_processor() {
        let recorded = Graph::record(&Device::Cpu, || Ok::<(), Error>(()));
        assert!(recorded.is_err());
    }
}
