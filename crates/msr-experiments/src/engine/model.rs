//! The models that are compared: the one place where layers are built.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use msr_groups::SharingPattern;
use msr_layers::{
    Adapting, Adapts, Affine, BatchNormConfig, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Conv4,
    Conv4Config, Entries, Filters, Layer, Linear, LinearConfig, LocallyConnected1d, LocallyConnected1dConfig,
    PatternLinear, PatternLinearConfig, ReparamConv2d, ReparamConv2dConfig, ReparamLinear,
    ReparamLinearConfig, SeededVars,
};
use msr_meta::Adapted;
use serde::{Deserialize, Serialize};

use super::entries::entries;
use super::settings::Norm;
use super::start::Start;

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
    /// The network of the few-shot literature, four blocks and a head.
    Conv4,
    /// The same, of which tasks adapt the head alone (ANIL).
    Conv4Head,
    /// The same without a head, which is computed.
    Conv4Body,
    /// Conv4 whose filters are (A ⊗ B ⊗ C) v.
    Conv4Kronecker,
    /// The same without a head.
    Conv4KroneckerBody,
}

impl LayerKind {
    /// Whether symmetry matrices are learned that are Kronecker products.
    pub fn has_kronecker_factors(self) -> bool {
        matches!(self, Self::ReparamKronecker | Self::Conv4Kronecker | Self::Conv4KroneckerBody)
    }
}

/// Between what a model maps.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Vectors; a convolution over them has as many taps as it takes.
    Vectors {
        /// The length of an input.
        inputs: usize,
        /// The length of an output.
        outputs: usize,
    },
    /// Vectors, by weights that are tied in a known way.
    Tied(SharingPattern),
    /// Images of one channel, and images of several.
    Images {
        /// Channels of an output.
        channels: usize,
        /// Taps along a side of a filter.
        kernel: usize,
    },
    /// Images of classes, which a network of blocks of so many channels tells apart.
    Classes {
        /// Channels, height and width of an image.
        image: (usize, usize, usize),
        /// Channels of every block.
        channels: usize,
        /// The number of classes of a task.
        ways: usize,
        /// How the blocks normalise.
        norm: Norm,
    },
}

/// The plain network of four blocks that tells classes of images apart.
pub fn conv4(image: (usize, usize, usize), channels: usize, ways: usize, norm: Norm) -> Conv4Config {
    let config = Conv4Config::new(image, channels, ways);
    let Norm { statistics, affine } = norm;
    Conv4Config { norm: BatchNormConfig { statistics, affine, ..config.norm }, ..config }
}

/// The model of a training run.
#[derive(Clone)]
pub struct Model {
    layer: Arc<dyn Layer>,
    outputs: usize,
    tells_classes: bool,
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
        shape: &Shape,
        filter_params: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        tracing::debug!(?layer, ?shape, seed, "building the model");
        Self::build(layer, shape, filter_params, SeededVars::new(seed).builder(DType::F32, device))
    }

    /// The same, with symmetry matrices that start from others than the identity.
    pub fn starting(
        layer: LayerKind,
        shape: &Shape,
        filter_params: usize,
        seed: u64,
        device: &Device,
        start: &Start,
    ) -> Result<Self> {
        let model = Self::new(layer, shape, filter_params, seed, device)?;
        if matches!(start, Start::Identity) {
            return Ok(model);
        }
        let variables = start.variables(&model.layer.parameters(), seed)?;
        Self::build(layer, shape, filter_params, variables.builder(DType::F32, device))
    }

    fn build(layer: LayerKind, shape: &Shape, filter_params: usize, vb: VarBuilder) -> Result<Self> {
        let (m, n) = match *shape {
            Shape::Vectors { inputs, outputs } => (outputs, inputs),
            Shape::Tied(ref pattern) => (pattern.outputs(), pattern.inputs()),
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
                return Ok(Self { layer, outputs: channels, tells_classes: false });
            }
            Shape::Classes { image, channels, ways, norm } => {
                let plain = conv4(image, channels, ways, norm);
                let kronecker = Conv4Config { filters: Filters::Kronecker, ..plain };
                let layer: Arc<dyn Layer> = match layer {
                    LayerKind::Conv4 => Arc::new(Conv4::new(plain, vb)?),
                    LayerKind::Conv4Head => Arc::new(Adapting::new(Conv4::new(plain, vb)?, Adapts::Head)?),
                    LayerKind::Conv4Body => Arc::new(Conv4::body(plain, vb)?),
                    LayerKind::Conv4Kronecker => Arc::new(Conv4::new(kronecker, vb)?),
                    LayerKind::Conv4KroneckerBody => Arc::new(Conv4::body(kronecker, vb)?),
                    other => bail!("a layer of kind {other:?} does not tell classes apart"),
                };
                return Ok(Self { layer, outputs: ways, tells_classes: true });
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
        Ok(Self { layer, outputs: m, tells_classes: false })
    }

    /// The layer.
    pub fn layer(&self) -> Arc<dyn Layer> {
        self.layer.clone()
    }

    /// Whether its outputs are scores of classes.
    pub fn tells_classes(&self) -> bool {
        self.tells_classes
    }

    /// The number of outputs, or of output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// How many numbers a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Those of symmetry matrices.
    pub shared: u128,
    /// Those that are adapted.
    pub adapted: u128,
}

