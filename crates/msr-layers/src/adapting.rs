//! A model of whose parameters tasks adapt some alone.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::Node;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::layer::{Input, Layer, Weight};
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, data};
use crate::sequential::Stage;
use crate::summary::LayerSummary;
use crate::values::Values;

const LAYER: &str = "Adapting";

/// Which parameters tasks adapt, among those that the layers offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Adapts {
    /// Those of the last layer that has any: ANIL.
    ///
    /// Source: Raghu, Raghu, Bengio, Vinyals, "Rapid Learning or Feature Reuse?" (ICLR 2020).
    Head,
    /// All but those of the last layer: BOIL.
    ///
    /// Source: Oh, Yoo, Kim, Yun, "BOIL: Towards Representation Change for Few-shot Learning"
    /// (ICLR 2021).
    Body,
    /// Those of the layers and blocks of these names: `block0` for all of `block0.conv` and
    /// `block0.norm`.
    Layers(Vec<String>),
    /// Those of these names: `head.bias`.
    Names(Vec<String>),
}

impl Adapts {
    /// Whether each of these is adapted, in their order.
    ///
    /// # Errors
    /// [`Error::Config`] for names of nothing, and when nothing or not even a choice is left.
    fn choose(&self, adapted: &[Parameter]) -> Result<Vec<bool>> {
        let layer = |p: &Parameter| p.name.rsplit_once('.').map_or("", |(layer, _)| layer).to_string();
        let head = adapted.last().map(layer);
        let below = |name: &str, layer: &str| {
            name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.') || layer.is_empty())
        };
        let of_nothing = |wanted: &[String], found: &dyn Fn(&str, &str) -> bool| {
            wanted.iter().find(|w| !adapted.iter().any(|p| found(&p.name, w))).cloned()
        };
        let unknown = match self {
            Adapts::Layers(layers) => of_nothing(layers, &below),
            Adapts::Names(names) => of_nothing(names, &|name, wanted| name == wanted),
            _ => None,
        };
        let names: Vec<&str> = adapted.iter().map(|p| p.name.as_str()).collect();
        let problem = |what: String| Error::Config {
            layer: LAYER,
            problem: format!("{what}; the layers offer {}", names.join(", ")),
        };
        if let Some(unknown) = unknown {
            return Err(problem(format!("there is nothing to adapt called `{unknown}`")));
        }
        let chosen: Vec<bool> = adapted
            .iter()
            .map(|p| match self {
                Adapts::Head => Some(layer(p)) == head,
                Adapts::Body => Some(layer(p)) != head,
                Adapts::Layers(layers) => layers.iter().any(|l| below(&p.name, l)),
                Adapts::Names(names) => names.contains(&p.name),
            })
            .collect();
        if chosen.contains(&true) {
            return Ok(chosen);
        }
        Err(problem("nothing is left to adapt".into()))
    }
}

/// A model of whose parameters tasks adapt some alone; the others are shared by all tasks, and
/// learned in the outer loop like symmetry matrices.
///
/// It computes what the model computes. Layers of a stack below the first that is adapted are
/// computed once for all inner steps (see [`Layer::draws_nothing`]). Every way to adapt works on
/// what is left: gradient steps, and an exact solution where the model is linear in that (a linear
/// head on learned features).
///
/// # Example
/// ANIL: the inner loop adapts the head, the outer loop learns everything.
/// ```
/// use candle_core::{DType, Device};
/// use msr_layers::{Adapting, Adapts, Conv4, Conv4Config, Layer, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
/// let net = Conv4::new(Conv4Config::new((1, 28, 28), 8, 5), vb)?;
/// let anil = Adapting::new(net, Adapts::Head)?;
/// let names: Vec<String> = anil.parameters().adapted.into_iter().map(|p| p.name).collect();
/// assert_eq!(names, ["head.weight", "head.bias"]);
/// # Ok(())
/// # }
/// ```
pub struct Adapting {
    model: Box<dyn Stage>,
    adapts: Adapts,
    /// Of each parameter that the model offers, whether it is adapted.
    chosen: Vec<bool>,
    parameters: Parameters,
    /// The number of parameters that the model itself shares.
    shared: usize,
}

impl std::fmt::Debug for Adapting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.parameters.adapted.iter().map(|p| p.name.as_str()).collect();
        f.debug_struct(LAYER).field("adapts", &self.adapts).field("adapted", &names).finish()
    }
}

