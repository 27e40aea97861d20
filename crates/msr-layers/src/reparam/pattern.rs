//! The reparameterized layer whose symmetry matrix is a sharing pattern.
//!
//! `U^G` has a single entry in each row, so `W = unvec(U v)` takes `m n` reads instead of `m n k`
//! multiply–adds, and nothing of size `m n k` exists. With fixed entries it is the oracle: the
//! layer that knows the group. With learned entries it starts there, and the outer loop may change
//! how strongly a weight follows its parameter, but not which one it follows.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
//! section 4 (a symmetry matrix that is given); `docs/derivations/groups.md`, section 2. Symbols:
//! `entries` = the non-zero entries of U, `filter` = v.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, Ties, Value};
use msr_groups::SharingPattern;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, Weight};
use crate::linear::{apply, per_task, plain};
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "PatternLinear";

/// What the entries of the symmetry matrix are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entries {
    /// Ones, for ever: the layer is equivariant, whatever it learns.
    #[default]
    Fixed,
    /// `1/√(number of weights tied)`, for ever, so that `Uᵀ U = 1`: as [`Entries::Fixed`], but a
    /// gradient step moves weights that are tied to many others as far as those that are tied to
    /// few.
    Orthonormal,
    /// Ones at the start, then learned in the outer loop, one for each weight.
    Learned,
}

/// The pattern and the initial scale of a [`PatternLinear`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternLinearConfig {
    /// Which weights are tied: `m` outputs, `n` inputs, `k` filter parameters.
    #[serde(with = "labels")]
    pub pattern: SharingPattern,
    /// Which biases are tied, an `m × 1` pattern; without one, there is no bias.
    #[serde(with = "optional_labels")]
    pub bias: Option<SharingPattern>,
    /// Whether the entries of U are learned.
    pub entries: Entries,
    /// The standard deviation of the filter parameters (and biases) at the start.
    pub filter_std: f64,
}

impl PatternLinearConfig {
    /// Fixed entries, no bias, `v ~ N(0, 1/n)`.
    pub fn new(pattern: SharingPattern) -> Self {
        let filter_std = 1.0 / (pattern.inputs().max(1) as f64).sqrt();
        Self { pattern, bias: None, entries: Entries::Fixed, filter_std }
    }
}

/// A fully connected layer with tied weights: `W[i, j] = u[i, j] v[label(i, j)]`, `y = W x + b`.
///
/// Tensors: `filter (k)` and, with a bias, `bias (k_b)`, adapted; with learned entries `entries (m
/// · n)`, shared.
///
/// # Shapes
/// As a `Module`: `(…, n) -> (…, m)`. As a [`Layer`]: `(t, …, n) -> (t, …, m)`.
///
/// # Example
/// A layer on sets of three numbers: it commutes with every permutation of them.
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use msr_groups::{Action, SharingPattern, symmetric};
/// use msr_layers::{PatternLinear, PatternLinearConfig};
/// use std::collections::HashMap;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let action = Action::natural(&symmetric(3)?);
/// let pattern = SharingPattern::new(&action, &action)?;
/// let filter = Tensor::new(&[10f64, 1.], &Device::Cpu)?;
/// let vb = VarBuilder::from_tensors(HashMap::from([("filter".to_string(), filter)]), DType::F64, &Device::Cpu);
/// let layer = PatternLinear::new(PatternLinearConfig::new(pattern), vb)?;
/// let y = layer.forward(&Tensor::new(&[[1f64, 2., 3.]], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec2::<f64>()?, [[15., 24., 33.]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PatternLinear {
    config: PatternLinearConfig,
    weights: Ties,
    biases: Option<Ties>,
    /// The factor of each filter parameter, `(k)`; without one, it is 1.
    scale: Option<Tensor>,
    /// Shared: the entries, where they are learned. Adapted: the filter, and the bias where there
    /// is one.
    parameters: Parameters,
}

impl PatternLinear {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When the pattern is empty, the bias pattern is not `m × 1`, or `vb` has a tensor of another
    /// shape.
    pub fn new(config: PatternLinearConfig, vb: VarBuilder) -> Result<Self> {
        let pattern = &config.pattern;
        let (m, n, k) = (pattern.outputs(), pattern.inputs(), pattern.free_parameters());
        require_sizes(LAYER, &[("inputs of the pattern", n), ("outputs of the pattern", m)])?;
        if let Some(bias) = config.bias.as_ref().filter(|bias| (bias.outputs(), bias.inputs()) != (m, 1)) {
            return Err(Error::Config {
                layer: LAYER,
                problem: format!(
                    "the bias pattern is {} × {}, but there are {m} outputs; build it with SharingPattern::bias",
                    bias.outputs(),
                    bias.inputs()
                ),
            });
        }
        let normal = Init::Randn { mean: 0.0, stdev: config.filter_std };
        let shared = match config.entries {
            Entries::Fixed | Entries::Orthonormal => Vec::new(),
            Entries::Learned => vec![Parameter::new(&vb, "entries", &[m * n], Init::Const(1.0))?],
        };
        let scale = match config.entries {
            Entries::Orthonormal => {
                let roots: Vec<f64> =
                    pattern.sizes().iter().map(|&size| 1.0 / f64::from(size).sqrt()).collect();
                Some(Tensor::from_vec(roots, k, vb.device())?.to_dtype(vb.dtype())?)
            }
            Entries::Fixed | Entries::Learned => None,
        };
        let mut adapted = vec![Parameter::new(&vb, "filter", &[k], normal)?];
        if let Some(bias) = &config.bias {
            adapted.push(Parameter::new(&vb, "bias", &[bias.free_parameters()], normal)?);
        }
        let ties = |pattern: &SharingPattern| Ties::new(pattern.labels(), pattern.free_parameters());
        let weights = ties(pattern)?;
        let biases = config.bias.as_ref().map(ties).transpose()?;
        Ok(Self { config, weights, biases, scale, parameters: Parameters::new(shared, adapted) })
    }

