//! The group that each layer has learned.

use candle_core::{DType, Device, Tensor};
use std::fmt;

use msr_groups::{
    LearnedConv, PlaneSymmetry, Recovery, RecoveryConfig, SymmetryMatrix, plane_symmetry, recover,
};
use msr_layers::{ConvSymmetry, LayerSpec, ReparamConv2dConfig, ReparamLinearConfig};

use crate::error::{Error, Result};
use crate::learned::Learned;

/// What a layer with a learned symmetry matrix is symmetric under.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Symmetry {
    /// Permutations of the outputs and inputs of a fully connected layer: the group that U encodes,
    /// ties without a group, or nothing that is sure.
    Permutations(Recovery),
    /// Rotations and flips of a convolution.
    Plane(PlaneSymmetry),
    /// No group can be read from this layer.
    NotRead {
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for Symmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Symmetry::Permutations(found) => found.fmt(f),
            Symmetry::Plane(found) => found.fmt(f),
            Symmetry::NotRead { reason } => write!(f, "Not read: {reason}."),
        }
    }
}

/// The symmetry of one layer.
#[derive(Clone, Debug)]
pub struct LayerSymmetry {
    /// The layer's name: what the names of its tensors have before the last dot.
    pub layer: String,
    /// What was read out of it.
    pub symmetry: Symmetry,
}

impl fmt::Display for LayerSymmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.layer.is_empty() {
            write!(f, "{}: ", self.layer)?;
        }
        self.symmetry.fmt(f)
    }
}

impl Learned {
    /// The symmetry of each layer that has a symmetry matrix, with the usual bounds for a claim;
    /// nothing for models without one (MAML learns no U).
    ///
    /// # Errors
    /// As [`Learned::symmetry_with`].
    pub fn symmetry(&self) -> Result<Vec<LayerSymmetry>> {
        self.symmetry_with(&RecoveryConfig::default())
    }

    /// The same with other bounds for claims about fully connected layers.
    ///
    /// # Errors
    /// When a bound is outside its range, or what was learned is NaN or infinite.
    pub fn symmetry_with(&self, config: &RecoveryConfig) -> Result<Vec<LayerSymmetry>> {
        let mut found = Vec::new();
        self.read(&self.model, config, &mut found)?;
        Ok(found)
    }

    /// The symmetry matrices of each layer that has some, with the layer's name: U alone, or the
    /// Kronecker factors A, B and C.
    ///
    /// # Errors
    /// When a tensor is missing.
    pub fn symmetry_matrices(&self) -> Result<Vec<(String, Vec<Tensor>)>> {
        let mut found = Vec::new();
        self.collect_matrices(&self.model, &mut found)?;
        Ok(found)
    }

    fn collect_matrices(&self, spec: &LayerSpec, found: &mut Vec<(String, Vec<Tensor>)>) -> Result<()> {
        let (layer, names): (_, &[&str]) = match spec {
            LayerSpec::Sequential { layers } => {
                return layers.iter().try_for_each(|layer| self.collect_matrices(layer, found));
            }
            LayerSpec::ReparamConv2d { name, config }
                if config.symmetry == ConvSymmetry::KroneckerFactors =>
            {
                (name, &["symmetry_out", "symmetry_in", "symmetry_taps"])
            }
            LayerSpec::ReparamLinear { name, .. } | LayerSpec::ReparamConv2d { name, .. } => {
                (name, &["symmetry"])
            }
            _ => return Ok(()),
        };
        let tensors = names.iter().map(|tensor| Ok(self.tensor(&full_name(layer, tensor))?.clone()));
        found.push((layer.clone(), tensors.collect::<Result<_>>()?));
        Ok(())
    }

    fn read(&self, spec: &LayerSpec, bounds: &RecoveryConfig, found: &mut Vec<LayerSymmetry>) -> Result<()> {
        let (layer, symmetry) = match spec {
            LayerSpec::Sequential { layers } => {
                return layers.iter().try_for_each(|layer| self.read(layer, bounds, found));
            }
            LayerSpec::ReparamLinear { name, config } => (name, self.permutations(name, config, bounds)?),
            LayerSpec::ReparamConv2d { name, config } => (name, self.plane(name, config)?),
            _ => return Ok(()),
        };
        found.push(LayerSymmetry { layer: layer.clone(), symmetry });
        Ok(())
    }

    fn permutations(
        &self,
        name: &str,
        config: &ReparamLinearConfig,
        bounds: &RecoveryConfig,
    ) -> Result<Symmetry> {
        let ReparamLinearConfig { in_features: n, out_features: m, .. } = *config;
        let u = self.matrix(name, "symmetry")?;
        match recover(SymmetryMatrix::new(&u, m, n)?, bounds) {
            Ok(found) => Ok(Symmetry::Permutations(found)),
            // Too large to compare rows.
            Err(reason @ msr_groups::Error::Config { .. }) => {
                Ok(Symmetry::NotRead { reason: reason.to_string() })
            }
            Err(other) => Err(other.into()),
        }
    }

    fn plane(&self, name: &str, config: &ReparamConv2dConfig) -> Result<Symmetry> {
        let (channels, kernel) = (config.conv.out_channels, config.conv.kernel);
        if kernel.is_multiple_of(2) {
            let reason = format!("a {kernel} × {kernel} kernel has no centre to turn it about");
            return Ok(Symmetry::NotRead { reason });
        }
        let found = match config.symmetry {
            ConvSymmetry::KroneckerFactors => {
                let (a, c) = (self.matrix(name, "symmetry_out")?, self.matrix(name, "symmetry_taps")?);
                plane_symmetry(LearnedConv::Kronecker { channels: &a, taps: &c }, channels, kernel)?
            }
            ConvSymmetry::Full { filter_params: columns, .. } => {
                let u = self.matrix(name, "symmetry")?;
                plane_symmetry(LearnedConv::Full { symmetry: &u, columns }, channels, kernel)?
            }
            other => return Err(Error::format(format!("{other:?} is no form in which a symmetry is saved"))),
        };
        Ok(Symmetry::Plane(found))
    }

    /// A tensor of a layer as numbers, row by row.
    fn matrix(&self, layer: &str, tensor: &str) -> Result<Vec<f64>> {
        numbers(self.tensor(&full_name(layer, tensor))?)
    }
}

fn full_name(layer: &str, tensor: &str) -> String {
    if layer.is_empty() { tensor.to_string() } else { format!("{layer}.{tensor}") }
}

/// All entries, row by row, wherever the tensor is.
fn numbers(t: &Tensor) -> Result<Vec<f64>> {
    Ok(t.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