impl Adapting {
    /// This model, of which tasks adapt what is said.
    ///
    /// # Errors
    /// [`Error::Config`] when a name is of nothing that could be adapted, or nothing is left to
    /// adapt; it lists what there is.
    pub fn new(model: impl Layer + Module + 'static, adapts: Adapts) -> Result<Self> {
        Self::of(Box::new(model), adapts)
    }

    /// This model, of which tasks adapt the parameters that `choose` is true of.
    ///
    /// # Errors
    /// [`Error::Config`] when nothing is left to adapt.
    pub fn by(model: impl Layer + Module + 'static, choose: impl Fn(&Parameter) -> bool) -> Result<Self> {
        let offered = model.parameters().adapted;
        let names = offered.into_iter().filter(|p| choose(p)).map(|p| p.name).collect();
        Self::new(model, Adapts::Names(names))
    }

    pub(crate) fn of(model: Box<dyn Stage>, adapts: Adapts) -> Result<Self> {
        let Parameters { mut shared, adapted, buffers } = model.parameters();
        let chosen = adapts.choose(&adapted)?;
        let own = shared.len();
        let mut left = Vec::new();
        for (p, chosen) in adapted.into_iter().zip(&chosen) {
            if *chosen { left.push(p) } else { shared.push(p) }
        }
        let parameters = Parameters { shared, adapted: left, buffers };
        Ok(Self { model, adapts, chosen, parameters, shared: own })
    }

    /// What tasks adapt.
    pub fn adapts(&self) -> &Adapts {
        &self.adapts
    }

    /// The values as the model takes them: what is not adapted, repeated (without a copy) for each
    /// of `tasks`, and fixed where nothing that is adapted comes before.
    fn spread(&self, values: &Values, tasks: usize) -> Result<Values> {
        self.parameters.check_shared(LAYER, values)?;
        let (own, rest) = values.shared.split_at(self.shared);
        let (mut rest, mut left) = (rest.iter(), values.adapted.iter().enumerate());
        let mut adapted = Vec::with_capacity(self.chosen.len());
        let mut fixed = None;
        for &chosen in &self.chosen {
            if let Some((at, node)) = if chosen { left.next() } else { None } {
                if at >= values.fixed {
                    fixed = fixed.or(Some(adapted.len()));
                }
                adapted.push(node.clone());
            } else if let Some(node) = rest.next() {
                adapted.push(node.broadcast_to(&[&[tasks], node.dims()].concat())?);
            }
        }
        let fixed = fixed.unwrap_or(adapted.len());
        Ok(Values { shared: own.to_vec(), adapted, fixed, ..values.clone() })
    }

    /// The same for a forward pass.
    fn for_input(&self, values: &Values, node: &Node) -> Result<Values> {
        let tasks = values.tasks().or_else(|| node.dims().first().copied());
        self.spread(values, tasks.unwrap_or(0))
    }
}

impl Module for Adapting {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Module::forward(self.model.as_ref(), x)
    }
}

impl Layer for Adapting {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> Result<Input> {
        let tasks = examples.dims().first().copied().unwrap_or(0);
        self.model.prepare(&self.spread(values, tasks)?, examples, uses)
    }

    fn draws_nothing(&self) -> bool {
        self.model.draws_nothing()
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.model.forward_tasks(&self.for_input(values, input.node())?, input)
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        self.model.forward_with_statistics(&self.for_input(values, input.node())?, input)
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.parameters.check(LAYER, values)?;
        self.model.weights(&self.spread(values, values.tasks().unwrap_or(1))?)
    }

    fn summarize(&self, example: &[usize]) -> Result<Vec<LayerSummary>> {
        self.model.summarize(example)
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        self.parameters.check(LAYER, values)?;
        let inner = self.spread(values, values.tasks().unwrap_or(1))?;
        let Some(record) = self.model.record(&inner)? else { return Ok(None) };
        let fixed = &self.parameters.shared[self.shared..];
        let stored = record.tensors.into_iter().map(|(name, tensor)| {
            let once = fixed.iter().any(|p| p.name == name);
            Ok((name, if once { tensor.get(0)? } else { tensor }))
        });
        let tensors = stored.collect::<Result<_>>()?;
        let adapts = data(LAYER, &self.adapts)?;
        let spec = json!({ "layer": "adapting", "adapts": adapts, "model": record.spec });
        Ok(Some(LayerRecord { spec, tensors }))
    }
}