    /// The pattern and the initial scale.
    pub fn config(&self) -> &PatternLinearConfig {
        &self.config
    }

    /// The filter parameters `v (k)`.
    pub fn filter(&self) -> &Tensor {
        &self.parameters.adapted[0].tensor
    }

    /// The weight of each of several filters: `filter (…, k) -> (…, m, n)`; of the layer's own, for
    /// [`PatternLinear::filter`].
    ///
    /// # Errors
    /// When the last dimension is not `k`.
    pub fn weight_of(&self, filter: &Tensor) -> Result<Tensor> {
        let k = self.config.pattern.free_parameters();
        if filter.dims().last() != Some(&k) {
            let (expected, got) = (format!("(…, {k})"), filter.dims().to_vec());
            return Err(Error::Shape { layer: LAYER, what: "filter", expected, got });
        }
        self.expand(self.parameters.shared.first().map(|e| &e.tensor), self.scale.as_ref(), filter)
    }

    /// `unvec(U v)` for each filter: `entries (m · n)`, `scale (k)`, `filter (…, k) -> (…, m, n)`.
    fn expand<V: Value>(&self, entries: Option<&V>, scale: Option<&V>, filter: &V) -> Result<V> {
        let pattern = &self.config.pattern;
        let mut weights = match scale {
            Some(scale) => filter.mul(scale)?.expand_tied(&self.weights)?,
            None => filter.expand_tied(&self.weights)?,
        };
        if let Some(entries) = entries {
            weights = weights.mul(entries)?;
        }
        let lead = &filter.dims()[..filter.dims().len() - 1];
        Ok(weights.reshape(&[lead, &[pattern.outputs(), pattern.inputs()]].concat())?)
    }

    /// The bias of every output: `bias (…, k_b) -> (…, m)`.
    fn expand_bias<V: Value>(&self, bias: Option<&V>) -> Result<Option<V>> {
        match (&self.biases, bias) {
            (Some(ties), Some(bias)) => Ok(Some(bias.expand_tied(ties)?)),
            _ => Ok(None),
        }
    }

    /// The bias of every output, of the layer's own parameters, `(m)`.
    pub(crate) fn bias(&self) -> Result<Option<Tensor>> {
        self.expand_bias(self.parameters.adapted.get(1).map(|b| &b.tensor))
    }

    /// Weights `(t, m, n)` and biases `(t, m)`, from values that fit the parameters.
    pub(crate) fn expanded(&self, values: &Values) -> Result<(Node, Option<Node>)> {
        let scale = self.scale.as_ref().map(Node::constant);
        let weights = self.expand(values.shared.first(), scale.as_ref(), &values.adapted[0])?;
        Ok((weights, self.expand_bias(values.adapted.get(1))?))
    }

    /// The parameters, without a copy.
    pub(crate) fn own(&self) -> &Parameters {
        &self.parameters
    }
}

impl Module for PatternLinear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let weight = self.weight_of(self.filter())?;
        let bias = self.bias()?;
        Ok(plain(LAYER, x, self.config.pattern.inputs(), |x| apply(&weight, bias.as_ref(), x))?)
    }
}

impl Layer for PatternLinear {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        let (weight, bias) = self.expanded(values)?;
        let n = self.config.pattern.inputs();
        per_task(LAYER, input.node(), n, |x| apply(&weight, bias.as_ref(), x))
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(Flops::per_example(
            output.iter().product::<usize>()
                * (2 * self.config.pattern.inputs() + usize::from(self.config.bias.is_some())),
        ))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.parameters.check(LAYER, values)?;
        Ok(vec![Weight { layer: prefix(&self.parameters), value: self.expanded(values)?.0 }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        Ok(Some(LayerRecord::new(LAYER, "pattern_linear", &self.config, &self.parameters, values)?))
    }
}

/// A pattern as data: its sizes and the class of each weight, row by row.
#[derive(Serialize, Deserialize)]
struct Labels {
    outputs: usize,
    inputs: usize,
    labels: Vec<usize>,
}

impl From<&SharingPattern> for Labels {
    fn from(pattern: &SharingPattern) -> Self {
        let labels = pattern.labels().iter().map(|&label| label as usize).collect();
        Self { outputs: pattern.outputs(), inputs: pattern.inputs(), labels }
    }
}

impl Labels {
    fn pattern<E: serde::de::Error>(self) -> std::result::Result<SharingPattern, E> {
        SharingPattern::from_labels(self.outputs, self.inputs, &self.labels).map_err(E::custom)
    }
}

mod labels {
    use super::{Deserialize, Labels, Serialize, SharingPattern};

    pub(super) fn serialize<S: serde::Serializer>(pattern: &SharingPattern, s: S) -> Result<S::Ok, S::Error> {
        Labels::from(pattern).serialize(s)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<SharingPattern, D::Error> {
        Labels::deserialize(d)?.pattern()
    }
}

mod optional_labels {
    use super::{Deserialize, Labels, Serialize, SharingPattern};

    pub(super) fn serialize<S: serde::Serializer>(
        pattern: &Option<SharingPattern>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        pattern.as_ref().map(Labels::from).serialize(s)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        d: D,
    ) -> Result<Option<SharingPattern>, D::Error> {
        Option::<Labels>::deserialize(d)?.map(Labels::pattern).transpose()
    }
}
