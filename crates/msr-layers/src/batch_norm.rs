//! Batch normalisation, with a choice of whose statistics are used when.

use candle_core::{DType, Tensor};
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, Unary, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::buffers::Buffer;
use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer};
use crate::parameters::{Parameter, Parameters};
use crate::pass::Phase;
use crate::record::{LayerRecord, data, tensors};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "BatchNorm";

/// Which mean and variance a [`BatchNorm`] uses; [`Phase`] says when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Statistics {
    /// Those of the examples at hand, support and query sets each their own: *transductive*, since
    /// the prediction for a query then depends on the other queries. The published accuracies of
    /// MAML are measured so.
    #[default]
    Batch,
    /// Queries are normalised with the statistics of their task's support set, and do not see each
    /// other. Gradients flow through these statistics.
    Support,
    /// Exponential averages over training, kept as buffers: for ordinary training, and for
    /// predictions that depend on one example alone.
    Running,
}

/// Who changes the scale γ and the shift β of a normalisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Affine {
    /// They are adapted to each task.
    #[default]
    Adapted,
    /// They are shared by all tasks and learned in the outer loop.
    Shared,
    /// There are none.
    None,
}

impl Affine {
    /// γ from ones and β from zeros, `weight` and `bias` in `vb`, in the list that this says.
    pub(crate) fn parameters(self, vb: &VarBuilder, shape: &[usize]) -> Result<Parameters> {
        let both = || -> Result<Vec<Parameter>> {
            let weight = Parameter::new(vb, "weight", shape, Init::Const(1.0))?;
            Ok(vec![weight, Parameter::new(vb, "bias", shape, Init::Const(0.0))?])
        };
        Ok(match self {
            Affine::Adapted => Parameters::new(Vec::new(), both()?),
            Affine::Shared => Parameters::new(both()?, Vec::new()),
            Affine::None => Parameters::default(),
        })
    }
}

/// The sizes and the mode of a [`BatchNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNormConfig {
    /// The number of features or channels, `c`.
    pub features: usize,
    /// Added to the variance, positive.
    pub eps: f64,
    /// The weight of a new value in running averages, from 0 to 1.
    pub momentum: f64,
    /// Whose mean and variance are used.
    pub statistics: Statistics,
    /// Who changes γ and β.
    pub affine: Affine,
}

impl BatchNormConfig {
    /// Statistics of the examples at hand, γ and β adapted, ε = 1e-5, momentum 0.1.
    pub fn new(features: usize) -> Self {
        let (statistics, affine) = (Statistics::default(), Affine::default());
        Self { features, eps: 1e-5, momentum: 0.1, statistics, affine }
    }
}

/// Batch normalisation over examples and pixels: `y = γ (x − μ) / √(σ² + ε) + β` for each channel,
/// with μ and σ² its mean and (biased) variance over the examples and pixels that
/// [`Statistics`] and [`Phase`] say.
///
/// Tensors: `weight (c)` = γ from ones, `bias (c)` = β from zeros. Buffers: `running_mean (c)` and
/// `running_var (c)` (unbiased, as in PyTorch) of [`Statistics::Running`]; `support_mean` and
/// `support_var`, one for each task, of [`Statistics::Support`]. Half precision is computed in
/// `f32`.
///
/// # Shapes
/// As a `Module`: `(b, c)`, `(b, c, h, w)` or any number of pixel dimensions. As a [`Layer`]: `(t,
/// b, c)`, `(t, b, c, h, w)`. The output has the shape of the input.
///
/// # Source
/// Ioffe, Szegedy, "Batch Normalization" (ICML 2015), algorithm 1. Which statistics a meta-learner
/// should use: Bronskill, Gordon, Requeima, Nowozin, Turner, "TaskNorm: Rethinking Batch
/// Normalization for Meta-Learning" (ICML 2020), section 3.
///
/// # Example
/// Two tasks of three examples each: every task is normalised by itself.
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use msr_autodiff::Node;
/// use msr_layers::{BatchNorm, BatchNormConfig, Input, Layer, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vars = SeededVars::new(0);
/// let norm = BatchNorm::new(BatchNormConfig::new(1), vars.builder(DType::F64, &Device::Cpu))?;
/// let x = Tensor::new(&[[[1f64], [2.], [3.]], [[10.], [10.], [40.]]], &Device::Cpu)?;
/// let values = norm.parameters().broadcast(2)?;
/// let y = norm.forward_tasks(&values, &Input::Examples(Node::constant(&x)))?;
/// let y = y.value().flatten_all()?.to_vec1::<f64>()?;
/// assert!((y[0] + 1.2247).abs() < 1e-4 && y[1] == 0.0 && (y[3] + 0.7071).abs() < 1e-4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BatchNorm {
    config: BatchNormConfig,
    name: String,
    parameters: Parameters,
}

