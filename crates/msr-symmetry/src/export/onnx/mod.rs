//! An ONNX model of one layer, whose weights are built in the graph:
//!
//! ```text
//! free (k) ─ Gather(index) ─ Mul(sign) ─ Reshape ─► W (m, n) ─┐
//! free_bias ─ Gather ─ Mul ─────────────────────► b (m) ──────┤
//! x (batch, …) ─ Reshape ─────────────────────────────────────┴─ Gemm ─ Reshape ─► y (batch, …)
//! ```
//!
//! The free parameters are initializers; where they are not known, initial ones, in place of which
//! a program writes what it has learned. They are no inputs: runtimes would take them for what
//! changes at every run, and warn. There is no bias where it is unknown how it is tied.

mod messages;
#[cfg(test)]
mod tests;

use msr_groups::SignedPattern;
use prost::Message;

use super::Target;
use super::error::{Error, Result};
use super::layer::TiedLayer;
use messages::{
    Attribute, Dimension, Graph, Model, Node, OperatorSet, Property, Shape, Tensor, TensorType, Type,
    ValueInfo,
};

/// `TensorProto.DataType`.
const FLOAT: i32 = 1;
const INT64: i32 = 7;
/// `AttributeProto.AttributeType`.
const INT: i32 = 2;
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;
/// Why a model has no bias.
const NO_BIAS: &str =
    "none: g and -g on both sides do the same to the weights, so how a bias would be tied is unknown";
/// A message has at most two gigabytes, and a weight needs twelve bytes.
const MOST_WEIGHTS: usize = 1 << 26;

