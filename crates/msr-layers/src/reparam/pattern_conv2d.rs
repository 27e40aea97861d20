//! The convolution whose symmetry matrix is a sharing pattern: the oracle, for groups that permute the taps.
//!
//! Quarter turns and flips permute the taps of a filter; over output channels and taps their pattern is that of a fully
//! connected layer, `W[i, s] = v[label(i, s)]`.

use candle_core::Tensor;
use candle_nn::{Module, VarBuilder};
use msr_autodiff::{Node, SecondMoments};

use super::pattern::{PatternLinear, PatternLinearConfig};
use crate::conv2d::Conv2dConfig;
use crate::error::{Error, Result};
use crate::layer::{Input, Layer, Parameter, Role, check_parameters, check_shared};
use crate::least_squares::NormalEquations;

const LAYER: &str = "PatternConv2d";

/// A convolution with tied weights: [`PatternLinear`] over output channels and `c · k²` taps.
///
/// Tensors as of [`PatternLinear`]: `filter (k)`, with a bias `bias (k_b)`, with learned entries `entries (o · c k²)`.
///
/// # Shapes
/// As a `Module`: `(b, c, h, w) -> (b, o, oh, ow)`. As a [`Layer`]: `(t, b, c, h, w) -> (t, b, o, oh, ow)`.
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
    weights: PatternLinear,
}

impl PatternConv2d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    /// When the pattern is not one of `o` outputs and `c k²` inputs, `conv` and `pattern` disagree about a bias, or as
    /// [`PatternLinear::new`].
    pub fn new(conv: Conv2dConfig, pattern: PatternLinearConfig, vb: VarBuilder) -> Result<Self> {
        conv.check(LAYER)?;
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
        Ok(Self { conv, weights: PatternLinear::new(pattern, vb)? })
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

impl Module for PatternConv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let weight = self.weights.weight_of(self.weights.filter())?;
        let bias = self.weights.bias()?;
        Ok(self.conv.apply(LAYER, &weight, bias.as_ref(), &self.conv.columns(LAYER, x)?)?)
    }
}

impl Layer for PatternConv2d {
    fn parameters(&self) -> Vec<Parameter> {
        self.weights.parameters()
    }

    fn prepare(&self, _: &[Node], examples: &Node, _: usize) -> Result<Input> {
        Ok(Input::Prepared(self.conv.columns(LAYER, examples)?))
    }

    fn forward_tasks(&self, parameters: &[Node], input: &Input) -> Result<Node> {
        check_parameters(LAYER, self.weights.own(), parameters)?;
        let (weight, bias) = self.weights.expanded(parameters)?;
        match input {
            Input::Examples(x) => {
                self.conv.apply(LAYER, &weight, bias.as_ref(), &self.conv.columns(LAYER, x)?)
            }
            Input::Prepared(columns) => self.conv.apply(LAYER, &weight, bias.as_ref(), columns),
        }
    }

    fn second_moments(
        &self,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        self.conv.second_moments(LAYER, examples, targets, uses)
    }

    fn squared_error(&self, parameters: &[Node], moments: &SecondMoments) -> Result<Node> {
        check_parameters(LAYER, self.weights.own(), parameters)?;
        let (weight, bias) = self.weights.expanded(parameters)?;
        self.conv.squared_error(LAYER, &weight, bias.as_ref(), moments)
    }

    fn normal_equations(
        &self,
        parameters: &[Node],
        examples: &Node,
        targets: &Tensor,
    ) -> Result<NormalEquations> {
        check_shared(LAYER, self.weights.own(), parameters)?;
        self.conv.normal_equations(self, parameters, examples, targets, || {
            if self.conv.bias {
                // Tied biases: the unknowns are not one a channel.
                return Ok(None);
            }
            let filter = self.weights.filter();
            let units = Tensor::eye(filter.elem_count(), filter.dtype(), filter.device())?;
            let own = self.weights.own().zip(parameters);
            let mut nodes: Vec<Node> =
                own.filter(|(p, _)| p.role == Role::Shared).map(|(_, node)| node.clone()).collect();
            nodes.push(Node::constant(&units));
            Ok(Some(self.weights.expanded(&nodes)?.0))
        })
    }
}
