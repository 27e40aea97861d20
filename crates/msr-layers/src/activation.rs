//! Layers without parameters.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::Node;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::layer::{Input, Layer};
use crate::parameters::{Parameters, Values};
use crate::record::{LayerRecord, data};

/// A function applied to each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `tanh x`
    Tanh,
    /// `ln(1 + eˣ)`
    Softplus,
}

impl Module for Activation {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Activation::Relu => positive_part(x),
            Activation::Tanh => x.tanh(),
            // max(x, 0) + ln(1 + e^-|x|) does not overflow
            Activation::Softplus => positive_part(x)? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
        }
    }
}

/// `max(x, 0)` that keeps NaN, which candle's own relu turns into zero.
fn positive_part(x: &Tensor) -> candle_core::Result<Tensor> {
    x.lt(0f64)?.where_cond(&x.zeros_like()?.detach(), x)
}

impl Layer for Activation {
    fn parameters(&self) -> Parameters {
        Parameters::default()
    }

    fn forward_tasks(&self, _: &Values, input: &Input) -> Result<Node> {
        let x = input.node();
        Ok(match self {
            Activation::Relu => x.relu()?,
            Activation::Tanh => x.tanh()?,
            Activation::Softplus => x.softplus()?,
        })
    }

    fn record(&self, _: &Values) -> Result<Option<LayerRecord>> {
        let spec = json!({ "layer": "activation", "function": data("Activation", self)? });
        Ok(Some(LayerRecord { spec, tensors: Vec::new() }))
    }
}
