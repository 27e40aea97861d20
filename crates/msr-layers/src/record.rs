//! A layer as it is saved.

use candle_core::Tensor;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::parameters::{Parameters, Values};

/// A layer as it is saved: what it is, as data, and its tensors.
#[derive(Clone, Debug)]
pub struct LayerRecord {
    /// Its kind (`layer`), its `name` and its sizes (`config`), from which
    /// [`LayerSpec`](crate::LayerSpec) builds it again.
    pub spec: Value,
    /// Its tensors by full name; those of adapted parameters have a leading task dimension.
    pub tensors: Vec<(String, Tensor)>,
}

impl LayerRecord {
    /// The record of a layer of this kind whose tensors are stored as it holds them.
    ///
    /// # Errors
    /// When the values do not fit the parameters.
    pub fn new(
        layer: &'static str,
        kind: &str,
        config: &impl Serialize,
        parameters: &Parameters,
        values: &Values,
    ) -> Result<Self> {
        parameters.check(layer, values)?;
        let tensors = parameters.iter().zip(values.iter());
        let tensors = tensors.map(|(p, node)| (p.name.clone(), node.value().clone())).collect();
        let spec = json!({ "layer": kind, "name": prefix(parameters), "config": data(layer, config)? });
        Ok(Self { spec, tensors })
    }
}

/// A configuration as data.
pub(crate) fn data(layer: &'static str, config: &impl Serialize) -> Result<Value> {
    serde_json::to_value(config).map_err(|e| Error::Config { layer, problem: e.to_string() })
}

/// The name of a layer: what the names of its parameters have before the last dot.
pub(crate) fn prefix(parameters: &Parameters) -> String {
    let first = parameters.iter().next().and_then(|p| p.name.rsplit_once('.'));
    first.map_or_else(String::new, |(prefix, _)| prefix.to_string())
}
