//! Where to compute.

use anyhow::{Context, Result, bail};
use candle_core::Device;

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceName {
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

impl DeviceName {
    /// As the user calls it.
    pub fn name(self) -> &'static str {
        match self {
            DeviceName::Cpu => "cpu",
            DeviceName::Cuda => "cuda",
        }
    }

    /// The device of that name.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceName::Cpu => Ok(Device::Cpu),
            DeviceName::Cuda if !cfg!(feature = "cuda") => bail!(
                "this program was built without CUDA; use `cargo xtask --features cuda …`, or build it with --features cuda, \
                 on a machine with the CUDA toolkit; or use --device cpu"
            ),
            DeviceName::Cuda => Device::new_cuda(0).context("no CUDA device can be used"),
        }
    }
}
