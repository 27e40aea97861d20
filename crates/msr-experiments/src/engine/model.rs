//! The models that are compared: the one place where layers are built.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device};
use msr_groups::SharingPattern;
use msr_layers::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Entries, Layer, Linear, LinearConfig, LocallyConnected1d,
    LocallyConnected1dConfig, PatternLinear, PatternLinearConfig, ReparamConv2d, ReparamConv2dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars,
};
use msr_meta::Adapted;
use serde::{Deserialize, Serialize};

use super::entries::entries;

/// The layer of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LayerKind {
    /// A fully connected layer.
    Linear,
    /// A filter of its own at each position.
    LocallyConnected,
    /// A convolution.
    Conv,
    /// A fully connected layer whose U is given: that of the true pattern.
    Pattern,
    /// A fully connected layer whose U is learned.
    ReparamLinear,
    /// A convolution whose U is learned as a Kronecker product A ⊗ B ⊗ C, from the identity.
    ReparamKronecker,
    /// A convolution whose U is learned as one matrix.
    ReparamFull,
}

/// Between what a model maps.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// Vectors; a convolution over them has as many taps as it takes.
    Vectors {
        /// The length of an input.
        inputs: usize,
        /// The length of an output.
        outputs: usize,
    },
    /// Vectors, by weights that are tied in a known way.
    Tied(&'a SharingPattern),
    /// Images of one channel, and images of several.
    Images {
        /// Channels of an output.
        channels: usize,
        /// Taps along a side of a filter.
        kernel: usize,
    },
}

/// The model of a training run.
#[derive(Clone)]
pub struct Model {
    layer: Arc<dyn Layer>,
    outputs: usize,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.layer.parameters().iter().map(|p| p.name.clone()).collect();
        f.debug_struct("Model").field("parameters", &names).field("outputs", &self.outputs).finish()
    }
}

impl Model {
    /// A freshly initialised model; `filter_params` columns of U where one is learned and its size
    /// is free.
    pub fn new(
        layer: LayerKind,
        shape: Shape,
        filter_params: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let vb = SeededVars::new(seed).builder(DType::F32, device);
        tracing::debug!(?layer, ?shape, seed, "building the model");
        let (m, n) = match shape {
            Shape::Vectors { inputs, outputs } => (outputs, inputs),
            Shape::Tied(pattern) => (pattern.outputs(), pattern.inputs()),
            Shape::Images { channels, kernel } => {
                let conv = Conv2dConfig::new(1, channels, kernel);
                let layer: Arc<dyn Layer> = match layer {
                    LayerKind::Conv => Arc::new(Conv2d::new(conv, vb)?),
                    LayerKind::ReparamKronecker => {
                        Arc::new(ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb)?)
                    }
                    LayerKind::ReparamFull => {
                        Arc::new(ReparamConv2d::new(ReparamConv2dConfig::full(conv, filter_params), vb)?)
                    }
                    other => bail!("a layer of kind {other:?} does not map images"),
                };
                return Ok(Self { layer, outputs: channels });
            }
        };
        let taps =
            || n.checked_sub(m).map(|more| more + 1).context("a convolution has no more outputs than inputs");
        let layer: Arc<dyn Layer> = match (layer, shape) {
            (LayerKind::Linear, _) => Arc::new(Linear::new(LinearConfig::new(n, m), vb)?),
            (LayerKind::LocallyConnected, _) => {
                Arc::new(LocallyConnected1d::new(LocallyConnected1dConfig::new(n, taps()?), vb)?)
            }
            (LayerKind::Conv, _) => Arc::new(Conv1d::new(Conv1dConfig::new(1, 1, taps()?), vb)?),
            (LayerKind::ReparamLinear, _) => {
                Arc::new(ReparamLinear::new(ReparamLinearConfig::new(n, m, filter_params), vb)?)
            }
            (LayerKind::Pattern, Shape::Tied(pattern)) => {
                let entries = Entries::Orthonormal;
                let config = PatternLinearConfig { entries, ..PatternLinearConfig::new(pattern.clone()) };
                Arc::new(PatternLinear::new(config, vb)?)
            }
            (LayerKind::Pattern, _) => bail!("how the weights of these tasks are tied is not known"),
            (other, _) => bail!("a layer of kind {other:?} does not map vectors"),
        };
        Ok(Self { layer, outputs: m })
    }

    /// The layer.
    pub fn layer(&self) -> Arc<dyn Layer> {
        self.layer.clone()
    }

    /// The number of outputs, or of output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// The weights of each adapted task, one after the other.
pub fn weights(adapted: &Adapted) -> Result<Vec<Vec<f64>>> {
    let all = entries(&adapted.weight()?)?;
    let size = all.len().div_ceil(adapted.tasks().max(1)).max(1);
    Ok(all.chunks(size).map(<[f64]>::to_vec).collect())
}
