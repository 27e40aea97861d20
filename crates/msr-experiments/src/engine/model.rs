//! The models that are compared: the one place where layers are built.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};
use msr_groups::SharingPattern;
use msr_layers::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Entries, Layer, Linear, LinearConfig, LocallyConnected1d,
    LocallyConnected1dConfig, PatternLinear, PatternLinearConfig, ReparamConv2d, ReparamConv2dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars,
};
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

/// A layer that can say what its weights are.
#[derive(Clone)]
pub struct Model {
    layer: Arc<dyn Layer>,
    form: Form,
    outputs: usize,
    weight_shape: Option<Vec<usize>>,
}

/// How weights follow from what is adapted.
#[derive(Clone)]
enum Form {
    /// They are it.
    Plain,
    Pattern(Arc<PatternLinear>),
    Linear(Arc<ReparamLinear>),
    Conv(Arc<ReparamConv2d>),
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
                let config = match layer {
                    LayerKind::Conv => {
                        let layer = Arc::new(Conv2d::new(conv, vb)?);
                        return Ok(Self { layer, form: Form::Plain, outputs: channels, weight_shape: None });
                    }
                    LayerKind::ReparamKronecker => ReparamConv2dConfig::kronecker(conv),
                    LayerKind::ReparamFull => ReparamConv2dConfig::full(conv, filter_params),
                    other => bail!("a layer of kind {other:?} does not map images"),
                };
                let full = layer == LayerKind::ReparamFull;
                let weight_shape = full.then(|| vec![channels, 1, kernel, kernel]);
                let layer = Arc::new(ReparamConv2d::new(config, vb)?);
                return Ok(Self {
                    layer: layer.clone(),
                    form: Form::Conv(layer),
                    outputs: channels,
                    weight_shape,
                });
            }
        };
        let taps =
            || n.checked_sub(m).map(|more| more + 1).context("a convolution has no more outputs than inputs");
        let (layer, form): (Arc<dyn Layer>, Form) = match (layer, shape) {
            (LayerKind::Linear, _) => (Arc::new(Linear::new(LinearConfig::new(n, m), vb)?), Form::Plain),
            (LayerKind::LocallyConnected, _) => {
                let config = LocallyConnected1dConfig::new(n, taps()?);
                (Arc::new(LocallyConnected1d::new(config, vb)?), Form::Plain)
            }
            (LayerKind::Conv, _) => {
                (Arc::new(Conv1d::new(Conv1dConfig::new(1, 1, taps()?), vb)?), Form::Plain)
            }
            (LayerKind::ReparamLinear, _) => {
                let config = ReparamLinearConfig::new(n, m, filter_params);
                let layer = Arc::new(ReparamLinear::new(config, vb)?);
                (layer.clone(), Form::Linear(layer))
            }
            (LayerKind::Pattern, Shape::Tied(pattern)) => {
                let entries = Entries::Orthonormal;
                let config = PatternLinearConfig { entries, ..PatternLinearConfig::new(pattern.clone()) };
                let layer = Arc::new(PatternLinear::new(config, vb)?);
                (layer.clone(), Form::Pattern(layer))
            }
            (LayerKind::Pattern, _) => bail!("how the weights of these tasks are tied is not known"),
            (other, _) => bail!("a layer of kind {other:?} does not map vectors"),
        };
        Ok(Self { layer, form, outputs: m, weight_shape: Some(vec![m, n]) })
    }

    /// The layer.
    pub fn layer(&self) -> Arc<dyn Layer> {
        self.layer.clone()
    }

    /// The number of outputs, or of output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The shape of the weights to which the rows of a symmetry matrix belong; nothing for a
    /// convolution without one.
    pub fn weight_shape(&self) -> Option<&[usize]> {
        self.weight_shape.as_deref()
    }

    /// What is learned of the symmetry: U, or A, B and C; nothing when that is not learned.
    pub fn symmetry(&self) -> Result<Vec<Tensor>> {
        let learned = match &self.form {
            Form::Plain | Form::Pattern(_) => Vec::new(),
            Form::Linear(layer) => vec![layer.symmetry().clone()],
            Form::Conv(layer) => layer.symmetry()?,
        };
        learned.iter().map(|t| Ok(t.detach().to_device(&Device::Cpu)?)).collect()
    }

    /// The weights of each task, one after the other, from adapted parameters `(t, …)`.
    pub fn weights(&self, adapted: &[(String, Tensor)]) -> Result<Vec<Vec<f64>>> {
        let is_weight = |name: &str| name.ends_with("weight") || name.ends_with("filter");
        let found = adapted.iter().find(|(name, _)| is_weight(name));
        let (_, tensor) = found.context("nothing of which weights are made was adapted")?;
        let weights = match &self.form {
            Form::Plain => tensor.clone(),
            Form::Pattern(layer) => layer.weight_of(tensor)?,
            Form::Linear(layer) => layer.weight_of(tensor)?,
            Form::Conv(layer) => layer.weight_of(tensor)?,
        };
        let tasks = weights.dims().first().copied().unwrap_or(0).max(1);
        let all = entries(&weights.detach())?;
        Ok(all.chunks(all.len().div_ceil(tasks).max(1)).map(<[f64]>::to_vec).collect())
    }
}
