//! Convolution over two dimensions: windows as columns, then one batched product.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, Value, Window};

use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, Parameter, Role, check_parameters, full_name};
use crate::linear::bias_parameter;

/// The sizes of a convolution over two dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dConfig {
    /// The number of input channels, `c`.
    pub in_channels: usize,
    /// The number of output channels, `o`.
    pub out_channels: usize,
    /// The number of taps along a side of the filter, `k`.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// Zeros on each side of the image.
    pub padding: usize,
    /// Whether there is a bias per output channel, initialised from U(−1/√(c k²), 1/√(c k²)).
    pub bias: bool,
}

impl Conv2dConfig {
    /// Stride one, no padding, no bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        Self { in_channels, out_channels, kernel, stride: 1, padding: 0, bias: false }
    }

    /// Refuses sizes of zero.
    pub(crate) fn check(self, layer: &'static str) -> Result<()> {
        let Self { in_channels, out_channels, kernel, stride, .. } = self;
        let sizes = [
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("kernel", kernel),
            ("stride", stride),
        ];
        require_sizes(layer, &sizes)
    }

    /// The number of weights of an output channel, `c k²`.
    pub(crate) fn fan_in(self) -> usize {
        self.in_channels * self.kernel * self.kernel
    }

    /// The bound of the uniform initialisation, `1/√(c k²)`.
    pub(crate) fn bound(self) -> f64 {
        1.0 / (self.fan_in() as f64).sqrt()
    }

    /// The windows of `x (…, b, c, h, w)` as columns `(…, b, c · k², oh, ow)`.
    pub(crate) fn columns<V: Value>(self, layer: &'static str, x: &V) -> Result<V> {
        let shape = x.shape_of();
        let [lead @ .., channels, h, w] = shape else { return Err(self.wrong_input(layer, shape)) };
        if lead.is_empty() || *channels != self.in_channels {
            return Err(self.wrong_input(layer, shape));
        }
        let window = Window::square(self.kernel, self.stride, self.padding);
        let (oh, ow) =
            window.output((*h, *w)).map_err(|e| Error::Config { layer, problem: e.to_string() })?;
        Ok(x.columns(window)?.shaped(&[lead, &[self.fan_in(), oh, ow]].concat())?)
    }

    /// `weight (…, o, c k²)`, `bias (…, o)`, `columns (…, b, c k², oh, ow) -> (…, b, o, oh, ow)`.
    pub(crate) fn apply<V: Value>(
        self,
        layer: &'static str,
        weight: &V,
        bias: Option<&V>,
        columns: &V,
    ) -> Result<V> {
        let shape = columns.shape_of();
        let [lead @ .., fan_in, oh, ow] = shape else { return Err(self.wrong_input(layer, shape)) };
        if lead.is_empty() || *fan_in != self.fan_in() {
            return Err(self.wrong_input(layer, shape));
        }
        let (lead, size) = (lead.to_vec(), (*oh, *ow));
        let flat = columns.shaped(&[&lead[..], &[self.fan_in(), size.0 * size.1]].concat())?;
        let before = &weight.shape_of()[..weight.shape_of().len() - 2];
        let weight = weight.shaped(&[before, &[1, self.out_channels, self.fan_in()]].concat())?;
        let mut y = weight.times(&flat)?;
        if let Some(bias) = bias {
            let before = &bias.shape_of()[..bias.shape_of().len() - 1];
            y = y.plus(&bias.shaped(&[before, &[1, self.out_channels, 1]].concat())?)?;
        }
        Ok(y.shaped(&[&lead[..], &[self.out_channels, size.0, size.1]].concat())?)
    }

    fn wrong_input(self, layer: &'static str, got: &[usize]) -> Error {
        let expected = format!("(…, examples, {}, height, width)", self.in_channels);
        Error::Shape { layer, what: "input", expected, got: got.to_vec() }
    }
}

/// A convolution: `y[o, r, s] = b[o] + Σ_{c,i,j} W[o, c, i, j] x[c, r · stride + i − padding, s · stride + j − padding]`.
///
/// Tensors: `weight (o, c, k, k)`, `bias (o)`; both adapted. Weights start from U(−1/√(c k²), 1/√(c k²)).
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, o, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, o, oh, ow)`.
#[derive(Clone, Debug)]
pub struct Conv2d {
    config: Conv2dConfig,
    weight: Parameter,
    bias: Option<Parameter>,
}

const LAYER: &str = "Conv2d";

impl Conv2d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero or `vb` has a tensor of another shape.
    pub fn new(config: Conv2dConfig, vb: VarBuilder) -> Result<Self> {
        config.check(LAYER)?;
        let (o, c, k, bound) = (config.out_channels, config.in_channels, config.kernel, config.bound());
        let weight = Parameter {
            name: full_name(&vb, "weight"),
            tensor: vb.get_with_hints((o, c, k, k), "weight", Init::Uniform { lo: -bound, up: bound })?,
            role: Role::Adapted,
        };
        let bias = if config.bias { Some(bias_parameter(&vb, o, bound)?) } else { None };
        Ok(Self { config, weight, bias })
    }

    /// The sizes.
    pub fn config(&self) -> Conv2dConfig {
        self.config
    }

    /// `weight (…, o, c, k, k)` as `(…, o, c k²)`.
    fn flat<V: Value>(&self, weight: &V) -> Result<V> {
        let lead = &weight.shape_of()[..weight.shape_of().len() - 4];
        Ok(weight.shaped(&[lead, &[self.config.out_channels, self.config.fan_in()]].concat())?)
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let columns = self.config.columns(LAYER, x)?;
        let bias = self.bias.as_ref().map(|b| &b.tensor);
        Ok(self.config.apply(LAYER, &self.flat(&self.weight.tensor)?, bias, &columns)?)
    }
}

impl Layer for Conv2d {
    fn parameters(&self) -> Vec<Parameter> {
        std::iter::once(&self.weight).chain(&self.bias).cloned().collect()
    }

    fn prepare(&self, _: &[Node], examples: &Node, _: usize) -> Result<Input> {
        Ok(Input::Prepared(self.config.columns(LAYER, examples)?))
    }

    fn forward_tasks(&self, parameters: &[Node], input: &Input) -> Result<Node> {
        check_parameters(LAYER, std::iter::once(&self.weight).chain(&self.bias), parameters)?;
        let (weight, bias) = (self.flat(&parameters[0])?, parameters.get(1));
        match input {
            Input::Examples(x) => self.config.apply(LAYER, &weight, bias, &self.config.columns(LAYER, x)?),
            Input::Prepared(columns) => self.config.apply(LAYER, &weight, bias, columns),
        }
    }
}
