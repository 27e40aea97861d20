//! Fully connected layers: `y = W x + b`.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, Value};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, Weight};
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "Linear";

/// The sizes of a [`Linear`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearConfig {
    /// The number of inputs, `n`.
    pub in_features: usize,
    /// The number of outputs, `m`.
    pub out_features: usize,
    /// Whether there is a bias, initialised from U(−1/√n, 1/√n).
    pub bias: bool,
}

impl LinearConfig {
    /// A layer without bias.
    pub fn new(in_features: usize, out_features: usize) -> Self {
        Self { in_features, out_features, bias: false }
    }
}

/// A fully connected layer, `y = W x + b`; weights start from U(−1/√n, 1/√n), as in PyTorch.
///
/// Tensors: `weight (m, n)`, `bias (m)`; both adapted.
///
/// # Shapes
/// As a `Module`: `(…, n) -> (…, m)`. As a [`Layer`]: `(t, …, n) -> (t, …, m)`.
#[derive(Clone, Debug)]
pub struct Linear {
    config: LinearConfig,
    parameters: Parameters,
}

impl Linear {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero or `vb` has a tensor of another shape.
    pub fn new(config: LinearConfig, vb: VarBuilder) -> Result<Self> {
        let LinearConfig { in_features: n, out_features: m, bias } = config;
        require_sizes(LAYER, &[("in_features", n), ("out_features", m)])?;
        let bound = 1.0 / (n as f64).sqrt();
        let mut adapted =
            vec![Parameter::new(&vb, "weight", &[m, n], Init::Uniform { lo: -bound, up: bound })?];
        if bias {
            adapted.push(bias_parameter(&vb, m, bound)?);
        }
        Ok(Self { config, parameters: Parameters::new(Vec::new(), adapted) })
    }

    /// The sizes.
    pub fn config(&self) -> LinearConfig {
        self.config
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let adapted = &self.parameters.adapted;
        Ok(plain(LAYER, x, self.config.in_features, |x| {
            apply(&adapted[0].tensor, adapted.get(1).map(|b| &b.tensor), x)
        })?)
    }
}

impl Layer for Linear {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        per_task(LAYER, input.node(), self.config.in_features, |x| {
            apply(&values.adapted[0], values.adapted.get(1), x)
        })
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(Flops::per_example(
            output.iter().product::<usize>() * (2 * self.config.in_features + usize::from(self.config.bias)),
        ))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.parameters.check(LAYER, values)?;
        Ok(vec![Weight { layer: prefix(&self.parameters), value: values.adapted[0].clone() }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        Ok(Some(LayerRecord::new(LAYER, "linear", &self.config, &self.parameters, values)?))
    }
}

/// The bias of a layer with `m` outputs, from U(−bound, bound).
pub(crate) fn bias_parameter(vb: &VarBuilder, m: usize, bound: f64) -> Result<Parameter> {
    Parameter::new(vb, "bias", &[m], Init::Uniform { lo: -bound, up: bound })
}

/// `x Wᵀ + b` for `weight (…, m, n)`, `bias (…, m)` and `x (…, b, n)` with the same leading
/// dimensions.
pub(crate) fn apply<V: Value>(weight: &V, bias: Option<&V>, x: &V) -> Result<V> {
    let y = x.matmul(&transposed(weight)?)?;
    match bias {
        Some(bias) => Ok(y.add(&with_row(bias)?)?),
        None => Ok(y),
    }
}

/// The matrix transpose of the last two dimensions.
pub(crate) fn transposed<V: Value>(matrix: &V) -> Result<V> {
    let rank = matrix.dims().len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    Ok(matrix.permute(&order)?)
}

/// `(…, m) -> (…, 1, m)`.
fn with_row<V: Value>(bias: &V) -> Result<V> {
    let mut shape = bias.dims().to_vec();
    shape.insert(shape.len() - 1, 1);
    Ok(bias.reshape(&shape)?)
}

/// Flattens what stands before the features of a plain tensor into rows, and restores it
/// afterwards.
pub(crate) fn plain(
    layer: &'static str,
    x: &Tensor,
    n: usize,
    f: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let [lead @ .., features] = x.dims() else { return Err(wrong_input(layer, n, x.dims())) };
    if *features != n {
        return Err(wrong_input(layer, n, x.dims()));
    }
    let rows = lead.iter().product::<usize>();
    let y = f(&x.reshape((rows, n))?)?;
    let mut shape = lead.to_vec();
    shape.push(y.dims()[1]);
    Ok(y.reshape(shape)?)
}

/// Refuses an input that is not `(t, b, …, n)`.
pub(crate) fn check_per_task(layer: &'static str, dims: &[usize], n: usize) -> Result<()> {
    match dims {
        [_, _, .., features] if *features == n => Ok(()),
        _ => Err(Error::Shape {
            layer,
            what: "input",
            expected: format!("(tasks, examples, …, {n})"),
            got: dims.to_vec(),
        }),
    }
}

/// Flattens what stands between the tasks and the features into rows, and restores it afterwards.
pub(crate) fn per_task(
    layer: &'static str,
    x: &Node,
    n: usize,
    f: impl FnOnce(&Node) -> Result<Node>,
) -> Result<Node> {
    check_per_task(layer, x.dims(), n)?;
    let lead = &x.dims()[..x.rank() - 1];
    let y = f(&x.reshape(&[lead[0], lead[1..].iter().product(), n])?)?;
    Ok(y.reshape(&[lead, &[y.dims()[2]]].concat())?)
}

fn wrong_input(layer: &'static str, n: usize, got: &[usize]) -> Error {
    Error::Shape { layer, what: "input", expected: format!("(…, {n})"), got: got.to_vec() }
}
