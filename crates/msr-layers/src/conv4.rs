//! The network of the few-shot literature: four convolutional blocks and a linear head.

use candle_core::Tensor;
use candle_nn::{Module, VarBuilder};
use msr_autodiff::Node;
use serde::{Deserialize, Serialize};

use crate::batch_norm::BatchNormConfig;
use crate::conv_block::{BlockConv, ConvBlock, ConvBlockConfig};
use crate::convolution::Conv2dConfig;
use crate::error::{Error, Result, require_sizes};
use crate::flatten::Flatten;
use crate::layer::{Input, Layer, Weight};
use crate::linear::{Linear, LinearConfig};
use crate::parameters::Parameters;
use crate::pool2d::Pool2dConfig;
use crate::record::LayerRecord;
use crate::reparam::conv2d::ReparamConv2dConfig;
use crate::sequential::Sequential;
use crate::summary::LayerSummary;
use crate::values::Values;

const LAYER: &str = "Conv4";

/// How a block of [`Conv4`] halves the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pool {
    /// A 2 × 2 max-pool at its end: 28 → 14 → 7 → 3 → 1.
    #[default]
    Max,
    /// A convolution with stride 2, no pool: 28 → 14 → 7 → 4 → 2.
    Stride,
}

/// What the weights of the convolutions of [`Conv4`] are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filters {
    /// The parameters: MAML's network.
    #[default]
    Plain,
    /// `vec(W) = (A ⊗ B ⊗ C) v`, from the identity: MSR's network.
    Kronecker,
    /// `vec(W) = U v` with any U.
    Full {
        /// The number of filter parameters of each convolution.
        filter_params: usize,
    },
}

/// The sizes of a [`Conv4`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv4Config {
    /// The shape of an image: channels, height, width.
    pub image: (usize, usize, usize),
    /// The output channels of every block.
    pub channels: usize,
    /// The outputs of the head: classes.
    pub classes: usize,
    /// The number of blocks.
    pub blocks: usize,
    /// How a block halves the image.
    pub pool: Pool,
    /// What the weights of the convolutions are.
    pub filters: Filters,
    /// The normalisation of every block; its `features` are `channels`.
    pub norm: BatchNormConfig,
}

impl Conv4Config {
    /// Four blocks with max-pools and plain weights; statistics of the batch.
    pub fn new(image: (usize, usize, usize), channels: usize, classes: usize) -> Self {
        let (pool, filters) = (Pool::default(), Filters::default());
        Self { image, channels, classes, blocks: 4, pool, filters, norm: BatchNormConfig::new(channels) }
    }

    /// The block whose input has so many channels.
    fn block(&self, in_channels: usize) -> ConvBlockConfig {
        let stride = if self.pool == Pool::Stride { 2 } else { 1 };
        let conv = Conv2dConfig { stride, padding: 1, ..Conv2dConfig::new(in_channels, self.channels, 3) };
        let conv = match self.filters {
            Filters::Plain => BlockConv::Plain(conv),
            Filters::Kronecker => BlockConv::Reparam(ReparamConv2dConfig::kronecker(conv)),
            Filters::Full { filter_params } => {
                BlockConv::Reparam(ReparamConv2dConfig::full(conv, filter_params))
            }
        };
        let pool = (self.pool == Pool::Max).then(|| Pool2dConfig::new(2));
        ConvBlockConfig { conv, norm: self.norm, pool }
    }

    /// The shapes of an image and of what each block makes of it: `(c, h, w)`, `blocks + 1` of
    /// them.
    ///
    /// # Errors
    /// [`Error::Config`], which names the block and the sizes, when the image is too small for so
    /// many blocks.
    ///
    /// # Example
    /// ```
    /// let shapes = msr_layers::Conv4Config::new((1, 28, 28), 64, 5).shapes()?;
    /// assert_eq!(shapes, [(1, 28, 28), (64, 14, 14), (64, 7, 7), (64, 3, 3), (64, 1, 1)]);
    /// # Ok::<(), msr_layers::Error>(())
    /// ```
    pub fn shapes(&self) -> Result<Vec<(usize, usize, usize)>> {
        let mut shapes = vec![self.image];
        let mut image = self.image;
        for block in 0..self.blocks {
            image = self.block(image.0).output(image).map_err(|e| {
                let reached: Vec<String> = shapes.iter().map(|(_, h, w)| format!("{h} × {w}")).collect();
                let problem = format!(
                    "block {block} of {} does not fit its image ({}): {e}; use larger images or fewer blocks",
                    self.blocks,
                    reached.join(" → ")
                );
                Error::Config { layer: LAYER, problem }
            })?;
            shapes.push(image);
        }
        Ok(shapes)
    }
}

