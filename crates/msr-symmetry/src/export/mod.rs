//! A layer whose weights a group ties, as a file for other tools.
//!
//! - [`TiedLayer`]: `y = W x + b`, with the weights that are tied and the group that ties them.
//! - [`export`]: the bytes of one file for a [`Target`]: a module for PyTorch, an ONNX model, the
//!   group for GAP, representations for escnn and emlp, or arrays for anything that reads `.npz`.
//!
//! This module knows no tensors: it needs the group core alone. The same layer gives the same
//! bytes.
//!
//! # Example
//! ```
//! use msr_groups::SignedPermutation;
//! use msr_symmetry::export::{Target, TiedLayer, export};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let shift = SignedPermutation::parse("(0 1 2 3 4 5)", 6)?;
//! let layer = TiedLayer::from_generators(6, 6, vec![(shift.clone(), shift)])?;
//! assert_eq!(layer.pattern.free_parameters(), 6);
//! let module = export(&layer, Target::PyTorch)?;
//! assert!(String::from_utf8(module)?.contains("class TiedLinear(nn.Module)"));
//! # Ok(())
//! # }
//! ```

mod error;
mod escnn;
mod gap;
mod layer;
mod npz;
mod onnx;
mod python;
mod pytorch;
mod shape_of_group;

use std::fmt;
use std::str::FromStr;

pub use error::{Error, Result};
pub use layer::TiedLayer;

/// What a layer is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A Python file with a module for PyTorch, which needs nothing else.
    PyTorch,
    /// An ONNX model of one layer.
    Onnx,
    /// The group, for GAP.
    Gap,
    /// A Python file with the group and its representations for escnn and for emlp.
    Escnn,
    /// Arrays in an archive of numpy's.
    Npz,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::PyTorch, Self::Onnx, Self::Gap, Self::Escnn, Self::Npz];

    /// How it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::PyTorch => "pytorch",
            Self::Onnx => "onnx",
            Self::Gap => "gap",
            Self::Escnn => "escnn",
            Self::Npz => "npz",
        }
    }

    /// The ending that its files usually have, without a full stop.
    pub fn extension(self) -> &'static str {
        match self {
            Self::PyTorch | Self::Escnn => "py",
            Self::Onnx => "onnx",
            Self::Gap => "g",
            Self::Npz => "npz",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|target| target.name() == name);
        found.ok_or_else(|| Error::UnknownTarget { name: name.into() })
    }
}

/// The bytes of a file with the layer for `target`; the same ones for the same layer.
///
/// # Errors
/// [`Error::Layer`] and [`Error::Order`] when the parts of the layer contradict each other;
/// [`Error::TooManyWeights`]; [`Error::NothingFree`] for an ONNX model of a layer without
/// parameters; [`Error::Groups`] when the group is too large to be written down.
pub fn export(layer: &TiedLayer, target: Target) -> Result<Vec<u8>> {
    layer.check()?;
    match target {
        Target::PyTorch => Ok(pytorch::module(layer)?.into_bytes()),
        Target::Onnx => onnx::model(layer),
        Target::Gap => Ok(gap::group(layer)?.into_bytes()),
        Target::Escnn => Ok(escnn::representations(layer)?.into_bytes()),
        Target::Npz => npz::archive(layer),
    }
}