impl Size {
    /// Of the model that [`Model::new`] would make of this; as many as can be counted.
    pub fn of(layer: LayerKind, shape: &Shape, filter_params: usize) -> Self {
        let product = |factors: &[usize]| {
            factors.iter().fold(1, |product: u128, &factor| product.saturating_mul(factor as u128))
        };
        let k = filter_params;
        let size = |shared, adapted| Self { shared, adapted };
        let (m, n) = match *shape {
            Shape::Images { channels: o, kernel } => {
                let weights = product(&[o, kernel, kernel]);
                return match layer {
                    LayerKind::ReparamFull => size(product(&[o, kernel, kernel, k]), product(&[k])),
                    LayerKind::ReparamKronecker => {
                        let taps = product(&[kernel; 4]);
                        size(product(&[o, o]).saturating_add(1).saturating_add(taps), weights)
                    }
                    _ => size(0, weights),
                };
            }
            Shape::Classes { image, channels, ways, norm } => {
                let config = conv4(image, channels, ways, norm);
                let (o, image_channels) = (channels as u128, image.0 as u128);
                let filters = 9 * o * (image_channels + (config.blocks as u128 - 1) * o);
                let factor = |channels: u128| channels * channels;
                let blocks = config.blocks as u128;
                let factors = blocks * (factor(o) + 81) + factor(image_channels) + (blocks - 1) * factor(o);
                // Scales and shifts: those that tasks adapt, and those that they share.
                let norms = 2 * blocks * o;
                let (norms, common) = match norm.affine {
                    Affine::Adapted => (norms, 0),
                    Affine::Shared => (0, norms),
                    _ => (0, 0),
                };
                let features = config.shapes().ok().and_then(|all| all.last().copied());
                let head =
                    features.map_or(0, |(c, h, w)| product(&[c, h, w]).saturating_add(1)) * ways as u128;
                return match layer {
                    LayerKind::Conv4Head => size(filters + norms + common, head),
                    LayerKind::Conv4Body => size(common, filters + norms),
                    LayerKind::Conv4Kronecker => size(factors + common, filters + norms + head),
                    LayerKind::Conv4KroneckerBody => size(factors + common, filters + norms),
                    _ => size(common, filters + norms + head),
                };
            }
            Shape::Tied(ref pattern) => (pattern.outputs(), pattern.inputs()),
            Shape::Vectors { inputs, outputs } => (outputs, inputs),
        };
        let taps = n.saturating_sub(m).saturating_add(1);
        match (layer, shape) {
            (LayerKind::ReparamLinear, _) => size(product(&[m, n, k]), product(&[k])),
            (LayerKind::LocallyConnected, _) => size(0, product(&[m, taps])),
            (LayerKind::Conv, _) => size(0, product(&[taps])),
            (LayerKind::Pattern, Shape::Tied(pattern)) => size(0, product(&[pattern.free_parameters()])),
            _ => size(0, product(&[m, n])),
        }
    }
}

/// The weights of each adapted task, one after the other.
pub fn weights(adapted: &Adapted) -> Result<Vec<Vec<f64>>> {
    let all = entries(&adapted.weight()?)?;
    let size = all.len().div_ceil(adapted.tasks().max(1)).max(1);
    Ok(all.chunks(size).map(<[f64]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use candle_core::Device;
    use msr_groups::{Action, SharingPattern, cyclic};
    use msr_layers::{Affine, Parameter};

    use super::{LayerKind, Model, Norm, Shape, Size};

    #[test]
    fn models_have_the_size_that_was_foretold() -> Result<()> {
        let action = Action::natural(&cyclic(5)?);
        let tied = Shape::Tied(SharingPattern::new(&action, &action)?);
        let vectors = Shape::Vectors { inputs: 7, outputs: 5 };
        let images = Shape::Images { channels: 8, kernel: 3 };
        let classes = |affine| {
            let norm = Norm { affine, ..Norm::default() };
            Shape::Classes { image: (3, 32, 28), channels: 4, ways: 5, norm }
        };
        let deep = [
            LayerKind::Conv4,
            LayerKind::Conv4Head,
            LayerKind::Conv4Body,
            LayerKind::Conv4Kronecker,
            LayerKind::Conv4KroneckerBody,
        ];
        for (shape, layers) in [
            (tied, &[LayerKind::Pattern, LayerKind::Linear, LayerKind::ReparamLinear][..]),
            (
                vectors,
                &[LayerKind::Linear, LayerKind::LocallyConnected, LayerKind::Conv, LayerKind::ReparamLinear],
            ),
            (images, &[LayerKind::Conv, LayerKind::ReparamKronecker, LayerKind::ReparamFull]),
            (classes(Affine::Adapted), &deep),
            (classes(Affine::Shared), &deep),
            (classes(Affine::None), &deep),
        ] {
            for &layer in layers {
                let parameters = Model::new(layer, &shape, 4, 0, &Device::Cpu)?.layer().parameters();
                let count = |of: &[Parameter]| of.iter().map(|p| p.tensor.elem_count() as u128).sum();
                let found = Size { shared: count(&parameters.shared), adapted: count(&parameters.adapted) };
                assert_eq!(Size::of(layer, &shape, 4), found, "{layer:?}");
            }
        }
        let huge = Shape::Images { channels: usize::MAX, kernel: usize::MAX };
        for layer in [LayerKind::ReparamKronecker, LayerKind::ReparamFull, LayerKind::Conv] {
            let Size { shared, adapted } = Size::of(layer, &huge, usize::MAX);
            assert_eq!(shared.max(adapted), u128::MAX);
        }
        Ok(())
    }
}
