//! Local connections without weight sharing.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, Value, Window};
use serde::{Deserialize, Serialize};

use crate::conv1d::{check_tasks, columns};
use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, Weight};
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "LocallyConnected1d";

/// The sizes of a [`LocallyConnected1d`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocallyConnected1dConfig {
    /// The number of input channels, `c`.
    pub in_channels: usize,
    /// The number of output channels, `o`.
    pub out_channels: usize,
    /// The length of the input.
    pub length: usize,
    /// The size of the filter, `k`.
    pub kernel: usize,
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// Whether there is a bias per output, initialised from U(−1/√(c k), 1/√(c k)).
    pub bias: bool,
}

impl LocallyConnected1dConfig {
    /// One channel in and out, stride one, no bias.
    pub fn new(length: usize, kernel: usize) -> Self {
        Self { in_channels: 1, out_channels: 1, length, kernel, stride: 1, bias: false }
    }

    fn window(&self) -> Window {
        Window::line(self.kernel, self.stride, 0)
    }
}

/// A convolution whose filter differs from position to position:
/// `y[o, l] = b[o, l] + Σ_{c,j} W[l, o, (c, j)] x[c, l · stride + j]`.
///
/// Tensors: `weight (l, o, c · k)`, `bias (o, l)`; both adapted. Weights start from
/// U(−1/√(c k), 1/√(c k)).
///
/// # Shapes
/// As a `Module`: `(b, c, len) -> (b, o, l)`. As a [`Layer`]: `(t, b, c, len) -> (t, b, o, l)`.
#[derive(Clone, Debug)]
pub struct LocallyConnected1d {
    config: LocallyConnected1dConfig,
    positions: usize,
    parameters: Parameters,
}

impl LocallyConnected1d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero, the filter is longer than the input, or `vb` has a tensor of another
    /// shape.
    pub fn new(config: LocallyConnected1dConfig, vb: VarBuilder) -> Result<Self> {
        let LocallyConnected1dConfig { in_channels: c, out_channels: o, length, kernel: k, stride, bias } =
            config;
        let sizes =
            [("in_channels", c), ("out_channels", o), ("length", length), ("kernel", k), ("stride", stride)];
        require_sizes(LAYER, &sizes)?;
        let (_, positions) = config
            .window()
            .output((1, length))
            .map_err(|e| Error::Config { layer: LAYER, problem: e.to_string() })?;
        let bound = 1.0 / ((c * k) as f64).sqrt();
        let init = Init::Uniform { lo: -bound, up: bound };
        let mut adapted = vec![Parameter::new(&vb, "weight", &[positions, o, c * k], init)?];
        if bias {
            adapted.push(Parameter::new(&vb, "bias", &[o, positions], init)?);
        }
        Ok(Self { config, positions, parameters: Parameters::new(Vec::new(), adapted) })
    }

    /// The sizes.
    pub fn config(&self) -> LocallyConnected1dConfig {
        self.config
    }

    /// The windows of `x (…, b, c, len)`, position first: `(…, l, c · k, b)`.
    fn windows<V: Value>(&self, x: &V) -> Result<V> {
        if x.dims().last() != Some(&self.config.length) {
            return Err(Error::Shape {
                layer: LAYER,
                what: "input",
                expected: format!("(…, examples, {}, {})", self.config.in_channels, self.config.length),
                got: x.dims().to_vec(),
            });
        }
        let columns = columns(LAYER, x, self.config.in_channels, self.config.window())?;
        let shape = columns.dims();
        let rank = shape.len();
        let mut order: Vec<usize> = (0..rank - 3).collect();
        order.extend([rank - 1, rank - 2, rank - 3]);
        Ok(columns.permute(&order)?)
    }

    /// `weight (…, l, o, c · k)`, `bias (…, o, l)`, `windows (…, l, c · k, b) -> (…, b, o, l)`.
    fn apply<V: Value>(&self, weight: &V, bias: Option<&V>, windows: &V) -> Result<V> {
        let y = weight.matmul(windows)?;
        let rank = y.dims().len();
        let mut order: Vec<usize> = (0..rank - 3).collect();
        order.extend([rank - 1, rank - 2, rank - 3]);
        let y = y.permute(&order)?;
        match bias {
            Some(bias) => {
                let lead = &bias.dims()[..bias.dims().len() - 2];
                let bias = bias.reshape(&[lead, &[1, self.config.out_channels, self.positions]].concat())?;
                Ok(y.add(&bias)?)
            }
            None => Ok(y),
        }
    }
}

impl Module for LocallyConnected1d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let adapted = &self.parameters.adapted;
        Ok(self.apply(&adapted[0].tensor, adapted.get(1).map(|b| &b.tensor), &self.windows(x)?)?)
    }
}

impl Layer for LocallyConnected1d {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn prepare(&self, _: &Values, examples: &Node, _: usize) -> Result<Input> {
        check_tasks(LAYER, examples, self.config.in_channels)?;
        Ok(Input::Prepared(self.windows(examples)?))
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
                self.apply(weight, bias, &self.windows(x)?)
            }
            Input::Prepared(windows) => self.apply(weight, bias, windows),
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
        Ok(Some(LayerRecord::new(LAYER, "locally_connected1d", &self.config, &self.parameters, values)?))
    }
}
