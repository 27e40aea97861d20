//! The convolution whose symmetry matrix is a sharing pattern: the oracle, for groups that permute
//! the taps.
//!
//! Quarter turns and flips permute the taps of a filter; over output channels and taps their
//! pattern is that of a fully connected layer, `W[i, s] = v[label(i, s)]`.

use candle_core::Tensor;
use candle_nn::{Module, VarBuilder};
use msr_autodiff::{Node, SecondMoments};

use super::pattern::{PatternLinear, PatternLinearConfig};
use crate::convolution::{Conv2dConfig, Convolution};
use crate::error::{Error, Result};
use crate::layer::{Input, Layer, LinearInAdapted, Weight};
use crate::normal_equations::NormalEquations;
use crate::parameters::Parameters;
use crate::record::{LayerRecord, data, prefix};
use crate::summary::Flops;
use crate::values::Values;

const LAYER: &str = "PatternConv2d";

/// A convolution with tied weights: [`PatternLinear`] over output channels and `c · k²` taps.
///
/// Tensors as of [`PatternLinear`]: `filter (k)`, with a bias `bias (k_b)`, with learned entries
/// `entries (o · c k²)`.
///
/// With a stride, images whose windows do not reach from edge to edge are refused: on them no
/// filter is equivariant.
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, o, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, o,
/// oh, ow)`.
///
/// # Example
/// Filters in eight turned and mirrored copies: two fields of the regular representation of D_4.
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::Module;
/// use msr_groups::{Action, SharingPattern, square_grid};
/// use msr_layers::{Conv2dConfig, PatternConv2d, PatternLinearConfig, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let group = square_grid(3)?; // acts on the nine taps
/// let channels = Action::regular(&group)?.with_channels(2)?;
/// let pattern = SharingPattern::new(&channels, &Action::natural(&group))?;
/// assert_eq!(pattern.free_parameters(), 2 * 9);
/// let vars = SeededVars::new(0);
/// let vb = vars.builder(DType::F32, &Device::Cpu);
/// let layer = PatternConv2d::new(Conv2dConfig::new(1, 16, 3), PatternLinearConfig::new(pattern), vb)?;
/// let y = layer.forward(&Tensor::ones((1, 1, 8, 8), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(y.dims(), [1, 16, 6, 6]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PatternConv2d {
    conv: Conv2dConfig,
    convolution: Convolution,
    weights: PatternLinear,
}

impl PatternConv2d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When the pattern is not one of `o` outputs and `c k²` inputs, `conv` and `pattern` disagree
    /// about a bias, or as [`PatternLinear::new`].
    pub fn new(conv: Conv2dConfig, pattern: PatternLinearConfig, vb: VarBuilder) -> Result<Self> {
        let convolution = Convolution::new(LAYER, conv)?;
        let (m, n) = (pattern.pattern.outputs(), pattern.pattern.inputs());
        let expected = (conv.out_channels, conv.fan_in());
        if (m, n) != expected || conv.bias != pattern.bias.is_some() {
            let problem = format!(
                "the pattern is {m} × {n} {} a bias, the convolution {} × {} {} one",
                if pattern.bias.is_some() { "with" } else { "without" },
                expected.0,
                expected.1,
                if conv.bias { "with" } else { "without" }
            );
            return Err(Error::Config { layer: LAYER, problem });
        }
        Ok(Self { conv, convolution, weights: PatternLinear::new(pattern, vb)? })
    }

    /// The sizes.
    pub fn config(&self) -> Conv2dConfig {
        self.conv
    }

    /// The pattern, the filter parameters and the weights of any, `(…, o, c k²)`.
    pub fn weights(&self) -> &PatternLinear {
        &self.weights
    }
}

impl PatternConv2d {
    /// Refuses images whose turned or mirrored copies are read at other places: when windows with a
    /// stride do not end where the padded image ends, they start at one edge and stop short of the
    /// other.
    fn check_stride(&self, dims: &[usize]) -> Result<()> {
        let Conv2dConfig { kernel, stride, padding, .. } = self.conv;
        let [.., h, w] = dims else { return Ok(()) };
        let padded = |size: usize| padding.checked_mul(2).and_then(|both| both.checked_add(size));
        // Sizes beyond all numbers, or smaller than the kernel, are refused as windows.
        let left =
            |size: usize| padded(size).and_then(|size| size.checked_sub(kernel)).map_or(0, |n| n % stride);
        let (below, beside) = (left(*h), left(*w));
        if below == 0 && beside == 0 {
            return Ok(());
        }
        Err(Error::Config {
            layer: LAYER,
            problem: format!(
                "with stride {stride} the windows leave {below} rows and {beside} columns of a {h} × {w} image (kernel \
                 {kernel}, padding {padding}), all at one side: the layer would not be equivariant. Crop or pad the \
                 image so that its size plus twice the padding, minus {kernel}, is a multiple of {stride}"
            ),
        })
    }

