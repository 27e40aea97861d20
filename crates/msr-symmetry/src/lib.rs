//! What was learned, as a type.
//!
//! - [`Learned`]: a model with the symmetry matrices, initial values and inner rates that an outer
//!   loop found, or with the parameters that an inner loop adapted to some tasks. It is the one
//!   owner of the file format (`learned.safetensors`), which `docs/formats/learned.md` describes
//!   byte by byte.
//! - [`Learned::symmetry`]: the group that each layer has learned, behind one call: permutations of
//!   the inputs and outputs of fully connected layers, rotations and flips of convolutions.
//! - [`export`](mod@export): a layer tied by a group, as a file for PyTorch, ONNX, GAP, escnn, emlp
//!   or numpy.
//!
//! # Example
//! ```
//! use candle_core::{DType, Device};
//! use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
//! use msr_symmetry::{Learned, Symmetry};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let vars = SeededVars::new(0);
//! let layer = ReparamLinear::new(ReparamLinearConfig::new(6, 6, 6), vars.builder(DType::F32, &Device::Cpu))?;
//! let learned = Learned::of(&layer)?;
//! // Nothing was learned yet, so no group is claimed.
//! let Symmetry::Permutations(found) = &learned.symmetry()?[0].symmetry else { unreachable!() };
//! assert!(found.group().is_none());
//! let bytes = learned.to_bytes()?;
//! let again = Learned::from_bytes(&bytes, &Device::Cpu)?;
//! assert_eq!(again.model(), learned.model());
//! # Ok(())
//! # }
//! ```

mod error;
pub mod export;
mod file;
mod format;
mod learned;
mod legacy;
mod read_out;

pub use error::{Error, Result};
pub use file::{entries, read_tensors, write_atomic};
pub use learned::Learned;
pub use read_out::{LayerSymmetry, SymmetricLayer, Symmetry, Weights};
