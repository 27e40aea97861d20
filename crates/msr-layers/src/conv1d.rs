//! Convolution over one dimension.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, Value, Window};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, Weight};
use crate::linear::bias_parameter;
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "Conv1d";

/// The sizes of a [`Conv1d`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv1dConfig {
    /// The number of input channels, `c`.
    pub in_channels: usize,
    /// The number of output channels, `o`.
    pub out_channels: usize,
    /// The size of the filter, `k`.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// Zeros on each side of the input.
    pub padding: usize,
    /// Whether there is a bias per output channel, initialised from U(−1/√(c k), 1/√(c k)).
    pub bias: bool,
}

impl Conv1dConfig {
    /// Stride one, no padding, no bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        Self { in_channels, out_channels, kernel, stride: 1, padding: 0, bias: false }
    }
}

/// A convolution: `y[o, l] = b[o] + Σ_{c,j} W[o, c, j] x[c, l · stride + j − padding]`.
///
/// Tensors: `weight (o, c, k)`, `bias (o)`; both adapted. Weights start from U(−1/√(c k), 1/√(c
/// k)).
///
/// # Shapes
/// As a `Module`: `(b, c, len) -> (b, o, l)`. As a [`Layer`]: `(t, b, c, len) -> (t, b, o, l)`.
#[derive(Clone, Debug)]
pub struct Conv1d {
    config: Conv1dConfig,
    parameters: Parameters,
}

impl Conv1d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero or `vb` has a tensor of another shape.
    pub fn new(config: Conv1dConfig, vb: VarBuilder) -> Result<Self> {
        let Conv1dConfig { in_channels: c, out_channels: o, kernel: k, stride, bias, .. } = config;
        let sizes = [("in_channels", c), ("out_channels", o), ("kernel", k), ("stride", stride)];
        require_sizes(LAYER, &sizes)?;
        let bound = 1.0 / ((c * k) as f64).sqrt();
        let init = Init::Uniform { lo: -bound, up: bound };
        let mut adapted = vec![Parameter::new(&vb, "weight", &[o, c, k], init)?];
        if bias {
            adapted.push(bias_parameter(&vb, o, bound)?);
        }
        Ok(Self { config, parameters: Parameters::new(Vec::new(), adapted) })
    }

    /// The sizes.
    pub fn config(&self) -> Conv1dConfig {
        self.config
    }

    /// The windows of `x (…, c, len)` as columns `(…, c · k, l)`.
    fn columns<V: Value>(&self, x: &V) -> Result<V> {
        let Conv1dConfig { in_channels, kernel, stride, padding, .. } = self.config;
        columns(LAYER, x, in_channels, Window::line(kernel, stride, padding))
    }

    /// `weight (…, o, c, k)`, `bias (…, o)`, `columns (…, b, c · k, l) -> (…, b, o, l)`.
    fn apply<V: Value>(&self, weight: &V, bias: Option<&V>, columns: &V) -> Result<V> {
        let Conv1dConfig { in_channels, out_channels, kernel, .. } = self.config;
        let lead = &weight.dims()[..weight.dims().len() - 3];
        let y =
            weight.reshape(&[lead, &[1, out_channels, in_channels * kernel]].concat())?.matmul(columns)?;
        match bias {
            Some(bias) => Ok(y.add(&bias.reshape(&[lead, &[1, out_channels, 1]].concat())?)?),
            None => Ok(y),
        }
    }
}

/// The windows of `x (…, channels, len)` as columns; refuses another number of channels.
pub(crate) fn columns<V: Value>(layer: &'static str, x: &V, channels: usize, window: Window) -> Result<V> {
    let [lead @ .., c, len] = x.dims() else {
        return Err(wrong_input(layer, channels, x.dims()));
    };
    if lead.is_empty() || *c != channels {
        return Err(wrong_input(layer, channels, x.dims()));
    }
    Ok(x.reshape(&[lead, &[*c, 1, *len]].concat())?.im2col(window)?)
}

/// Refuses examples that are not `(t, b, c, len)`.
pub(crate) fn check_tasks(layer: &'static str, x: &Node, channels: usize) -> Result<()> {
    if x.rank() < 4 {
        let expected = format!("(tasks, examples, {channels}, length)");
        return Err(Error::Shape { layer, what: "input", expected, got: x.dims().to_vec() });
    }
    Ok(())
}

fn wrong_input(layer: &'static str, channels: usize, got: &[usize]) -> Error {
    Error::Shape {
        layer,
        what: "input",
        expected: format!("(…, examples, {channels}, length)"),
        got: got.to_vec(),
    }
}

impl Module for Conv1d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let adapted = &self.parameters.adapted;
        Ok(self.apply(&adapted[0].tensor, adapted.get(1).map(|b| &b.tensor), &self.columns(x)?)?)
    }
}

impl Layer for Conv1d {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn prepare(&self, _: &Values, examples: &Node, _: usize) -> Result<Input> {
        check_tasks(LAYER, examples, self.config.in_channels)?;
        Ok(Input::Prepared(self.columns(examples)?))
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        let (weight, bias) = (&values.adapted[0], values.adapted.get(1));
        match input {
            Input::Examples(x) => {
                check_tasks(LAYER, x, self.config.in_channels)?;
                self.apply(weight, bias, &self.columns(x)?)
            }
            Input::Prepared(columns) => self.apply(weight, bias, columns),
        }
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(Flops::per_example(
            output.iter().product::<usize>()
                * (2 * self.config.in_channels * self.config.kernel + usize::from(self.config.bias)),
        ))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.parameters.check(LAYER, values)?;
        Ok(vec![Weight { layer: prefix(&self.parameters), value: values.adapted[0].clone() }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        Ok(Some(LayerRecord::new(LAYER, "conv1d", &self.config, &self.parameters, values)?))
    }
}