impl BatchNorm {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When there are no features, ε is not positive, the momentum not between 0 and 1, or `vb` has
    /// a tensor of another shape.
    pub fn new(config: BatchNormConfig, vb: VarBuilder) -> Result<Self> {
        let BatchNormConfig { features, eps, momentum, statistics, affine } = config;
        require_sizes(LAYER, &[("features", features)])?;
        check_eps(LAYER, eps)?;
        if !(0.0..=1.0).contains(&momentum) {
            let problem = format!("momentum must be between 0 and 1, got {momentum}");
            return Err(Error::Config { layer: LAYER, problem });
        }
        let mut parameters = affine.parameters(&vb, &[features])?;
        parameters.buffers = match statistics {
            Statistics::Batch => Vec::new(),
            Statistics::Support => {
                ["support_mean", "support_var"].map(|name| Buffer::of_task(&vb, name, &[features])).to_vec()
            }
            Statistics::Running => vec![
                Buffer::running(&vb, "running_mean", &[features], 0.0, momentum)?,
                Buffer::running(&vb, "running_var", &[features], 1.0, momentum)?,
            ],
        };
        Ok(Self { config, name: vb.prefix(), parameters })
    }

    /// The sizes and the mode.
    pub fn config(&self) -> BatchNormConfig {
        self.config
    }

    /// One step of ordinary training in candle: normalises `x` with its own statistics, and with
    /// [`Statistics::Running`] moves the running averages towards them, in place.
    ///
    /// # Errors
    /// When the input does not fit, or the running averages are constants.
    pub fn forward_train(&self, x: &Tensor) -> Result<Tensor> {
        let (y, statistics) = self.plain(x, None)?;
        for (buffer, statistic) in self.parameters.buffers.iter().zip(&statistics) {
            if let Some(next) = buffer.next(&Node::constant(statistic))? {
                buffer.set(&next)?;
            }
        }
        Ok(y)
    }

    /// `x (b, c, …)` as one task.
    fn plain(&self, x: &Tensor, given: Option<[&Tensor; 2]>) -> Result<(Tensor, [Tensor; 2])> {
        let (y, statistics) = self.apply(&x.unsqueeze(0)?, given, &self.own_affine())?;
        Ok((y.squeeze(0)?, statistics))
    }

    /// γ and β as they are, or none.
    pub(crate) fn own_affine(&self) -> Vec<&Tensor> {
        self.parameters.iter().map(|p| &p.tensor).collect()
    }

    /// The running averages, where there are any.
    pub(crate) fn running(&self) -> Option<[&Tensor; 2]> {
        match self.parameters.buffers.as_slice() {
            [Buffer { tensor: Some(mean), .. }, Buffer { tensor: Some(variance), .. }] => {
                Some([mean, variance])
            }
            _ => None,
        }
    }

    /// The normalised `x (t, b, c, …)`, and the statistics `(t, c)` that belong into the buffers;
    /// `given` and `affine` (γ and β, or none) are `(c)` or `(t, c)`.
    pub(crate) fn apply<V: Value>(
        &self,
        x: &V,
        given: Option<[&V; 2]>,
        affine: &[&V],
    ) -> Result<(V, [V; 2])> {
        let BatchNormConfig { features: c, eps, statistics, .. } = self.config;
        let dims = x.dims().to_vec();
        let &[t, b, channels, ref pixels @ ..] = dims.as_slice() else { return Err(self.wrong_input(&dims)) };
        if channels != c {
            return Err(self.wrong_input(&dims));
        }
        let (dtype, wide) = (x.dtype(), wide(x.dtype()));
        let row = |v: &V| -> Result<V> {
            let tasks = v.dims().iter().product::<usize>() / c;
            Ok(v.to_dtype(wide)?.reshape(&[tasks, 1, c, 1])?)
        };
        let p = pixels.iter().product::<usize>();
        let x = x.to_dtype(wide)?.reshape(&[t, b, c, p])?;
        let (centred, variance, found) = match given {
            Some([mean, variance]) => (x.sub(&row(mean)?)?, row(variance)?, [mean.clone(), variance.clone()]),
            None => {
                let n = b * p;
                if n < 2 {
                    return Err(self.too_few(n));
                }
                let mean = x.scaled_sum_keepdim(&[1, 3], 1.0 / n as f64)?;
                let centred = x.sub(&mean)?;
                let variance = centred.mul(&centred)?.scaled_sum_keepdim(&[1, 3], 1.0 / n as f64)?;
                let kept = |v: &V, scale: f64| -> Result<V> {
                    let v = v.reshape(&[t, c])?.map(Unary::Affine { scale, offset: 0.0 })?;
                    Ok(v.to_dtype(dtype)?)
                };
                let unbiased =
                    if statistics == Statistics::Running { n as f64 / (n - 1) as f64 } else { 1.0 };
                let found = [kept(&mean, 1.0)?, kept(&variance, unbiased)?];
                (centred, variance, found)
            }
        };
        let scale = variance.map(Unary::Affine { scale: 1.0, offset: eps })?.map(Unary::Sqrt)?;
        let scale = scale.map(Unary::Reciprocal)?;
        let y = match affine {
            [weight, bias] => centred.mul(&row(weight)?.mul(&scale)?)?.add(&row(bias)?)?,
            _ => centred.mul(&scale)?,
        };
        Ok((y.reshape(&dims)?.to_dtype(dtype)?, found))
    }

