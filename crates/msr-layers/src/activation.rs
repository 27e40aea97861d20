//! Layers without parameters.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::{Node, Unary, Value};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::layer::{Input, Layer};
use crate::parameters::Parameters;
use crate::record::{LayerRecord, data};
use crate::summary::Flops;
use crate::values::Values;

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

impl Activation {
    fn apply<V: Value>(self, x: &V) -> Result<V> {
        Ok(x.map(match self {
            Activation::Relu => Unary::Relu,
            Activation::Tanh => Unary::Tanh,
            Activation::Softplus => Unary::Softplus,
        })?)
    }
}

impl Module for Activation {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.apply(x)?)
    }
}

impl Layer for Activation {
    fn parameters(&self) -> Parameters {
        Parameters::default()
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, _: &Values, input: &Input) -> Result<Node> {
        self.apply(input.node())
    }

    fn flops(&self, _: &[usize], output: &[usize]) -> Option<Flops> {
        Some(Flops::per_example(output.iter().product::<usize>()))
    }

    fn record(&self, _: &Values) -> Result<Option<LayerRecord>> {
        let spec = json!({ "layer": "activation", "function": data("Activation", self)? });
        Ok(Some(LayerRecord { spec, tensors: Vec::new() }))
    }
}
