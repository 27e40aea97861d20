//! Plain and reparameterized layers.
//!
//! Each layer works in two ways, through one definition of its forward pass:
//! - as a candle-nn [`Module`](candle_nn::Module) on plain tensors, trained by candle's own
//!   backward and optimisers;
//! - as a [`Layer`] on [`Node`](msr_autodiff::Node)s with a leading task dimension, where every
//!   task has its own adapted parameters: what a meta-learner needs.
//!
//! Linear layers and convolutions come plain, reparameterized and with a sharing pattern; between
//! them stand [`Activation`], [`BatchNorm`] (with a choice of whose [`Statistics`] are used),
//! [`LayerNorm`], [`MaxPool2d`], [`AvgPool2d`], [`Flatten`], [`Dropout`]. [`Sequential`] and
//! [`Residual`] put them together; [`ConvBlock`] and [`Conv4`] are the network of the few-shot
//! literature. A forward pass knows its [`Phase`]. [`Adapting`] chooses what tasks adapt, and a
//! [`ModelSummary`] says what a model is made of.
//!
//! Layers are built through candle's `VarBuilder`. Tensor names: `symmetry`, `filter` and `bias`
//! for reparameterized layers, `weight` and `bias` for plain ones. [`SeededVars`] is a `VarBuilder`
//! backend whose initial values depend on a seed and the tensor's name alone.
//!
//! # Example
//! A layer that can learn any weight-sharing pattern with three free parameters, trained by candle:
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{AdamW, Module, Optimizer, ParamsAdamW};
//! use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
//!
//! # fn main() -> anyhow_free::Result {
//! let vars = SeededVars::new(0);
//! let config = ReparamLinearConfig { bias: true, ..ReparamLinearConfig::new(10, 8, 3) };
//! let layer = ReparamLinear::new(config, vars.builder(DType::F32, &Device::Cpu))?;
//! let x = Tensor::ones((4, 10), DType::F32, &Device::Cpu)?;
//! let mut adam = AdamW::new(vars.var_map().all_vars(), ParamsAdamW::default())?;
//! let loss = || layer.forward(&x)?.affine(1.0, -1.0)?.sqr()?.mean_all();
//! let before = loss()?.to_scalar::<f32>()?;
//! for _ in 0..20 {
//!     adam.backward_step(&loss()?)?;
//! }
//! assert!(loss()?.to_scalar::<f32>()? < before);
//! # Ok(())
//! # }
//! # mod anyhow_free { pub type Result = std::result::Result<(), Box<dyn std::error::Error>>; }
//! ```

mod activation;
mod adapting;
mod batch_norm;
mod buffers;
mod conv1d;
mod conv2d;
mod conv4;
mod conv_block;
mod convolution;
mod dropout;
mod error;
mod flatten;
mod init;
mod layer;
mod layer_norm;
mod least_squares;
mod linear;
mod local;
mod moments;
mod normal_equations;
mod parameters;
mod pass;
mod pool2d;
mod record;
mod reparam;
mod residual;
mod sequential;
mod spec;
mod summary;
mod values;

pub use activation::Activation;
pub use adapting::{Adapting, Adapts};
pub use batch_norm::{Affine, BatchNorm, BatchNormConfig, Statistics};
pub use buffers::Buffer;
pub use conv_block::{BlockConv, ConvBlock, ConvBlockConfig};
pub use conv1d::{Conv1d, Conv1dConfig};
pub use conv2d::Conv2d;
pub use conv4::{Conv4, Conv4Config, Filters, Pool};
pub use convolution::Conv2dConfig;
pub use dropout::{Dropout, DropoutConfig};
pub use error::{Error, Result};
pub use flatten::Flatten;
pub use init::SeededVars;
pub use layer::{Input, Layer, LinearInAdapted, Weight};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use least_squares::normal_equations;
pub use linear::{Linear, LinearConfig};
pub use local::{LocallyConnected1d, LocallyConnected1dConfig};
pub use msr_autodiff::Place;
pub use normal_equations::NormalEquations;
pub use parameters::{Parameter, Parameters, Tied};
pub use pass::{Pass, Phase, mix};
pub use pool2d::{AvgPool2d, MaxPool2d, Pool2dConfig};
pub use record::LayerRecord;
pub use reparam::conv2d::{ConvSymmetry, ReparamConv2d, ReparamConv2dConfig};
pub use reparam::linear::{ReparamLinear, ReparamLinearConfig};
pub use reparam::pattern::{Entries, PatternLinear, PatternLinearConfig};
pub use reparam::pattern_conv2d::PatternConv2d;
pub use residual::Residual;
pub use sequential::Sequential;
pub use spec::LayerSpec;
pub use summary::{Flops, LayerSummary, ModelSummary, NumberCounts};
pub use values::Values;
