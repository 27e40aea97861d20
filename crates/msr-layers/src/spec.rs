//! What a layer is, as data: from it and the layer's tensors, the layer is built again.

use std::sync::Arc;

use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::adapting::{Adapting, Adapts};
use crate::batch_norm::{BatchNorm, BatchNormConfig};
use crate::conv_block::{ConvBlock, ConvBlockConfig};
use crate::conv1d::{Conv1d, Conv1dConfig};
use crate::conv2d::Conv2d;
use crate::convolution::Conv2dConfig;
use crate::dropout::{Dropout, DropoutConfig};
use crate::error::Result;
use crate::flatten::Flatten;
use crate::layer::Layer;
use crate::layer_norm::{LayerNorm, LayerNormConfig};
use crate::linear::{Linear, LinearConfig};
use crate::local::{LocallyConnected1d, LocallyConnected1dConfig};
use crate::pool2d::{AvgPool2d, MaxPool2d, Pool2dConfig};
use crate::reparam::conv2d::{ReparamConv2d, ReparamConv2dConfig};
use crate::reparam::linear::{ReparamLinear, ReparamLinearConfig};
use crate::reparam::pattern::{PatternLinear, PatternLinearConfig};
use crate::reparam::pattern_conv2d::PatternConv2d;
use crate::residual::Residual;
use crate::sequential::{Sequential, Stage};

/// The kind and the sizes of a layer, and the name under which its tensors are stored (the prefix
/// of the `VarBuilder`, empty for none).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is the layer of the same name with its config")]
pub enum LayerSpec {
    Linear { name: String, config: LinearConfig },
    Conv1d { name: String, config: Conv1dConfig },
    Conv2d { name: String, config: Conv2dConfig },
    LocallyConnected1d { name: String, config: LocallyConnected1dConfig },
    ReparamLinear { name: String, config: ReparamLinearConfig },
    ReparamConv2d { name: String, config: ReparamConv2dConfig },
    PatternLinear { name: String, config: PatternLinearConfig },
    PatternConv2d { name: String, conv: Conv2dConfig, config: PatternLinearConfig },
    BatchNorm { name: String, config: BatchNormConfig },
    LayerNorm { name: String, config: LayerNormConfig },
    ConvBlock { name: String, config: ConvBlockConfig },
    MaxPool2d { config: Pool2dConfig },
    AvgPool2d { config: Pool2dConfig },
    Flatten,
    Dropout { name: String, config: DropoutConfig },
    Residual { body: Box<LayerSpec>, projection: Option<Box<LayerSpec>> },
    Adapting { adapts: Adapts, model: Box<LayerSpec> },
    Activation { function: Activation },
    Sequential { layers: Vec<LayerSpec> },
}

impl LayerSpec {
    /// The layer, with its tensors from `vb`.
    ///
    /// # Errors
    /// When a size makes no sense, or `vb` lacks a tensor or has one of another shape.
    pub fn build(&self, vb: &VarBuilder) -> Result<Arc<dyn Layer>> {
        let layer: Box<dyn Layer> = self.stage(vb)?;
        Ok(Arc::from(layer))
    }

    fn stage(&self, vb: &VarBuilder) -> Result<Box<dyn Stage>> {
        let below = |name: &str| {
            if name.is_empty() { vb.clone() } else { vb.pp(name) }
        };
        Ok(match self {
            Self::Linear { name, config } => Box::new(Linear::new(*config, below(name))?),
            Self::Conv1d { name, config } => Box::new(Conv1d::new(*config, below(name))?),
            Self::Conv2d { name, config } => Box::new(Conv2d::new(*config, below(name))?),
            Self::LocallyConnected1d { name, config } => {
                Box::new(LocallyConnected1d::new(*config, below(name))?)
            }
            Self::ReparamLinear { name, config } => Box::new(ReparamLinear::new(*config, below(name))?),
            Self::ReparamConv2d { name, config } => Box::new(ReparamConv2d::new(*config, below(name))?),
            Self::PatternLinear { name, config } => {
                Box::new(PatternLinear::new(config.clone(), below(name))?)
            }
            Self::PatternConv2d { name, conv, config } => {
                Box::new(PatternConv2d::new(*conv, config.clone(), below(name))?)
            }
            Self::BatchNorm { name, config } => Box::new(BatchNorm::new(*config, below(name))?),
            Self::LayerNorm { name, config } => Box::new(LayerNorm::new(config.clone(), below(name))?),
            Self::ConvBlock { name, config } => Box::new(ConvBlock::new(*config, below(name))?),
            Self::MaxPool2d { config } => Box::new(MaxPool2d::new(*config)),
            Self::AvgPool2d { config } => Box::new(AvgPool2d::new(*config)),
            Self::Flatten => Box::new(Flatten),
            Self::Dropout { name, config } => Box::new(Dropout::new(*config, below(name))?),
            Self::Residual { body, projection } => {
                let projection = projection.as_ref().map(|p| p.stage(vb)).transpose()?;
                Box::new(Residual::of(body.stage(vb)?, projection))
            }
            Self::Adapting { adapts, model } => Box::new(Adapting::of(model.stage(vb)?, adapts.clone())?),
            Self::Activation { function } => Box::new(*function),
            Self::Sequential { layers } => {
                let mut stack = Sequential::new();
                for layer in layers {
                    stack.push(layer.stage(vb)?);
                }
                Box::new(stack)
            }
        })
    }
}
