//! The group that each layer has learned.

use std::fmt;

use candle_core::Tensor;
use msr_groups::{
    LearnedConv, PlaneSymmetry, Recovery, RecoveryConfig, SymmetryMatrix, plane_symmetry, recover,
};
use msr_layers::{BlockConv, ConvBlockConfig, ConvSymmetry, LayerSpec, ReparamConv2dConfig};

use crate::error::Result;
use crate::file::entries;
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

impl Symmetry {
    /// The permutations that keep a symmetry matrix, or why it cannot be read (it is too large).
    ///
    /// # Errors
    /// When a number of `config` is outside its range.
    pub fn of_matrix(symmetry: SymmetryMatrix<'_>, config: &RecoveryConfig) -> Result<Self> {
        match recover(symmetry, config) {
            Ok(found) => Ok(Self::Permutations(found)),
            Err(reason @ msr_groups::Error::TooManyWeights { .. }) => {
                Ok(Self::NotRead { reason: reason.to_string() })
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The rotations and flips of a convolution with so many output channels and `kernel × kernel`
    /// taps, or why they cannot be read (the kernel is even).
    ///
    /// # Errors
    /// When sizes do not fit, or a number is NaN or infinite.
    pub fn of_convolution(learned: LearnedConv<'_>, channels: usize, kernel: usize) -> Result<Self> {
        if kernel.is_multiple_of(2) {
            let reason = format!("a {kernel} × {kernel} kernel has no centre to turn it about");
            return Ok(Self::NotRead { reason });
        }
        Ok(Self::Plane(plane_symmetry(learned, channels, kernel)?))
    }
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
    /// The number of filter parameters k of a fully connected layer: the most kinds of weights that
    /// can vary independently.
    pub filter_params: Option<usize>,
}

impl LayerSymmetry {
    /// Whether as many kinds of weights were found as there are filter parameters: there may be
    /// more, which the layer could not learn. What to do about it, in words.
    pub fn too_few_parameters(&self) -> Option<String> {
        let Symmetry::Permutations(found) = &self.symmetry else { return None };
        let (kinds, k) = (found.pattern()?.free_parameters(), self.filter_params?);
        (kinds >= k).then(|| {
            format!(
                "At most {k} kinds of weights can vary independently with {k} filter parameters, and {kinds} were told \
                 apart: there may be more. Try a larger k; twice the number of inputs is a good start."
            )
        })
    }
}

impl fmt::Display for LayerSymmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.layer.is_empty() {
            write!(f, "{}: ", self.layer)?;
        }
        self.symmetry.fmt(f)?;
        match self.too_few_parameters() {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

/// What the symmetry matrices of a layer act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weights {
    /// The `outputs × inputs` weights of a fully connected layer.
    Linear {
        /// The number of outputs, m.
        outputs: usize,
        /// The number of inputs, n.
        inputs: usize,
    },
    /// The filters of a convolution.
    Conv {
        /// Output channels, o.
        channels: usize,
        /// Input channels, c.
        in_channels: usize,
        /// Taps along a side, k.
        kernel: usize,
    },
}

/// A layer that has learned a symmetry matrix.
#[derive(Clone, Debug)]
pub struct SymmetricLayer {
    /// The layer's name.
    pub layer: String,
    /// Its symmetry matrices with the names of their tensors: U alone, or the Kronecker factors A,
    /// B and C.
    pub matrices: Vec<(String, Tensor)>,
    /// What they act on.
    pub weights: Weights,
}

impl SymmetricLayer {
    /// The number of filter parameters of a fully connected layer.
    fn filter_params(&self) -> Option<usize> {
        match (self.weights, self.matrices.as_slice()) {
            (Weights::Linear { .. }, [(_, u)]) => u.dims().last().copied(),
            _ => None,
        }
    }

    /// The layer's symmetry.
    ///
    /// # Errors
    /// When a bound is outside its range, or a number is NaN or infinite.
    pub fn symmetry(&self, config: &RecoveryConfig) -> Result<Symmetry> {
        match (self.weights, self.matrices.as_slice()) {
            (Weights::Linear { outputs, inputs }, [(_, u)]) => {
                Symmetry::of_matrix(SymmetryMatrix::new(&entries(u)?, outputs, inputs)?, config)
            }
            (Weights::Conv { channels, kernel, .. }, [(_, a), _, (_, c)]) => {
                let learned = LearnedConv::Kronecker { channels: &entries(a)?, taps: &entries(c)? };
                Symmetry::of_convolution(learned, channels, kernel)
            }
            (Weights::Conv { channels, kernel, .. }, [(_, u)]) => {
                let (symmetry, columns) = (entries(u)?, u.dims().last().copied().unwrap_or(0));
                let learned = LearnedConv::Full { symmetry: &symmetry, columns };
                Symmetry::of_convolution(learned, channels, kernel)
            }
            _ => Ok(Symmetry::NotRead { reason: "it has neither one symmetry matrix nor three".into() }),
        }
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
        let layers = self.symmetric_layers()?.into_iter();
        layers
            .map(|layer| {
                let symmetry = layer.symmetry(config)?;
                let filter_params = layer.filter_params();
                Ok(LayerSymmetry { symmetry, layer: layer.layer, filter_params })
            })
            .collect()
    }

    /// The layers that have learned a symmetry matrix.
    ///
    /// # Errors
    /// When a tensor is missing.
    pub fn symmetric_layers(&self) -> Result<Vec<SymmetricLayer>> {
        let mut found = Vec::new();
        self.collect(&self.model, &mut found)?;
        Ok(found)
    }

    fn collect(&self, spec: &LayerSpec, found: &mut Vec<SymmetricLayer>) -> Result<()> {
        let conv =
            |layer: String, config: &ReparamConv2dConfig| -> (String, &'static [&'static str], Weights) {
                let sizes = config.conv;
                let (channels, in_channels) = (sizes.out_channels, sizes.in_channels);
                let names: &[&str] = match config.symmetry {
                    ConvSymmetry::Full { .. } => &["symmetry"],
                    _ => &["factor_out", "factor_in", "factor_taps"],
                };
                (layer, names, Weights::Conv { channels, in_channels, kernel: sizes.kernel })
            };
        let (layer, names, weights): (String, &[&str], _) = match spec {
            LayerSpec::Sequential { layers } => {
                return layers.iter().try_for_each(|layer| self.collect(layer, found));
            }
            LayerSpec::ReparamLinear { name, config } => {
                let (outputs, inputs) = (config.out_features, config.in_features);
                (name.clone(), &["symmetry"], Weights::Linear { outputs, inputs })
            }
            LayerSpec::ReparamConv2d { name, config } => conv(name.clone(), config),
            LayerSpec::ConvBlock {
                name,
                config: ConvBlockConfig { conv: BlockConv::Reparam(config), .. },
            } => conv(if name.is_empty() { "conv".into() } else { format!("{name}.conv") }, config),
            LayerSpec::Adapting { model, .. } => return self.collect(model, found),
            LayerSpec::Residual { body, projection } => {
                self.collect(body, found)?;
                return projection.iter().try_for_each(|layer| self.collect(layer, found));
            }
            _ => return Ok(()),
        };
        let full = |tensor: &&str| {
            if layer.is_empty() { (*tensor).to_string() } else { format!("{layer}.{tensor}") }
        };
        let matrices = names.iter().map(full).map(|name| {
            let tensor = self.tensor(&name)?.clone();
            Ok((name, tensor))
        });
        let matrices = matrices.collect::<Result<_>>()?;
        found.push(SymmetricLayer { layer, matrices, weights });
        Ok(())
    }
}
