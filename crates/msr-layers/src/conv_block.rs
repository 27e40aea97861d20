//! A block of a convolutional network: convolution, normalisation, ReLU, pool, as one layer.

use candle_core::Tensor;
use candle_nn::{Module, VarBuilder};
use msr_autodiff::{Node, Pool, Unary, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::batch_norm::{BatchNorm, BatchNormConfig, Statistics};
use crate::conv2d::Conv2d;
use crate::convolution::{Conv2dConfig, Convolution};
use crate::error::{Error, Result};
use crate::layer::{Input, Layer, Weight};
use crate::parameters::Parameters;
use crate::pool2d::{MaxPool2d, Pool2dConfig};
use crate::record::{LayerRecord, data};
use crate::reparam::conv2d::{ReparamConv2d, ReparamConv2dConfig};
use crate::summary::Flops;
use crate::values::{Counts, Values};

const LAYER: &str = "ConvBlock";

/// The convolution of a [`ConvBlock`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockConv {
    /// Its weights are the parameters.
    Plain(Conv2dConfig),
    /// Its weights are `vec(W) = U v`.
    Reparam(ReparamConv2dConfig),
}

impl BlockConv {
    /// The sizes of the convolution.
    pub fn sizes(&self) -> Conv2dConfig {
        match self {
            BlockConv::Plain(conv) => *conv,
            BlockConv::Reparam(config) => config.conv,
        }
    }
}

/// The parts of a [`ConvBlock`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvBlockConfig {
    /// The convolution; it has no bias, which the normalisation would take away again.
    pub conv: BlockConv,
    /// The normalisation of its output channels.
    pub norm: BatchNormConfig,
    /// The windows of the max-pool at the end, if there is one.
    pub pool: Option<Pool2dConfig>,
}

impl ConvBlockConfig {
    /// This convolution, statistics of the batch, a 2 × 2 max-pool.
    pub fn new(conv: BlockConv) -> Self {
        let norm = BatchNormConfig::new(conv.sizes().out_channels);
        Self { conv, norm, pool: Some(Pool2dConfig::new(2)) }
    }

    /// What becomes of an image: `(c, h, w) -> (o, oh, ow)`.
    ///
    /// # Errors
    /// [`Error::Config`] with the sizes when the convolution or the pool does not fit the image.
    pub fn output(&self, image: (usize, usize, usize)) -> Result<(usize, usize, usize)> {
        let (conv, (c, h, w)) = (self.conv.sizes(), image);
        if c != conv.in_channels {
            let problem = format!("the image has {c} channels, the convolution {}", conv.in_channels);
            return Err(Error::Config { layer: LAYER, problem });
        }
        let fits = |what: &str, found: msr_autodiff::KernelResult<(usize, usize)>| {
            found.map_err(|e| Error::Config { layer: LAYER, problem: format!("{what}: {e}") })
        };
        let (oh, ow) = fits("convolution", conv.window().output((h, w)))?;
        let (oh, ow) = match self.pool {
            Some(pool) => fits("max-pool", pool.window().output((oh, ow)))?,
            None => (oh, ow),
        };
        Ok((conv.out_channels, oh, ow))
    }
}

/// A block of a convolutional network: convolution → batch normalisation → ReLU → max-pool (or
/// none, with a strided convolution).
///
/// Tensors: those of [`Conv2d`] or [`ReparamConv2d`] under `conv`, those of [`BatchNorm`] under
/// `norm`.
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, o, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, o,
/// oh, ow)`.
///
/// # Example
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::Module;
/// use msr_layers::{BlockConv, Conv2dConfig, ConvBlock, ConvBlockConfig, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
/// let conv = Conv2dConfig { padding: 1, ..Conv2dConfig::new(3, 8, 3) };
/// let block = ConvBlock::new(ConvBlockConfig::new(BlockConv::Plain(conv)), vb)?;
/// assert_eq!(block.config().output((3, 28, 28))?, (8, 14, 14));
/// let y = block.forward(&Tensor::ones((2, 3, 28, 28), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(y.dims(), [2, 8, 14, 14]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConvBlock {
    config: ConvBlockConfig,
    name: String,
    conv: Conv,
    norm: BatchNorm,
    /// The numbers of the values of the convolution and of the normalisation.
    counts: [Counts; 2],
}

