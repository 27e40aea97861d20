//! The reparameterized convolution over two dimensions.
//!
//! Two forms of `vec(W) = U v` for weights `W (o, c, k²)`:
//! - *Kronecker*: `U = A ⊗ B ⊗ C` with A over output channels, B over input channels, C over the
//!   taps of the filter, and v as large as W: `W[i, j, s] = Σ A[i, a] B[j, b] C[s, r] v[a, b, r]`.
//!   U is never formed: the factors are applied one after the other, `o c k² (o + c + k²)`
//!   multiply–adds instead of `(o c k²)²`.
//! - *Full*: any U of `(o c k²) × k_v`, as in [`ReparamLinear`](crate::ReparamLinear).
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
//! section 4.2 and appendix. Symbols: `symmetry` = U, `filter` = v. A layer that starts from the
//! identity trains what A, B and C have beyond it (so that zeros are the right start),
//! `symmetry_out = A − 1` and so on; one whose factors come from a file trains the factors
//! themselves.

use candle_core::Tensor;
use candle_nn::{Init, Module, VarBuilder};
use msr_autodiff::{Node, SecondMoments, Value, room_for};
use serde::{Deserialize, Serialize};

use crate::convolution::{Conv2dConfig, Convolution};
use crate::error::{Error, Result, require_sizes};
use crate::layer::{Input, Layer, LinearInAdapted, Weight};
use crate::linear::{bias_parameter, transposed};
use crate::normal_equations::NormalEquations;
use crate::parameters::{Parameter, Parameters};
use crate::record::{LayerRecord, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "ReparamConv2d";
/// What A, B and C have beyond the identity.
const DEVIATIONS: [&str; 3] = ["symmetry_out", "symmetry_in", "symmetry_taps"];
/// A, B and C themselves. The two never share a name, so a checkpoint of one is none of the other.
const FACTORS: [&str; 3] = ["factor_out", "factor_in", "factor_taps"];

/// The form of the symmetry matrix of a [`ReparamConv2d`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConvSymmetry {
    /// `A ⊗ B ⊗ C`, from the identity: the tensors hold what the factors have beyond it, A − 1, B −
    /// 1 and C − 1.
    Kronecker,
    /// `A ⊗ B ⊗ C` with factors that are given: the tensors `factor_*` hold A, B and C. This is how
    /// a learned layer is saved and loaded.
    KroneckerFactors,
    /// A matrix with so many columns, from N(0, std²).
    Full {
        /// The number of filter parameters, `k_v`.
        filter_params: usize,
        /// The standard deviation at the start.
        std: f64,
    },
}

/// The sizes of a [`ReparamConv2d`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReparamConv2dConfig {
    /// The sizes of the convolution.
    pub conv: Conv2dConfig,
    /// The form of U.
    pub symmetry: ConvSymmetry,
    /// The standard deviation of the filter parameters at the start: uniformly distributed in the
    /// Kronecker form, where they are the weights of a convolution, normally with a full U.
    pub filter_std: f64,
}

impl ReparamConv2dConfig {
    /// Kronecker factors from the identity, v from U(−1/√(c k²), 1/√(c k²)): at the start the layer
    /// is a `Conv2d`.
    pub fn kronecker(conv: Conv2dConfig) -> Self {
        Self { conv, symmetry: ConvSymmetry::Kronecker, filter_std: conv.bound() / 3f64.sqrt() }
    }

    /// A full U with `filter_params` columns from N(0, 0.01²), `v ~ N(0, 1/o²)`, as for fully
    /// connected layers.
    pub fn full(conv: Conv2dConfig, filter_params: usize) -> Self {
        let filter_std = 1.0 / conv.out_channels.max(1) as f64;
        Self { conv, symmetry: ConvSymmetry::Full { filter_params, std: 0.01 }, filter_std }
    }
}

/// A convolution with `vec(W) = U v`; see the module's documentation for the two forms of U.
///
/// Tensors, Kronecker: `symmetry_out (o, o)`, `symmetry_in (c, c)`, `symmetry_taps (k², k²)`,
/// shared, what A, B and C have beyond the identity, or `factor_out`, `factor_in`, `factor_taps`,
/// A, B and C themselves (see [`ConvSymmetry`]); `filter (o, c, k²)`, adapted. Full:
/// `symmetry (o c k², k_v)`, shared; `filter (k_v)`, adapted. With a bias, `bias (o)`, adapted.
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, o, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, o,
/// oh, ow)`.
///
/// # Example
/// With factors at the identity it is the convolution whose weights are the filter parameters:
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::Module;
/// use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vars = SeededVars::new(0);
/// let config = ReparamConv2dConfig::kronecker(Conv2dConfig::new(1, 24, 3));
/// let layer = ReparamConv2d::new(config, vars.builder(DType::F32, &Device::Cpu))?;
/// let weight = layer.weight_of(layer.filter())?;
/// assert_eq!(weight.dims(), [24, 1, 9]);
/// let difference = (&weight - layer.filter())?.abs()?.max_all()?.to_scalar::<f32>()?;
/// assert!(difference < 1e-7);
/// let y = layer.forward(&Tensor::ones((2, 1, 32, 32), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(y.dims(), [2, 24, 30, 30]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReparamConv2d {
    config: ReparamConv2dConfig,
    convolution: Convolution,
    /// Shared: A, B and C, or U.
    parameters: Parameters,
    /// The identities that the tensors of A, B and C lack; none when they hold the factors
    /// themselves.
    identities: Vec<Tensor>,
}

