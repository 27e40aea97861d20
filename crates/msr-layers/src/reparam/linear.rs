//! The reparameterized fully connected layer: `vec(W) = U v`.
//!
//! Two orders of contraction give the same output, `y = unvec(U v) x`:
//! - *weight first*, `W = U v` and then `W x`: `m n (k + b)` multiply–adds for `b` examples of a
//!   task;
//! - *features first*, `M = U x` (one `m × k` matrix per example) and then `M v`: `b m n k` once,
//!   then only `b m k` for each of the inner steps that see the same examples.
//!
//! [`Layer::prepare`] takes whichever is cheaper for the number of uses.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
//! equation 2. Symbols: `symmetry` = U, `filter` = v.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, SecondMoments, Value};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, LinearInAdapted, Weight};
use crate::least_squares::by_unit_vectors;
use crate::linear::{apply, bias_parameter, check_per_task, per_task, plain};
use crate::normal_equations::{NormalEquations, no_moments};
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "ReparamLinear";

/// The sizes and the initial scales of a [`ReparamLinear`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReparamLinearConfig {
    /// The number of inputs, `n`.
    pub in_features: usize,
    /// The number of outputs, `m`.
    pub out_features: usize,
    /// The number of filter parameters, `k`: the free parameters that a task adapts.
    pub filter_params: usize,
    /// Whether there is a bias, initialised from U(−1/√n, 1/√n).
    pub bias: bool,
    /// The standard deviation of the symmetry matrix at the start.
    pub symmetry_std: f64,
    /// The standard deviation of the filter parameters at the start.
    pub filter_std: f64,
}

impl ReparamLinearConfig {
    /// No bias, `U ~ N(0, 0.01²)`, `v ~ N(0, 1/m²)`: the paper's initialisation.
    pub fn new(in_features: usize, out_features: usize, filter_params: usize) -> Self {
        Self {
            in_features,
            out_features,
            filter_params,
            bias: false,
            symmetry_std: 0.01,
            filter_std: 1.0 / out_features.max(1) as f64,
        }
    }
}

/// A fully connected layer with `vec(W) = U v`, `y = W x + b`.
///
/// Tensors: `symmetry (m · n, k)`, shared by all tasks; `filter (k)` and `bias (m)`, adapted.
/// `vec` is row-major: row `i · n + j` of `U` makes `W[i, j]`.
///
/// # Shapes
/// As a `Module`: `(…, n) -> (…, m)`. As a [`Layer`]: `(t, …, n) -> (t, …, m)`.
///
/// # Example
/// The symmetry matrix that ties the weights of a cyclic convolution over three points:
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use msr_layers::{ReparamLinear, ReparamLinearConfig};
/// use std::collections::HashMap;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let device = Device::Cpu;
/// // W[i, j] = v[(j − i) mod 3]
/// let rows: Vec<f64> = (0..9)
///     .flat_map(|row| (0..3).map(move |c| f64::from(u8::from((row % 3 + 3 - row / 3) % 3 == c))))
///     .collect();
/// let tensors = HashMap::from([
///     ("symmetry".to_string(), Tensor::from_vec(rows, (9, 3), &device)?),
///     ("filter".to_string(), Tensor::new(&[1f64, 10., 100.], &device)?),
/// ]);
/// let vb = VarBuilder::from_tensors(tensors, DType::F64, &device);
/// let layer = ReparamLinear::new(ReparamLinearConfig::new(3, 3, 3), vb)?;
/// assert_eq!(layer.weight()?.to_vec2::<f64>()?, [[1., 10., 100.], [100., 1., 10.], [10., 100., 1.]]);
/// let y = layer.forward(&Tensor::new(&[[1f64, 0., 0.]], &device)?)?;
/// assert_eq!(y.to_vec2::<f64>()?, [[1., 100., 10.]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReparamLinear {
    config: ReparamLinearConfig,
    parameters: Parameters,
}

impl ReparamLinear {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero or `vb` has a tensor of another shape.
    pub fn new(config: ReparamLinearConfig, vb: VarBuilder) -> Result<Self> {
        let ReparamLinearConfig { in_features: n, out_features: m, filter_params: k, .. } = config;
        require_sizes(LAYER, &[("in_features", n), ("out_features", m), ("filter_params", k)])?;
        let normal = |stdev: f64| Init::Randn { mean: 0.0, stdev };
        let shared = vec![Parameter::new(&vb, "symmetry", &[m * n, k], normal(config.symmetry_std))?];
        let mut adapted = vec![Parameter::new(&vb, "filter", &[k], normal(config.filter_std))?];
        if config.bias {
            adapted.push(bias_parameter(&vb, m, 1.0 / (n as f64).sqrt())?);
        }
        Ok(Self { config, parameters: Parameters::new(shared, adapted) })
    }