    /// The statistics to normalise with in this pass; `None` for those of the examples at hand.
    pub(crate) fn given<'a>(&self, values: &'a Values) -> Result<Option<[&'a Node; 2]>> {
        match (self.config.statistics, values.pass.phase) {
            (Statistics::Batch, _) | (_, Phase::Support) | (Statistics::Running, Phase::Train) => Ok(None),
            _ => match values.buffers.as_slice() {
                [Some(mean), Some(variance)] => Ok(Some([mean, variance])),
                _ => Err(Error::Config { layer: LAYER, problem: self.no_statistics() }),
            },
        }
    }

    fn no_statistics(&self) -> String {
        format!(
            "`{}` normalises queries with the statistics of their task's support set, and there are none: adapt the \
             model to a support set first (a file of an adapted model holds them), or use Statistics::Batch",
            self.name
        )
    }

    fn too_few(&self, n: usize) -> Error {
        let problem = format!(
            "`{}` normalises each channel with statistics of {n} number{}, which leaves nothing of it; use more \
             examples or larger images, or Statistics::Running, or Statistics::Support for single queries",
            self.name,
            if n == 1 { "" } else { "s" }
        );
        Error::Config { layer: LAYER, problem }
    }

    fn wrong_input(&self, got: &[usize]) -> Error {
        let expected = format!("(tasks, examples, {}, …); without tasks as a Module", self.config.features);
        Error::Shape { layer: LAYER, what: "input", expected, got: got.to_vec() }
    }
}

/// The type that half precision is computed in; others as they are.
pub(crate) fn wide(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

/// Refuses what cannot be added to a variance.
pub(crate) fn check_eps(layer: &'static str, eps: f64) -> Result<()> {
    if eps > 0.0 && eps.is_finite() {
        return Ok(());
    }
    Err(Error::Config { layer, problem: format!("eps must be a positive number, got {eps}") })
}

/// Predictions: with [`Statistics::Running`] by the running averages, otherwise by the statistics
/// of the input. [`BatchNorm::forward_train`] is for training.
impl Module for BatchNorm {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.plain(x, self.running())?.0)
    }
}

impl Layer for BatchNorm {
    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        Ok(self.of_tasks(values, input.node())?.0)
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        let (y, statistics) = self.of_tasks(values, input.node())?;
        Ok((y, if values.buffers.is_empty() { Vec::new() } else { statistics.to_vec() }))
    }

    /// Mean, difference, square and sum, scale, shift: six for each number.
    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(Flops::per_example(6 * output.iter().product::<usize>()))
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let tensors = tensors(LAYER, &self.parameters, values)?;
        let spec = json!({ "layer": "batch_norm", "name": self.name, "config": data(LAYER, &self.config)? });
        Ok(Some(LayerRecord { spec, tensors }))
    }
}

impl BatchNorm {
    fn of_tasks(&self, values: &Values, x: &Node) -> Result<(Node, [Node; 2])> {
        let affine = self.checked(values, x)?;
        self.apply(x, self.given(values)?, &affine)
    }

    /// γ and β, or none, of values that fit the layer and the tasks of `x`.
    pub(crate) fn checked<'a>(&self, values: &'a Values, x: &Node) -> Result<Vec<&'a Node>> {
        self.parameters.check(LAYER, values)?;
        if let (Some(tasks), Some(&t)) = (values.tasks(), x.dims().first())
            && tasks != t
        {
            return Err(self.wrong_input(x.dims()));
        }
        Ok(values.iter().collect())
    }
}
