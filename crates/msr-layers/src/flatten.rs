//! All numbers of an example in one row.

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::{Node, Value};
use serde_json::json;

use crate::error::{Error, Result};
use crate::layer::{Input, Layer};
use crate::parameters::Parameters;
use crate::record::LayerRecord;
use crate::summary::Flops;
use crate::values::Values;

/// All numbers of an example in one row, channel by channel, row by row.
///
/// # Shapes
/// As a `Module`: `(b, …) -> (b, n)`. As a [`Layer`]: `(t, b, …) -> (t, b, n)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flatten;

impl Flatten {
    /// What comes after the first `kept` dimensions as one.
    fn apply<V: Value>(x: &V, kept: usize) -> Result<V> {
        let dims = x.dims();
        let Some((lead, rest)) = dims.split_at_checked(kept) else {
            let expected = if kept == 1 { "(examples, …)" } else { "(tasks, examples, …)" };
            let (expected, got) = (expected.into(), dims.to_vec());
            return Err(Error::Shape { layer: "Flatten", what: "input", expected, got });
        };
        Ok(x.reshape(&[lead, &[rest.iter().product()]].concat())?)
    }
}

impl Module for Flatten {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(Self::apply(x, 1)?)
    }
}

impl Layer for Flatten {
    fn parameters(&self) -> Parameters {
        Parameters::default()
    }

    fn draws_nothing(&self) -> bool {
        true
    }

    fn forward_tasks(&self, _: &Values, input: &Input) -> Result<Node> {
        Self::apply(input.node(), 2)
    }

    fn flops(&self, _: &[usize], _: &[usize]) -> Option<Flops> {
        Some(Flops::default())
    }

    fn record(&self, _: &Values) -> Result<Option<LayerRecord>> {
        Ok(Some(LayerRecord { spec: json!({ "layer": "flatten" }), tensors: Vec::new() }))
    }
}
