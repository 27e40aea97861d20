//! A layer as it is saved.

use candle_core::Tensor;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::parameters::Parameters;
use crate::values::Values;

/// A layer as it is saved: what it is, as data, and its tensors.
#[derive(Clone, Debug)]
pub struct LayerRecord {
    /// Its kind (`layer`), its `name` and its sizes (`config`), from which
    /// [`LayerSpec`](crate::LayerSpec) builds it again.
    pub spec: Value,
    /// Its tensors by full name; those of adapted parameters have a leading task dimension, and so
    /// have statistics that belong to a task. Those that are not known are not there.
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
        let spec = json!({ "layer": kind, "name": prefix(parameters), "config": data(layer, config)? });
        Ok(Self { spec, tensors: tensors(layer, parameters, values)? })
    }
}

/// The values of parameters and buffers under their names.
pub(crate) fn tensors(
    layer: &'static str,
    parameters: &Parameters,
    values: &Values,
) -> Result<Vec<(String, Tensor)>> {
    parameters.check(layer, values)?;
    let named = parameters.iter().zip(values.iter()).map(|(p, node)| (&p.name, node));
    let known = parameters.buffers.iter().zip(&values.buffers);
    let known = known.filter_map(|(b, node)| Some((&b.name, node.as_ref()?)));
    Ok(named.chain(known).map(|(name, node)| (name.clone(), node.value().clone())).collect())
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
