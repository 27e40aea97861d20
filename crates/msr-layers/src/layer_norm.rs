//! Layer normalisation: each example by itself.

use candle_core::Tensor;
use candle_nn::{Module, VarBuilder};
use msr_autodiff::{Node, Unary, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::batch_norm::{Affine, check_eps, wide};
use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer};
use crate::parameters::Parameters;
use crate::record::{LayerRecord, data, tensors};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "LayerNorm";

/// The sizes of a [`LayerNorm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNormConfig {
    /// The last dimensions of an example, over which it is normalised.
    pub shape: Vec<usize>,
    /// Added to the variance, positive.
    pub eps: f64,
    /// Who changes γ and β.
    pub affine: Affine,
}

impl LayerNormConfig {
    /// Over the last dimensions of these sizes; γ and β adapted, ε = 1e-5.
    pub fn new(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), eps: 1e-5, affine: Affine::default() }
    }
}

/// Layer normalisation: `y = γ (x − μ) / √(σ² + ε) + β`, with the mean and the (biased) variance of
/// each example over its last dimensions. It does the same in every phase. Half precision is
/// computed in `f32`.
///
/// Tensors: `weight` = γ from ones, `bias` = β from zeros, both of the normalised shape.
///
/// # Shapes
/// As a `Module`: `(…, shape)`. As a [`Layer`]: `(t, b, …, shape)`. The output has the shape of the
/// input.
///
/// # Source
/// Ba, Kiros, Hinton, "Layer Normalization" (2016), equation 4.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    config: LayerNormConfig,
    name: String,
    parameters: Parameters,
}

impl LayerNorm {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When there is nothing to normalise over, ε is not positive, or `vb` has a tensor of another
    /// shape.
    pub fn new(config: LayerNormConfig, vb: VarBuilder) -> Result<Self> {
        let sizes: Vec<(&str, usize)> = config.shape.iter().map(|&n| ("shape", n)).collect();
        if sizes.is_empty() {
            return Err(Error::Config { layer: LAYER, problem: "shape must have a dimension".into() });
        }
        require_sizes(LAYER, &sizes)?;
        check_eps(LAYER, config.eps)?;
        let parameters = config.affine.parameters(&vb, &config.shape)?;
        Ok(Self { config, name: vb.prefix(), parameters })
    }

    /// The sizes.
    pub fn config(&self) -> &LayerNormConfig {
        &self.config
    }

    /// `x (t, …, shape)`; γ and β, or none, are `(shape)` or `(t, shape)`.
    fn apply<V: Value>(&self, x: &V, affine: &[&V]) -> Result<V> {
        let dims = x.dims().to_vec();
        let at = dims.len().saturating_sub(self.config.shape.len());
        if at == 0 || dims[at..] != self.config.shape {
            let expected = format!("(…, {:?})", self.config.shape);
            return Err(Error::Shape { layer: LAYER, what: "input", expected, got: dims });
        }
        let (t, n) = (dims[0], self.config.shape.iter().product::<usize>());
        let (dtype, wide) = (x.dtype(), wide(x.dtype()));
        let x = x.to_dtype(wide)?.reshape(&[t, dims[1..at].iter().product(), n])?;
        let centred = x.sub(&x.scaled_sum_keepdim(&[2], 1.0 / n as f64)?)?;
        let variance = centred.mul(&centred)?.scaled_sum_keepdim(&[2], 1.0 / n as f64)?;
        let scale = variance.map(Unary::Affine { scale: 1.0, offset: self.config.eps })?.map(Unary::Sqrt)?;
        let mut y = centred.mul(&scale.map(Unary::Reciprocal)?)?;
        if let [weight, bias] = affine {
            let row = |v: &V| -> Result<V> {
                Ok(v.to_dtype(wide)?.reshape(&[v.dims().iter().product::<usize>() / n, 1, n])?)
            };
            y = y.mul(&row(weight)?)?.add(&row(bias)?)?;
        }
        Ok(y.reshape(&dims)?.to_dtype(dtype)?)
    }
}

impl Module for LayerNorm {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let affine: Vec<&Tensor> = self.parameters.iter().map(|p| &p.tensor).collect();
        self.apply(&x.unsqueeze(0)?, &affine)?.squeeze(0)
    }
}

impl Layer for LayerNorm {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        let (x, affine) = (input.node(), values.iter().collect::<Vec<_>>());
        let tasks = values.tasks().or(x.dims().first().copied());
        if x.rank() < self.config.shape.len() + 2 || x.dims().first().copied() != tasks {
            let expected = format!("(tasks, examples, …, {:?})", self.config.shape);
            return Err(Error::Shape { layer: LAYER, what: "input", expected, got: x.dims().to_vec() });
        }
        self.apply(x, &affine)
    }

    /// Mean, difference, square and sum, two scales, shift: seven for each number.
    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(Flops::per_example(7 * output.iter().product::<usize>()))
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let tensors = tensors(LAYER, &self.parameters, values)?;
        let spec = json!({ "layer": "layer_norm", "name": self.name, "config": data(LAYER, &self.config)? });
        Ok(Some(LayerRecord { spec, tensors }))
    }
}