/// Either kind of convolution.
#[derive(Clone, Debug)]
enum Conv {
    Plain(Conv2d),
    Reparam(ReparamConv2d),
}

impl Conv {
    fn layer(&self) -> &dyn Layer {
        match self {
            Conv::Plain(conv) => conv,
            Conv::Reparam(conv) => conv,
        }
    }

    fn convolution(&self) -> Convolution {
        match self {
            Conv::Plain(conv) => conv.convolution(),
            Conv::Reparam(conv) => conv.convolution(),
        }
    }

    /// W of each task, `(t, o, c k²)`.
    fn weight(&self, values: &Values) -> Result<Node> {
        match self {
            Conv::Plain(conv) => conv.expanded(values),
            Conv::Reparam(conv) => conv.expanded(values),
        }
    }

    /// W of the parameters as they are, `(o, c k²)`.
    fn own_weight(&self) -> Result<Tensor> {
        match self {
            Conv::Plain(conv) => conv.own_weight(),
            Conv::Reparam(conv) => conv.own_weight(),
        }
    }
}

impl ConvBlock {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When the parts do not fit each other, as [`Conv2d::new`], [`ReparamConv2d::new`] or
    /// [`BatchNorm::new`].
    pub fn new(config: ConvBlockConfig, vb: VarBuilder) -> Result<Self> {
        let sizes = config.conv.sizes();
        let problem = if sizes.bias {
            Some("the convolution of a block has no bias; the normalisation has one".to_string())
        } else if config.norm.features != sizes.out_channels {
            Some(format!(
                "norm.features is {}, the convolution has {} output channels",
                config.norm.features, sizes.out_channels
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(Error::Config { layer: LAYER, problem });
        }
        let conv = match config.conv {
            BlockConv::Plain(conv) => Conv::Plain(Conv2d::new(conv, vb.pp("conv"))?),
            BlockConv::Reparam(conv) => Conv::Reparam(ReparamConv2d::new(conv, vb.pp("conv"))?),
        };
        let norm = BatchNorm::new(config.norm, vb.pp("norm"))?;
        let counts = [Counts::of(&conv.layer().parameters()), Counts::of(&norm.parameters())];
        Ok(Self { config, name: vb.prefix(), conv, norm, counts })
    }

    /// The parts.
    pub fn config(&self) -> ConvBlockConfig {
        self.config
    }

    /// convolution → normalisation → ReLU → pool, and the statistics of the normalisation: `columns
    /// (t, b, c k², oh, ow)`, `weight (t, o, c k²)`, statistics that are given and γ, β as
    /// [`BatchNorm::apply`] takes them.
    fn block<V: Value>(
        &self,
        columns: &V,
        weight: &V,
        given: Option<[&V; 2]>,
        affine: &[&V],
    ) -> Result<(V, [V; 2])> {
        self.after(&self.conv.convolution().apply(weight, None, columns)?, given, affine)
    }

    /// normalisation → ReLU → pool.
    fn after<V: Value>(&self, y: &V, given: Option<[&V; 2]>, affine: &[&V]) -> Result<(V, [V; 2])> {
        let (y, statistics) = self.norm.apply(y, given, affine)?;
        let y = y.map(Unary::Relu)?;
        let y = match self.config.pool {
            Some(pool) => MaxPool2d::new(pool).apply(&y)?,
            None => y,
        };
        Ok((y, statistics))
    }

    /// The values of the convolution, and those of the normalisation.
    fn split(&self, values: &Values) -> Result<[Values; 2]> {
        values.halves(self.counts).ok_or_else(|| self.parameters().wrong_count(LAYER, values))
    }

    fn of_tasks(&self, values: &Values, input: &Input) -> Result<(Node, Option<[Node; 2]>)> {
        let [conv, norm] = self.split(values)?;
        let x = input.node();
        let affine = self.norm.checked(&norm, x)?;
        let y = self.conv.convolution().of_tasks(&self.conv.weight(&conv)?, x)?;
        if let Some((pool, [gamma, beta])) = self.in_one(&y, &affine)? {
            return Ok((y.norm_relu_pool(&gamma, &beta, self.config.norm.eps, pool)?, None));
        }
        let (y, statistics) = self.after(&y, self.norm.given(&norm)?, &affine)?;
        Ok((y, Some(statistics)))
    }

    /// How normalisation, ReLU and pool of the outputs of a convolution are one operation, where
    /// they are: γ and β of each task.
    fn in_one(&self, y: &Node, affine: &[&Node]) -> Result<Option<(Pool, [Node; 2])>> {
        let pool = match self.config.pool {
            None => Pool::None,
            Some(Pool2dConfig { kernel: 2, stride: 2 }) => Pool::TwoByTwo,
            Some(_) => return Ok(None),
        };
        let (&[t, b, c, h, w], &[gamma, beta]) = (y.dims(), affine) else { return Ok(None) };
        let many = b * h * w > 1 && h.min(w) >= pool.side();
        if self.config.norm.statistics != Statistics::Batch || !many {
            return Ok(None);
        }
        // Shared ones have no tasks.
        let of_tasks = |v: &Node| v.reshape(&[v.elem_count() / c, c])?.broadcast_to(&[t, c]);
        Ok(Some((pool, [of_tasks(gamma)?, of_tasks(beta)?])))
    }
}

/// Predictions, as [`BatchNorm`]'s.
impl Module for ConvBlock {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let columns = self.conv.convolution().columns(x)?.unsqueeze(0)?;
        let weight = self.conv.own_weight()?.unsqueeze(0)?;
        let (affine, given) = (self.norm.own_affine(), self.norm.running());
        self.block(&columns, &weight, given, &affine)?.0.squeeze(0)
    }
}

impl Layer for ConvBlock {
    fn parameters(&self) -> Parameters {
        let mut all = self.conv.layer().parameters();
        all.append(self.norm.parameters());
        all
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        Ok(self.of_tasks(values, input)?.0)
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        let (y, statistics) = self.of_tasks(values, input)?;
        let statistics = statistics.filter(|_| !values.buffers.is_empty());
        Ok((y, statistics.map(Vec::from).unwrap_or_default()))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        let [conv, norm] = self.split(values)?;
        self.norm.parameters().check(LAYER, &norm)?;
        self.conv.layer().weights(&conv)
    }