impl ReparamConv2d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When a size is zero or `vb` has a tensor of another shape.
    pub fn new(config: ReparamConv2dConfig, vb: VarBuilder) -> Result<Self> {
        let conv = config.conv;
        let convolution = Convolution::new(LAYER, conv)?;
        let (o, c, taps) = (conv.out_channels, conv.in_channels, conv.kernel * conv.kernel);
        let normal = |stdev: f64| Init::Randn { mean: 0.0, stdev };
        let bound = 3f64.sqrt() * config.filter_std;
        let uniform = Init::Uniform { lo: -bound, up: bound };
        let sizes = [o, c, taps];
        let factors = |names: [&str; 3]| -> Result<Vec<Parameter>> {
            let named = names.into_iter().zip(sizes);
            named.map(|(name, size)| Parameter::new(&vb, name, &[size, size], Init::Const(0.0))).collect()
        };
        let identity = |size| msr_autodiff::identity(size, vb.dtype(), vb.device());
        let (shared, identities, filter) = match config.symmetry {
            ConvSymmetry::Kronecker => {
                let identities =
                    sizes.into_iter().map(identity).collect::<msr_autodiff::KernelResult<_>>()?;
                (factors(DEVIATIONS)?, identities, (sizes.to_vec(), uniform))
            }
            ConvSymmetry::KroneckerFactors => (factors(FACTORS)?, Vec::new(), (sizes.to_vec(), uniform)),
            ConvSymmetry::Full { filter_params, std } => {
                require_sizes(LAYER, &[("filter_params", filter_params)])?;
                let shape = [o * c * taps, filter_params];
                let symmetry = Parameter::new(&vb, "symmetry", &shape, normal(std))?;
                (vec![symmetry], Vec::new(), (vec![filter_params], normal(config.filter_std)))
            }
        };
        let mut adapted = vec![Parameter::new(&vb, "filter", &filter.0, filter.1)?];
        if conv.bias {
            adapted.push(bias_parameter(&vb, o, conv.bound())?);
        }
        Ok(Self { config, convolution, parameters: Parameters::new(shared, adapted), identities })
    }

    /// The sizes.
    pub fn config(&self) -> ReparamConv2dConfig {
        self.config
    }

    /// The filter parameters v.
    pub fn filter(&self) -> &Tensor {
        &self.parameters.adapted[0].tensor
    }

    /// A, B and C of the Kronecker form, or U alone.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn symmetry(&self) -> Result<Vec<Tensor>> {
        let tensors: Vec<Tensor> = self.parameters.shared.iter().map(|p| p.tensor.clone()).collect();
        self.factors(&tensors, &self.identities)
    }

    /// The weight of each of several filters: v with leading dimensions `-> (…, o, c, k²)`.
    ///
    /// # Errors
    /// When the filter does not have the layer's shape.
    pub fn weight_of(&self, filter: &Tensor) -> Result<Tensor> {
        let own = self.parameters.adapted[0].tensor.dims();
        let got = filter.dims();
        if got.len() < own.len() || got[got.len() - own.len()..] != *own {
            let (expected, got) = (format!("(…, {own:?})"), got.to_vec());
            return Err(Error::Shape { layer: LAYER, what: "filter", expected, got });
        }
        let conv = self.config.conv;
        let flat = self.expand(&self.symmetry()?, filter)?;
        let lead = &flat.dims()[..flat.rank() - 2];
        let shape = [lead, &[conv.out_channels, conv.in_channels, conv.kernel * conv.kernel]].concat();
        Ok(flat.reshape(shape)?)
    }

    /// The factors themselves, from what they have beyond the identity; a full U as it is.
    fn factors<V: Value>(&self, stored: &[V], identities: &[V]) -> Result<Vec<V>> {
        if identities.is_empty() {
            return Ok(stored.to_vec());
        }
        stored.iter().zip(identities).map(|(s, identity)| Ok(s.add(identity)?)).collect()
    }

    /// `W = unvec(U v)`: `(…, o, c k²)`.
    fn expand<V: Value>(&self, symmetry: &[V], filter: &V) -> Result<V> {
        let conv = self.config.conv;
        let (o, c, taps) = (conv.out_channels, conv.in_channels, conv.kernel * conv.kernel);
        let own = self.parameters.adapted[0].tensor.rank();
        let lead = filter.dims()[..filter.dims().len() - own].to_vec();
        let count: usize = lead.iter().product();
        let shaped = |v: &V, tail: &[usize]| v.reshape(&[&[count], tail].concat());
        let weight = match symmetry {
            [a, b, third] => {
                // Taps, then input channels, then output channels.
                let mut v = filter.reshape(&[count * o * c, taps])?.matmul(&transposed(third)?)?;
                if c == 1 {
                    v = shaped(&v, &[o, taps])?.mul(b)?;
                } else {
                    let rows = shaped(&v, &[o, c, taps])?;
                    v = b.matmul(&rows)?;
                }
                a.matmul(&shaped(&v, &[o, c * taps])?)?
            }
            [u] => filter
                .reshape(&[count, self.parameters.adapted[0].tensor.dims()[0]])?
                .matmul(&transposed(u)?)?,
            _ => {
                return Err(Error::Config { layer: LAYER, problem: "neither one symmetry nor three".into() });
            }
        };
        Ok(weight.reshape(&[&lead[..], &[o, c * taps]].concat())?)
    }

    /// A, B and C, or U, as nodes.
    fn symmetry_of(&self, values: &Values) -> Result<Vec<Node>> {
        let identities: Vec<Node> = self.identities.iter().map(Node::constant).collect();
        self.factors(&values.shared, &identities)
    }

    /// The numerics.
    pub(crate) fn convolution(&self) -> Convolution {
        self.convolution
    }

    /// The weight of the parameters as they are, `(o, c k²)`.
    pub(crate) fn own_weight(&self) -> Result<Tensor> {
        self.expand(&self.symmetry()?, self.filter())
    }

    /// `W = unvec(U v)` of each task, `(t, o, c k²)`.
    pub(crate) fn expanded(&self, values: &Values) -> Result<Node> {
        self.parameters.check(LAYER, values)?;
        let filter = &values.adapted[0];
        if let [a, b, c] = values.shared.as_slice()
            && filter.kronecker_is_one_pass([a, b, c])
        {
            let weight = filter.kronecker([a, b, c], !self.identities.is_empty())?;
            let conv = self.config.conv;
            return Ok(weight.reshape(&[filter.dims()[0], conv.out_channels, conv.fan_in()])?);
        }
        self.expand(&self.symmetry_of(values)?, filter)
    }

    /// The weight `(k, o, c k²)` that each filter parameter stands for.
    fn unit_weights(&self, values: &Values) -> Result<Node> {
        let filter = self.filter();
        let k = filter.elem_count();
        room_for(LAYER, &[k, k])?;
        let units = msr_autodiff::identity(k, filter.dtype(), filter.device())?;
        let units = Node::constant(&units.reshape([&[k], filter.dims()].concat())?);
        self.expand(&self.symmetry_of(values)?, &units)
    }
}