    /// The sizes.
    pub fn config(&self) -> ReparamLinearConfig {
        self.config
    }

    /// The symmetry matrix `U (m · n, k)`.
    pub fn symmetry(&self) -> &Tensor {
        &self.parameters.shared[0].tensor
    }

    /// The filter parameters `v (k)`.
    pub fn filter(&self) -> &Tensor {
        &self.parameters.adapted[0].tensor
    }

    /// The weight `W = unvec(U v)`, `(m, n)`, of the layer's own filter parameters. After
    /// meta-learning these are the initial ones; for a task's see [`ReparamLinear::weight_of`].
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn weight(&self) -> Result<Tensor> {
        self.weight_of(self.filter())
    }

    /// The weight of each of several filters: `filter (…, k) -> (…, m, n)`. With what an adaptation
    /// returns, `(t, k)`, these are the weights of the tasks.
    ///
    /// # Errors
    /// When the last dimension is not `k`.
    pub fn weight_of(&self, filter: &Tensor) -> Result<Tensor> {
        self.expand(self.symmetry(), filter)
    }

    /// `unvec(U v)` for each filter: `symmetry (m · n, k)`, `filter (…, k) -> (…, m, n)`.
    fn expand<V: Value>(&self, symmetry: &V, filter: &V) -> Result<V> {
        let ReparamLinearConfig { in_features: n, out_features: m, filter_params: k, .. } = self.config;
        let [lead @ .., last] = filter.dims() else { return Err(self.wrong_filter(filter.dims())) };
        if *last != k {
            return Err(self.wrong_filter(filter.dims()));
        }
        let rows = filter.reshape(&[lead.iter().product(), k])?;
        Ok(rows.matmul(&symmetry.permute(&[1, 0])?)?.reshape(&[lead, &[m, n]].concat())?)
    }

    /// `M[t, …, i, c] = Σ_j U[(i, j), c] x[t, …, j]`: `(t, …, n) -> (t, …, m, k)`.
    fn features(&self, symmetry: &Node, x: &Node) -> Result<Node> {
        let ReparamLinearConfig { in_features: n, out_features: m, filter_params: k, .. } = self.config;
        let lead = &x.dims()[..x.rank() - 1];
        let rows = x.reshape(&[1, lead.iter().product(), n])?;
        let symmetry = symmetry.reshape(&[m, n, k])?;
        // A batch of products, one per filter parameter or one per output: whichever leaves the
        // longer dimension contiguous for the products with v that follow. The result is only
        // viewed as (t, …, m, k).
        let by_parameter = k < 16 && k < m;
        let (product, first, last) = if by_parameter {
            (rows.matmul(&symmetry.permute(&[2, 1, 0])?)?, k, m)
        } else {
            (rows.matmul(&symmetry)?, m, k)
        };
        let (outputs, parameters) = if by_parameter { (lead.len() + 1, 0) } else { (0, lead.len() + 1) };
        let mut order: Vec<usize> = (1..=lead.len()).collect();
        order.extend([outputs, parameters]);
        Ok(product.reshape(&[&[first], lead, &[last]].concat())?.permute(&order)?)
    }

    fn wrong_filter(&self, got: &[usize]) -> Error {
        let expected = format!("(…, {})", self.config.filter_params);
        Error::Shape { layer: LAYER, what: "filter", expected, got: got.to_vec() }
    }

    fn wrong_features(&self, features: &Node) -> Error {
        let ReparamLinearConfig { out_features: m, filter_params: k, .. } = self.config;
        let expected = format!("(tasks, …, {m}, {k})");
        Error::Shape { layer: LAYER, what: "prepared input", expected, got: features.dims().to_vec() }
    }

    /// Whether contracting U with `examples` per task first costs less, over all `uses`.
    fn features_pay(&self, examples: usize, uses: usize) -> bool {
        let ReparamLinearConfig { in_features: n, filter_params: k, .. } = self.config;
        // Multiply–adds, divided by m: in wide numbers, for any number of uses.
        let [examples, uses, n, k] = [examples, uses, n, k].map(|size| size as f64);
        let weight_first = uses * n * (k + examples);
        let features_first = n * examples * k + uses * examples * k;
        features_first < weight_first
    }
}

