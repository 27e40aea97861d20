//! Layers one after the other.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::Node;
use serde_json::json;

use crate::error::{Error, Result};
use crate::layer::{Input, Layer, Weight};
use crate::parameters::Parameters;
use crate::record::LayerRecord;
use crate::summary::LayerSummary;
use crate::values::{Counts, Values};

const LAYER: &str = "Sequential";

/// What a stack is made of: anything that is both a [`Layer`] and a candle-nn `Module`.
pub(crate) trait Stage: Layer + Module {}
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
    /// Each layer with the numbers of its values.
    layers: Vec<(Box<dyn Stage>, Counts)>,
}

impl std::fmt::Debug for Sequential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.parameters().iter().map(|p| p.name.clone()).collect();
        f.debug_struct("Sequential").field("layers", &self.len()).field("parameters", &names).finish()
    }
}

impl Sequential {
    /// A stack without layers: the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a layer on top.
    #[must_use]
    pub fn with(mut self, layer: impl Layer + Module + 'static) -> Self {
        self.push(Box::new(layer));
        self
    }

    pub(crate) fn push(&mut self, layer: Box<dyn Stage>) {
        let counts = Counts::of(&layer.parameters());
        self.layers.push((layer, counts));
    }

    /// Each layer with its own values.
    fn with_values(&self, values: &Values) -> Result<Vec<(&dyn Stage, Values)>> {
        let mut at = Counts::default();
        let mut split = Vec::with_capacity(self.layers.len());
        for (layer, counts) in &self.layers {
            let own = values.take(&mut at, *counts).ok_or_else(|| self.wrong_count(values))?;
            split.push((layer.as_ref(), own));
        }
        if at == Counts::in_values(values) { Ok(split) } else { Err(self.wrong_count(values)) }
    }

    /// How many layers, counted from the first, do the same in every inner step.
    fn fixed(&self, layers: &[(&dyn Stage, Values)]) -> usize {
        let same =
            |(layer, own): &&(&dyn Stage, Values)| own.fixed == own.adapted.len() && layer.draws_nothing();
        layers.iter().take_while(same).count()
    }

    fn wrong_count(&self, values: &Values) -> Error {
        self.parameters().wrong_count(LAYER, values)
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

/// Through these layers, one after the other.
fn through(layers: &[(&dyn Stage, Values)], input: &Input) -> Result<Node> {
    let mut input = input.clone();
    for (layer, own) in layers {
        input = Input::Examples(Layer::forward_tasks(*layer, own, &input)?);
    }
    Ok(input.node().clone())
}

impl Module for Sequential {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, (layer, _)| Module::forward(layer.as_ref(), &x))
    }
}

impl Layer for Sequential {
    fn parameters(&self) -> Parameters {
        let mut all = Parameters::default();
        self.layers.iter().for_each(|(layer, _)| all.append(layer.parameters()));
        all
    }

    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> Result<Input> {
        let layers = self.with_values(values)?;
        let fixed = self.fixed(&layers);
        match layers.first() {
            Some((first, own)) if fixed == 0 => first.prepare(own, examples, uses),
            _ => Ok(Input::Prepared(through(&layers[..fixed], &Input::Examples(examples.clone()))?)),
        }
    }

    fn draws_nothing(&self) -> bool {
        self.layers.iter().all(|(layer, _)| layer.draws_nothing())
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        let layers = self.with_values(values)?;
        match (input, self.fixed(&layers)) {
            (Input::Prepared(features), fixed @ 1..) => {
                through(&layers[fixed..], &Input::Examples(features.clone()))
            }
            _ => through(&layers, input),
        }
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        let (mut input, mut statistics) = (input.clone(), Vec::new());
        let layers = self.with_values(values)?;
        if matches!(input, Input::Prepared(_)) && self.fixed(&layers) > 0 {
            let problem = "statistics are of examples as they are, not of prepared ones".into();
            return Err(Error::Config { layer: LAYER, problem });
        }
        for (layer, own) in layers {
            let (output, found) = layer.forward_with_statistics(&own, &input)?;
            input = Input::Examples(output);
            statistics.extend(found);
        }
        Ok((input.node().clone(), statistics))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        let mut all = Vec::new();
        for (layer, own) in self.with_values(values)? {
            all.extend(layer.weights(&own)?);
        }
        Ok(all)
    }

    fn summarize(&self, example: &[usize]) -> Result<Vec<LayerSummary>> {
        let (mut example, mut rows) = (example.to_vec(), Vec::new());
        for (layer, _) in &self.layers {
            let mut found = layer.summarize(&example)?;
            if let Some(last) = found.last() {
                example.clone_from(&last.output);
            }
            rows.append(&mut found);
        }
        Ok(rows)
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let (mut layers, mut tensors) = (Vec::new(), Vec::new());
        for (layer, own) in self.with_values(values)? {
            let Some(record) = layer.record(&own)? else { return Ok(None) };
            layers.push(record.spec);
            tensors.extend(record.tensors);
        }
        Ok(Some(LayerRecord { spec: json!({ "layer": "sequential", "layers": layers }), tensors }))
    }
}