impl Module for ReparamConv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let weight = self.own_weight()?;
        let bias = self.parameters.adapted.get(1).map(|b| &b.tensor);
        Ok(self.convolution.apply(&weight, bias, &self.convolution.columns(x)?)?)
    }
}

impl Layer for ReparamConv2d {
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
        let (o, c) = (self.config.conv.out_channels, self.config.conv.in_channels);
        let taps = self.config.conv.kernel * self.config.conv.kernel;
        let columns = match self.config.symmetry {
            ConvSymmetry::Full { filter_params, .. } => filter_params,
            _ => o + c + taps,
        };
        let per_task = (2 * o * c * taps * columns) as u64;
        Some(Flops { per_task, ..self.convolution.flops(output) })
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        let Conv2dConfig { in_channels, out_channels, kernel, .. } = self.config.conv;
        let flat = self.expanded(values)?;
        let value = flat.reshape(&[flat.dims()[0], out_channels, in_channels, kernel, kernel])?;
        Ok(vec![Weight { layer: prefix(&self.parameters), value }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        self.parameters.check(LAYER, values)?;
        let meant = Values { shared: self.symmetry_of(values)?, ..values.clone() };
        let (mut config, mut parameters) = (self.config, self.parameters.clone());
        if config.symmetry == ConvSymmetry::Kronecker {
            config.symmetry = ConvSymmetry::KroneckerFactors;
            for (p, (from, to)) in parameters.shared.iter_mut().zip(DEVIATIONS.into_iter().zip(FACTORS)) {
                let lead = p.name.len() - from.len();
                p.name.replace_range(lead.., to);
            }
        }
        Ok(Some(LayerRecord::new(LAYER, "reparam_conv2d", &config, &parameters, &meant)?))
    }
}

impl LinearInAdapted for ReparamConv2d {
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
        self.convolution.normal_equations(self, values, examples, targets, Some(|| self.unit_weights(values)))
    }

    fn normal_equations_from(
        &self,
        values: &Values,
        moments: &SecondMoments,
    ) -> Result<Option<NormalEquations>> {
        self.parameters.check_shared(LAYER, values)?;
        Ok(Some(self.convolution.equations_from(&self.unit_weights(values)?, moments)?))
    }
}