impl Module for ReparamLinear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let weight = self.weight()?;
        let bias = self.parameters.adapted.get(1).map(|b| &b.tensor);
        Ok(plain(LAYER, x, self.config.in_features, |x| apply(&weight, bias, x))?)
    }
}

impl Layer for ReparamLinear {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> Result<Input> {
        self.parameters.check_shared(LAYER, values)?;
        let dims = examples.dims();
        check_per_task(LAYER, dims, self.config.in_features)?;
        if !self.features_pay(dims[1..dims.len() - 1].iter().product(), uses) {
            return Ok(Input::Examples(examples.clone()));
        }
        Ok(Input::Prepared(self.features(&values.shared[0], examples)?))
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        let (symmetry, filter, bias) = (&values.shared[0], &values.adapted[0], values.adapted.get(1));
        match input {
            Input::Examples(x) => {
                let weight = self.expand(symmetry, filter)?;
                per_task(LAYER, x, self.config.in_features, |x| apply(&weight, bias, x))
            }
            Input::Prepared(features) => {
                let (m, k) = (self.config.out_features, self.config.filter_params);
                let [lead @ .., rows, columns] = features.dims() else {
                    return Err(self.wrong_features(features));
                };
                if lead.is_empty() || (*rows, *columns) != (m, k) {
                    return Err(self.wrong_features(features));
                }
                // (t, 1, …) in front, to be broadcast over what stands between the tasks and the
                // features.
                let mut front = vec![1; lead.len()];
                front[0] = lead[0];
                let filter = filter.reshape(&[&front[..], &[k, 1]].concat())?;
                let y = features.matmul(&filter)?.reshape(&[lead, &[m]].concat())?;
                match bias {
                    Some(bias) => Ok(y.add(&bias.reshape(&[&front[..], &[m]].concat())?)?),
                    None => Ok(y),
                }
            }
        }
    }

    fn linear_in_adapted(&self) -> Option<&dyn LinearInAdapted> {
        Some(self)
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        let ReparamLinearConfig { in_features: n, out_features: m, filter_params: k, bias, .. } = self.config;
        let example = output.iter().product::<usize>() * (2 * n + usize::from(bias));
        Some(Flops { per_task: (2 * m * n * k) as u64, ..Flops::per_example(example) })
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.parameters.check(LAYER, values)?;
        let value = self.expand(&values.shared[0], &values.adapted[0])?;
        Ok(vec![Weight { layer: prefix(&self.parameters), value }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        Ok(Some(LayerRecord::new(LAYER, "reparam_linear", &self.config, &self.parameters, values)?))
    }
}

impl LinearInAdapted for ReparamLinear {
    fn squared_error(&self, _: &Values, _: &SecondMoments) -> Result<Option<Node>> {
        Err(no_moments(LAYER))
    }

    fn design(&self, values: &Values, examples: &Node, uses: usize) -> Result<Option<Node>> {
        match self.prepare(values, examples, uses)? {
            // Without a bias the features U x are the design matrix.
            Input::Prepared(features) if !self.config.bias => Ok(Some(features)),
            _ => Ok(None),
        }
    }

    fn normal_equations(
        &self,
        values: &Values,
        examples: &Node,
        targets: &Tensor,
    ) -> Result<NormalEquations> {
        self.parameters.check_shared(LAYER, values)?;
        let dims = examples.dims();
        check_per_task(LAYER, dims, self.config.in_features)?;
        let (m, k) = (self.config.out_features, self.config.filter_params);
        let expected = [&dims[..dims.len() - 1], &[m]].concat();
        if targets.dims() != expected {
            let (expected, got) = (format!("{expected:?}"), targets.dims().to_vec());
            return Err(Error::Shape { layer: LAYER, what: "targets", expected, got });
        }
        if self.config.bias {
            return by_unit_vectors(self, values, examples, targets);
        }
        // Without a bias the features U x are the design matrix.
        let count = dims[1..dims.len() - 1].iter().product::<usize>() * m;
        let design = self.features(&values.shared[0], examples)?.reshape(&[dims[0], count, k])?;
        NormalEquations::from_design(&design, &Node::constant(targets))
    }
}