    /// Whether moments give the normal equations: tied biases are unknowns that are not one a
    /// channel.
    fn has_equations(&self) -> bool {
        !self.conv.bias
    }

    /// The weight `(k, o, c k²)` that each filter parameter stands for.
    fn unit_weights(&self, values: &Values) -> Result<Node> {
        let filter = self.weights.filter();
        let units = msr_autodiff::identity(filter.elem_count(), filter.dtype(), filter.device())?;
        let units = Values { adapted: vec![Node::constant(&units)], ..values.clone() };
        Ok(self.weights.expanded(&units)?.0)
    }
}

impl Module for PatternConv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.check_stride(x.dims())?;
        let weight = self.weights.weight_of(self.weights.filter())?;
        let bias = self.weights.bias()?;
        Ok(self.convolution.apply(&weight, bias.as_ref(), &self.convolution.columns(x)?)?)
    }
}

impl Layer for PatternConv2d {
    fn parameters(&self) -> Parameters {
        self.weights.parameters()
    }

    fn prepare(&self, _: &Values, examples: &Node, uses: usize) -> Result<Input> {
        self.check_stride(examples.dims())?;
        self.convolution.prepare(examples, uses)
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.weights.own().check(LAYER, values)?;
        if let Input::Examples(x) = input {
            self.check_stride(x.dims())?;
        }
        let (weight, bias) = self.weights.expanded(values)?;
        self.convolution.forward(&weight, bias.as_ref(), input)
    }

    fn linear_in_adapted(&self) -> Option<&dyn LinearInAdapted> {
        Some(self)
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(self.convolution.flops(output))
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.weights.own().check(LAYER, values)?;
        let Conv2dConfig { in_channels, out_channels, kernel, .. } = self.conv;
        let (flat, _) = self.weights.expanded(values)?;
        let value = flat.reshape(&[flat.dims()[0], out_channels, in_channels, kernel, kernel])?;
        Ok(vec![Weight { layer: prefix(self.weights.own()), value }])
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let config = self.weights.config();
        let mut record = LayerRecord::new(LAYER, "pattern_conv2d", config, self.weights.own(), values)?;
        record.spec["conv"] = data(LAYER, &self.conv)?;
        Ok(Some(record))
    }
}

impl LinearInAdapted for PatternConv2d {
    fn second_moments(
        &self,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        self.check_stride(examples.dims())?;
        self.convolution.second_moments(examples, targets, uses)
    }

    fn precise_moments(&self, examples: &Tensor, targets: &Tensor) -> Result<Option<SecondMoments>> {
        self.check_stride(examples.dims())?;
        self.convolution.precise_moments(examples, targets)
    }

    fn squared_error(&self, values: &Values, moments: &SecondMoments) -> Result<Option<Node>> {
        self.weights.own().check(LAYER, values)?;
        let (weight, bias) = self.weights.expanded(values)?;
        self.convolution.squared_error(&weight, bias.as_ref(), moments)
    }

    fn normal_equations(
        &self,
        values: &Values,
        examples: &Node,
        targets: &Tensor,
    ) -> Result<NormalEquations> {
        self.weights.own().check_shared(LAYER, values)?;
        self.convolution.normal_equations(
            self,
            values,
            examples,
            targets,
            self.has_equations().then_some(|| self.unit_weights(values)),
        )
    }

    fn normal_equations_from(
        &self,
        values: &Values,
        moments: &SecondMoments,
    ) -> Result<Option<NormalEquations>> {
        self.weights.own().check_shared(LAYER, values)?;
        match self.has_equations() {
            true => Ok(Some(self.convolution.equations_from(&self.unit_weights(values)?, moments)?)),
            false => Ok(None),
        }
    }
}