/// The bytes of the model.
///
/// # Errors
/// [`Error::NothingFree`] without a free parameter of W; [`Error::TooManyWeights`].
pub(super) fn model(layer: &TiedLayer) -> Result<Vec<u8>> {
    let (m, n, k) = (layer.outputs, layer.inputs, layer.pattern.free_parameters());
    let target = Target::Onnx;
    if k == 0 {
        return Err(Error::NothingFree { target, instead: Target::PyTorch });
    }
    if m.saturating_mul(n) > MOST_WEIGHTS {
        let (most, instead) = (MOST_WEIGHTS, Target::Npz);
        return Err(Error::TooManyWeights { outputs: m, inputs: n, most, target, instead });
    }
    let mut graph = Graph {
        name: Some("tied_linear".into()),
        input: vec![value("x", &layer.input_shape)],
        output: vec![value("y", &layer.output_shape)],
        ..Graph::default()
    };
    let (known, bias) = (layer.values.is_some(), layer.bias_pattern()?);
    tied(&mut graph, "weight", ("free", &layer.values_or_initial()), &layer.pattern, &[m, n]);
    let mut operands = vec!["flat_x".to_string(), "weight".into()];
    if layer.has_bias() && bias.free_parameters() > 0 {
        let values = layer.bias_values.clone().unwrap_or_else(|| vec![0.0; bias.free_parameters()]);
        tied(&mut graph, "bias", ("free_bias", &values), &bias, &[m]);
        operands.push("bias".into());
    }
    reshape(&mut graph, "x", "flat_x", &[n]);
    graph.node.push(Node {
        input: operands,
        output: vec!["flat_y".into()],
        name: Some("apply".into()),
        op_type: Some("Gemm".into()),
        attribute: vec![Attribute { name: Some("transB".into()), i: Some(1), r#type: Some(INT) }],
    });
    reshape(&mut graph, "flat_y", "y", &layer.output_shape);
    let property = |(key, value): (&str, String)| Property { key: Some(key.into()), value: Some(value) };
    let order = layer.order.as_ref().map_or("not computed".into(), ToString::to_string);
    let values = if known { "known" } else { "initial" };
    let properties = [
        ("group", layer.title()),
        ("order", order),
        ("free_parameters", k.to_string()),
        ("values", values.into()),
        ("bias", if layer.has_bias() { "tied by the group" } else { NO_BIAS }.into()),
    ];
    let note = layer.of_products().map_or(String::new(), |note| format!("\n{note}"));
    let model = Model {
        ir_version: Some(IR_VERSION),
        producer_name: Some("msr".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        doc_string: Some(format!(
            "A linear layer whose weights are tied by a group: {}.{note}",
            layer.title()
        )),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: Some(String::new()), version: Some(OPSET) }],
        metadata_props: properties.map(property).into(),
    };
    Ok(model.encode_to_vec())
}

/// Adds the nodes that make the tied numbers `name` of free parameters, of which there are a name
/// and values: `free[index] · sign`, in the given shape.
fn tied(
    graph: &mut Graph,
    name: &str,
    (free, values): (&str, &[f64]),
    pattern: &SignedPattern,
    shape: &[usize],
) {
    let entries =
        || (0..pattern.outputs()).flat_map(|y| (0..pattern.inputs()).map(move |x| pattern.entry(y, x)));
    // A weight that is zero is a parameter times zero.
    let index = entries().map(|entry| entry.map_or(0, |(class, _)| class as i64));
    let sign = entries().map(|entry| match entry {
        None => 0.0,
        Some((_, is_negative)) => {
            if is_negative {
                -1.0
            } else {
                1.0
            }
        }
    });
    let count = pattern.outputs() * pattern.inputs();
    let part = |what: &str| format!("{name}_{what}");
    graph.initializer.extend([
        floats(free, values.iter().map(|&v| v as f32), values.len()),
        integers(&part("index"), index, count),
        floats(&part("sign"), sign, count),
    ]);
    let (gathered, flat) = (part("gathered"), if shape.len() == 1 { name.into() } else { part("flat") });
    graph.node.push(node("Gather", &[free, &part("index")], &gathered));
    graph.node.push(node("Mul", &[&gathered, &part("sign")], &flat));
    if shape.len() > 1 {
        let sizes = shape.iter().map(|&size| size as i64);
        graph.initializer.push(integers(&part("shape"), sizes, shape.len()));
        graph.node.push(node("Reshape", &[&flat, &part("shape")], name));
    }
}

/// Adds a node that gives each example of `from` the shape `to`.
fn reshape(graph: &mut Graph, from: &str, to: &str, shape: &[usize]) {
    let name = format!("{to}_shape");
    let sizes = std::iter::once(-1).chain(shape.iter().map(|&size| size as i64));
    graph.initializer.push(integers(&name, sizes, shape.len() + 1));
    graph.node.push(node("Reshape", &[from, &name], to));
}

/// A node that is called after what it makes.
fn node(operation: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        name: Some(format!("make_{output}")),
        op_type: Some(operation.into()),
        attribute: Vec::new(),
    }
}

/// What a tensor of floats is, with a batch in front.
fn value(name: &str, shape: &[usize]) -> ValueInfo {
    let batch = Dimension { dim_value: None, dim_param: Some("batch".into()) };
    let size = |&size: &usize| Dimension { dim_value: Some(size as i64), dim_param: None };
    let dim = std::iter::once(batch).chain(shape.iter().map(size)).collect();
    let tensor = TensorType { elem_type: Some(FLOAT), shape: Some(Shape { dim }) };
    ValueInfo { name: Some(name.into()), r#type: Some(Type { tensor_type: Some(tensor) }) }
}

fn floats(name: &str, numbers: impl Iterator<Item = f32>, count: usize) -> Tensor {
    tensor(name, FLOAT, numbers.flat_map(f32::to_le_bytes).collect(), count)
}

fn integers(name: &str, numbers: impl Iterator<Item = i64>, count: usize) -> Tensor {
    tensor(name, INT64, numbers.flat_map(i64::to_le_bytes).collect(), count)
}

/// A vector.
fn tensor(name: &str, data_type: i32, raw: Vec<u8>, count: usize) -> Tensor {
    Tensor {
        dims: vec![count as i64],
        data_type: Some(data_type),
        name: Some(name.into()),
        raw_data: Some(raw),
    }
}
