//! Layers without parameters.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::Node;

use crate::error::Result;
use crate::layer::{Input, Layer, Parameter};

/// A function applied to each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
            // max(x, 0) + ln(1 + e^-|x|) does not overflow
            Activation::Softplus => x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
        }
    }
}

impl Layer for Activation {
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    fn forward_tasks(&self, _: &[Node], input: &Input) -> Result<Node> {
        let x = input.node();
        Ok(match self {
            Activation::Relu => x.relu()?,
            Activation::Tanh => x.tanh()?,
            Activation::Softplus => x.softplus()?,
        })
    }
}
