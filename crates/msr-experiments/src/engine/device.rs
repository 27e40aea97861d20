//! Where to compute.

use anyhow::Result;
use candle_core::Device;
use msr_layers::Place;

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

    /// The device of that name, made ready.
    pub fn open(self) -> Result<Device> {
        let place = match self {
            DeviceName::Cpu => Place::Cpu,
            DeviceName::Cuda => Place::Cuda(0),
        };
        Ok(place.open()?)
    }
}
