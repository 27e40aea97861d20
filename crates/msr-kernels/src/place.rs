//! Where to compute, by name.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// Where to compute: the processor, or an NVIDIA GPU. Its text is `cpu`, `cuda` or `cuda:N`.
///
/// # Example
/// ```
/// use msr_kernels::Place;
///
/// # fn main() -> Result<(), msr_kernels::Error> {
/// assert!("cpu".parse::<Place>()?.open()?.is_cpu());
/// assert_eq!("cuda:1".parse::<Place>()?, Place::Cuda(1));
/// assert_eq!(Place::Cuda(0).to_string(), "cuda");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Place {
    /// The processor.
    #[default]
    Cpu,
    /// The GPU of that number, counted from zero.
    Cuda(usize),
}

impl Place {
    /// The device, made ready.
    ///
    /// # Errors
    /// [`Error::BuiltWithoutCuda`] and [`Error::NoCudaDevice`] when there is no such GPU, or it
    /// cannot be used.
    pub fn open(self) -> Result<Device> {
        let Self::Cuda(ordinal) = self else { return Ok(Device::Cpu) };
        if !candle_core::utils::cuda_is_available() {
            return Err(Error::BuiltWithoutCuda);
        }
        // A tensor, too: a driver may answer, and have no memory to give.
        let tried = crate::cuda::open(ordinal).and_then(|device| {
            Tensor::zeros(1, DType::F32, &device)?;
            Ok(device)
        });
        tried.map_err(|problem| {
            // Without the stack that candle may add below.
            let problem = problem.to_string().lines().next().unwrap_or_default().to_string();
            Error::NoCudaDevice { ordinal, problem }
        })
    }

    /// The kind of device: `cpu` or `cuda`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda(_) => "cuda",
        }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let number = match name {
            "cpu" => return Ok(Self::Cpu),
            "cuda" => Some(0),
            _ => name.strip_prefix("cuda:").and_then(|number| number.parse().ok()),
        };
        number.map(Self::Cuda).ok_or_else(|| Error::Place { name: name.into() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cuda(number @ 1..) => write!(f, "cuda:{number}"),
            first => f.write_str(first.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::error::Error;

    #[test]
    fn names_of_devices() {
        for (name, place) in [("cpu", Place::Cpu), ("cuda", Place::Cuda(0)), ("cuda:7", Place::Cuda(7))] {
            assert_eq!(name.parse::<Place>().ok(), Some(place));
            assert_eq!(place.to_string(), name);
        }
        for name in ["", "CPU", "cuda:", "cuda:-1", "cuda1", "cuda:one", "cuda:99999999999999999999"] {
            assert!(matches!(name.parse::<Place>(), Err(Error::Place { name: found }) if found == name));
        }
    }

    /// On a machine without that many GPUs: an error, whatever the program was built with.
    #[test]
    fn a_gpu_that_is_not_there() {
        let message = Place::Cuda(1_000).open().unwrap_err().to_string();
        let expected = ["this program was built without CUDA; build", "CUDA device 1000 cannot be used: "];
        assert!(expected.iter().any(|start| message.starts_with(start)), "{message}");
    }
}
