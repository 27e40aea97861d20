//! Convolution over two dimensions.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, SecondMoments, Value, room_for};

use crate::convolution::{Conv2dConfig, Convolution};
use crate::error::Result;
use crate::layer::{Input, Layer, LinearInAdapted, Weight};
use crate::linear::bias_parameter;
use crate::normal_equations::NormalEquations;
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "Conv2d";

/// A convolution: `y[o, r, s] = b[o] + Σ_{c,i,j} W[o, c, i, j] x[c, r · stride + i − padding, s ·
/// stride + j − padding]`.
///
/// Tensors: `weight (o, c, k, k)`, `bias (o)`; both adapted. Weights start from U(−1/√(c k²), 1/√(c
/// k²)).
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, o, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, o,
/// oh, ow)`.
#[derive(Clone, Debug)]
pub struct Conv2d {
    config: Conv2dConfig,
    convolution: Convolution,
    parameters: Parameters,
}

impl Conv2d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero or `vb` has a tensor of another shape.
    pub fn new(config: Conv2dConfig, vb: VarBuilder) -> Result<Self> {
        let convolution = Convolution::new(LAYER, config)?;
        let (o, c, k, bound) = (config.out_channels, config.in_channels, config.kernel, config.bound());
        let init = Init::Uniform { lo: -bound, up: bound };
        let mut adapted = vec![Parameter::new(&vb, "weight", &[o, c, k, k], init)?];
        if config.bias {
            adapted.push(bias_parameter(&vb, o, bound)?);
        }
        Ok(Self { config, convolution, parameters: Parameters::new(Vec::new(), adapted) })
    }

    /// The sizes.
    pub fn config(&self) -> Conv2dConfig {
        self.config
    }

    /// The numerics.
    pub(crate) fn convolution(&self) -> Convolution {
        self.convolution
    }

    /// The weight of each task, `(t, o, c k²)`.
    pub(crate) fn expanded(&self, values: &Values) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        self.flat(&values.adapted[0])
    }

    /// The weight of the parameters as they are, `(o, c k²)`.
    pub(crate) fn own_weight(&self) -> Result<Tensor> {
        self.flat(&self.parameters.adapted[0].tensor)
    }

    /// `weight (…, o, c, k, k)` as `(…, o, c k²)`.
    fn flat<V: Value>(&self, weight: &V) -> Result<V> {
        let lead = &weight.dims()[..weight.dims().len() - 4];
        Ok(weight.reshape(&[lead, &[self.config.out_channels, self.config.fan_in()]].concat())?)
    }

    /// The weight `(k, o, c k²)` that each entry of the weight stands for.
    fn unit_weights(&self) -> Result<Node> {
        let (o, fan_in) = (self.config.out_channels, self.config.fan_in());
        let like = &self.parameters.adapted[0].tensor;
        let k = o * fan_in;
        room_for(LAYER, &[k, k])?;
        let units = msr_autodiff::identity(k, like.dtype(), like.device())?;
        Ok(Node::constant(&units.reshape((k, o, fan_in))?))
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let columns = self.convolution.columns(x)?;
        let bias = self.parameters.adapted.get(1).map(|b| &b.tensor);
        Ok(self.convolution.apply(&self.own_weight()?, bias, &columns)?)
    }
}

impl Layer for Conv2d {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn prepare(&self, _: &Values, examples: &Node, uses: usize) -> Result<Input> {
        self.convolution.prepare(examples, uses)
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.convolution.forward(&self.expanded(values)?, values.adapted.get(1), input)
    }

    fn linear_in_adapted(&self) -> Option<&dyn LinearInAdapted> {
        Some(self)
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(self.convolution.flops(output))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.parameters.check(LAYER, values)?;
        Ok(vec![Weight { layer: prefix(&self.parameters), value: values.adapted[0].clone() }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        Ok(Some(LayerRecord::new(LAYER, "conv2d", &self.config, &self.parameters, values)?))
    }
}

impl LinearInAdapted for Conv2d {
    fn second_moments(
        &self,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        self.convolution.second_moments(examples, targets, uses)
    }

    fn precise_moments(&self, examples: &Tensor, targets: &Tensor) -> Result<Option<SecondMoments>> {
        self.convolution.precise_moments(examples, targets)
    }

    fn squared_error(&self, values: &Values, moments: &SecondMoments) -> Result<Option<Node>> {
        self.convolution.squared_error(&self.expanded(values)?, values.adapted.get(1), moments)
    }

    fn normal_equations(
        &self,
        values: &Values,
        examples: &Node,
        targets: &Tensor,
    ) -> Result<NormalEquations> {
        self.parameters.check_shared(LAYER, values)?;
        self.convolution.normal_equations(self, values, examples, targets, Some(|| self.unit_weights()))
    }

    fn normal_equations_from(
        &self,
        values: &Values,
        moments: &SecondMoments,
    ) -> Result<Option<NormalEquations>> {
        self.parameters.check_shared(LAYER, values)?;
        Ok(Some(self.convolution.equations_from(&self.unit_weights()?, moments)?))
    }
}