/// The network of the few-shot literature: blocks of a 3 × 3 convolution, batch normalisation, ReLU
/// and 2 × 2 max-pool (or a stride), then a linear head with a bias.
///
/// Weights start as PyTorch's do (uniform, ±1/√fan-in), γ = 1, β = 0, Kronecker factors at the
/// identity. Tensors: those of [`ConvBlock`] under `block0`, `block1`, …, those of [`Linear`] under
/// `head`. It is saved as the [`Sequential`] of its parts.
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, classes)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b,
/// classes)`.
///
/// # Source
/// Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra, "Matching Networks for One Shot Learning"
/// (NIPS 2016), section 4.1; Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning" (ICML 2017),
/// section 5.2, for the strided form.
///
/// # Example
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::Module;
/// use msr_layers::{Conv4, Conv4Config, Filters, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Conv4Config { filters: Filters::Kronecker, ..Conv4Config::new((1, 28, 28), 8, 5) };
/// let net = Conv4::new(config, SeededVars::new(0).builder(DType::F32, &Device::Cpu))?;
/// let y = net.forward(&Tensor::ones((3, 1, 28, 28), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(y.dims(), [3, 5]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Conv4 {
    config: Conv4Config,
    stack: Sequential,
}

impl Conv4 {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When the image is too small for the blocks, a size is zero, `norm` is for another number of
    /// channels, or `vb` has a tensor of another shape.
    pub fn new(config: Conv4Config, vb: VarBuilder) -> Result<Self> {
        require_sizes(LAYER, &[("classes", config.classes)])?;
        let stack = Self::body(config, vb.clone())?;
        let features = config.shapes()?.last().map_or(0, |(c, h, w)| c * h * w);
        let head = LinearConfig { bias: true, ..LinearConfig::new(features, config.classes) };
        Ok(Self { config, stack: stack.with(Linear::new(head, vb.pp("head"))?) })
    }

    /// The blocks alone, without the head: features `(t, b, F)`, for learners that compute the last
    /// layer; `config.classes` is not used.
    ///
    /// # Errors
    /// As [`Conv4::new`].
    pub fn body(config: Conv4Config, vb: VarBuilder) -> Result<Sequential> {
        require_sizes(LAYER, &[("channels", config.channels), ("blocks", config.blocks)])?;
        let (c, h, w) = config.image;
        require_sizes(LAYER, &[("image channels", c), ("image height", h), ("image width", w)])?;
        if config.norm.features != config.channels {
            let problem = format!("norm.features is {}, channels {}", config.norm.features, config.channels);
            return Err(Error::Config { layer: LAYER, problem });
        }
        let shapes = config.shapes()?;
        let mut stack = Sequential::new();
        for (block, (in_channels, ..)) in shapes[..config.blocks].iter().enumerate() {
            let vb = vb.pp(format!("block{block}"));
            stack = stack.with(ConvBlock::new(config.block(*in_channels), vb)?);
        }
        Ok(stack.with(Flatten))
    }

    /// The sizes.
    pub fn config(&self) -> Conv4Config {
        self.config
    }

    /// Refuses images of another size: `lead` dimensions stand before the image.
    fn check(&self, dims: &[usize], lead: usize) -> Result<()> {
        let (c, h, w) = self.config.image;
        if dims.len() == lead + 3 && dims[lead..] == [c, h, w] {
            return Ok(());
        }
        let before = ["", "examples, ", "tasks, examples, "][lead.min(2)];
        let expected = format!("({before}{c}, {h}, {w})");
        Err(Error::Shape { layer: LAYER, what: "input", expected, got: dims.to_vec() })
    }

    fn check_input(&self, input: &Input) -> Result<()> {
        match input {
            Input::Examples(x) => self.check(x.dims(), 2),
            Input::Prepared(_) => Ok(()),
        }
    }
}

impl Module for Conv4 {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.check(x.dims(), 1)?;
        Module::forward(&self.stack, x)
    }
}

impl Layer for Conv4 {
    fn parameters(&self) -> Parameters {
        self.stack.parameters()
    }

    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> Result<Input> {
        self.check(examples.dims(), 2)?;
        self.stack.prepare(values, examples, uses)
    }

    fn draws_nothing(&self) -> bool {
        self.stack.draws_nothing()
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.check_input(input)?;
        self.stack.forward_tasks(values, input)
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        self.check_input(input)?;
        self.stack.forward_with_statistics(values, input)
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.stack.weights(values)
    }

    fn summarize(&self, example: &[usize]) -> Result<Vec<LayerSummary>> {
        self.check(example, 0)?;
        self.stack.summarize(example)
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        self.stack.record(values)
    }
}
