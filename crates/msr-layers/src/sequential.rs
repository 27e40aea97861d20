//! Layers one after the other.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::Node;

use crate::error::Result;
use crate::layer::{Input, Layer, Parameter, missing};

/// What a stack is made of: anything that is both a [`Layer`] and a candle-nn `Module`.
trait Stage: Layer + Module {}
impl<T: Layer + Module> Stage for T {}

/// A stack of layers; itself a [`Layer`] and a candle-nn `Module`.
///
/// # Example
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::Module;
/// use msr_layers::{Activation, Linear, LinearConfig, ReparamLinear, ReparamLinearConfig, SeededVars, Sequential};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vars = SeededVars::new(0);
/// let vb = vars.builder(DType::F32, &Device::Cpu);
/// let net = Sequential::new()
///     .with(ReparamLinear::new(ReparamLinearConfig::new(12, 10, 4), vb.pp("body"))?)
///     .with(Activation::Relu)
///     .with(Linear::new(LinearConfig::new(10, 2), vb.pp("head"))?);
/// let y = net.forward(&Tensor::zeros((5, 12), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(y.dims(), [5, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Sequential {
    /// Each layer with the number of its parameters.
    layers: Vec<(Box<dyn Stage>, usize)>,
}

impl Sequential {
    /// A stack without layers: the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a layer on top.
    #[must_use]
    pub fn with(mut self, layer: impl Layer + Module + 'static) -> Self {
        let count = layer.parameters().len();
        self.layers.push((Box::new(layer), count));
        self
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is no layer.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, (layer, _)| Module::forward(layer.as_ref(), &x))
    }
}

impl Layer for Sequential {
    fn parameters(&self) -> Vec<Parameter> {
        self.layers.iter().flat_map(|(layer, _)| layer.parameters()).collect()
    }

    fn prepare(&self, parameters: &[Node], examples: &Node, uses: usize) -> Result<Input> {
        match self.layers.first() {
            Some((first, _)) => first.prepare(parameters, examples, uses),
            None => Ok(Input::Examples(examples.clone())),
        }
    }

    fn forward_tasks(&self, parameters: &[Node], input: &Input) -> Result<Node> {
        let mut rest = parameters;
        let mut input = input.clone();
        for (layer, count) in &self.layers {
            let (mine, others) =
                rest.split_at_checked(*count).ok_or_else(|| missing("Sequential", parameters.len()))?;
            input = Input::Examples(Layer::forward_tasks(layer.as_ref(), mine, &input)?);
            rest = others;
        }
        if !rest.is_empty() {
            return Err(missing("Sequential", parameters.len()));
        }
        Ok(input.node().clone())
    }
}