    /// The convolution, six for each number of the normalisation, one of the ReLU, and the windows
    /// of the pool.
    fn flops(&self, example: &[usize], output: &[usize]) -> Option<Flops> {
        let &[_, h, w] = example else { return None };
        let (oh, ow) = self.config.conv.sizes().window().output((h, w)).ok()?;
        let conv = [self.config.norm.features, oh, ow];
        let mut flops = self.conv.layer().flops(example, &conv)?;
        let window = self.config.pool.map_or(0, |pool| pool.kernel * pool.kernel);
        let rest = 7 * conv.iter().product::<usize>() + window * output.iter().product::<usize>();
        flops.per_example += rest as u64;
        Some(flops)
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let [conv, norm] = self.split(values)?;
        let (Some(mut record), Some(norm)) = (self.conv.layer().record(&conv)?, self.norm.record(&norm)?)
        else {
            return Ok(None);
        };
        let kind = if matches!(self.conv, Conv::Plain(_)) { "plain" } else { "reparam" };
        let mut config = data(LAYER, &self.config)?;
        config["conv"] = json!({ kind: record.spec["config"] });
        record.spec = json!({ "layer": "conv_block", "name": self.name, "config": config });
        record.tensors.extend(norm.tensors);
        Ok(Some(record))
    }
}
