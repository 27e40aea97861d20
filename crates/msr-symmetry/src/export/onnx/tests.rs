//! Models are read back and run, node by node.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;

use msr_groups::SignedPermutation;
use prost::Message;

use super::messages::{Model, Tensor};
use super::{FLOAT, INT64};
use crate::export::{Error, Target, TiedLayer, export};

fn parsed(text: &str, degree: usize) -> SignedPermutation {
    SignedPermutation::parse(text, degree).unwrap()
}

/// Two outputs that change places, and inputs of which some change places and some their sign.
fn layer() -> TiedLayer {
    let turn = (parsed("(0 1)", 2), parsed("(-0)(1 2)(-4)", 6));
    let mut layer = TiedLayer::from_generators(2, 6, vec![turn]).unwrap();
    layer.input_shape = vec![3, 2];
    layer.output_shape = vec![1, 2];
    // Someone knows that outputs only change places.
    layer.ties_bias = true;
    layer
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Floats(Vec<usize>, Vec<f32>),
    Integers(Vec<i64>),
}

impl Value {
    fn of(tensor: &Tensor) -> Self {
        let raw = tensor.raw_data.as_ref().unwrap();
        let dims: Vec<usize> = tensor.dims.iter().map(|&d| d as usize).collect();
        let count: usize = dims.iter().product();
        match tensor.data_type.unwrap() {
            FLOAT => {
                assert_eq!(raw.len(), 4 * count);
                Self::Floats(
                    dims,
                    raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
                )
            }
            INT64 => {
                assert_eq!(raw.len(), 8 * count);
                Self::Integers(
                    raw.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect(),
                )
            }
            other => panic!("a tensor of type {other}"),
        }
    }

    fn floats(&self) -> (&[usize], &[f32]) {
        let Self::Floats(shape, numbers) = self else { panic!("integers") };
        (shape, numbers)
    }

    fn integers(&self) -> &[i64] {
        let Self::Integers(numbers) = self else { panic!("floats") };
        numbers
    }
}

/// Runs a model as ONNX says what its operations do.
fn run(model: &Model, x: Value, parameters: &[(&str, Value)]) -> Value {
    let graph = model.graph.as_ref().unwrap();
    let initial = graph.initializer.iter().map(|t| (t.name.clone().unwrap(), Value::of(t)));
    let mut values: HashMap<String, Value> = initial.collect();
    // Runtimes warn of initializers that are inputs as well.
    let inputs: Vec<_> = graph.input.iter().map(|input| input.name.as_deref()).collect();
    assert_eq!(inputs, [Some("x")]);
    for (name, value) in parameters {
        assert!(values.insert((*name).into(), value.clone()).is_some(), "{name} is no initializer");
    }
    values.insert("x".into(), x);
    for node in &graph.node {
        let inputs: Vec<&Value> = node.input.iter().map(|name| &values[name]).collect();
        let made = match (node.op_type.as_deref().unwrap(), inputs.as_slice()) {
            ("Gather", [data, index]) => {
                let (_, data) = data.floats();
                let taken: Vec<f32> = index.integers().iter().map(|&i| data[i as usize]).collect();
                Value::Floats(vec![taken.len()], taken)
            }
            ("Mul", [a, b]) => {
                let ((shape, a), (other, b)) = (a.floats(), b.floats());
                assert_eq!(shape, other);
                Value::Floats(shape.to_vec(), a.iter().zip(b).map(|(a, b)| a * b).collect())
            }
            ("Reshape", [data, shape]) => {
                let (_, data) = data.floats();
                let known: i64 = shape.integers().iter().filter(|&&size| size > 0).product();
                let size = |&size: &i64| if size < 0 { data.len() / known as usize } else { size as usize };
                let shape: Vec<usize> = shape.integers().iter().map(size).collect();
                assert_eq!(shape.iter().product::<usize>(), data.len());
                Value::Floats(shape, data.to_vec())
            }
            ("Gemm", [x, w, bias @ ..]) => {
                let attribute = &node.attribute[0];
                assert_eq!(
                    (attribute.name.as_deref(), attribute.i, attribute.r#type),
                    (Some("transB"), Some(1), Some(2))
                );
                let ((of_x, x), (of_w, w)) = (x.floats(), w.floats());
                let ([batch, n], [m, columns]) = (of_x, of_w) else { panic!("no matrices") };
                assert_eq!(n, columns);
                let bias = bias.first().map_or(vec![0.0; *m], |bias| bias.floats().1.to_vec());
                let row =
                    |b: usize, y: usize| (0..*n).map(|i| x[b * n + i] * w[y * n + i]).sum::<f32>() + bias[y];
                let y =
                    (0..*batch).flat_map(|b| (0..*m).map(move |y| (b, y))).map(|(b, y)| row(b, y)).collect();
                Value::Floats(vec![*batch, *m], y)
            }
            (other, inputs) => panic!("{other} of {} inputs", inputs.len()),
        };
        assert_eq!(node.output.len(), 1);
        assert!(values.insert(node.output[0].clone(), made).is_none(), "made twice");
    }
    values[graph.output[0].name.as_ref().unwrap()].clone()
}

/// `W x + b` as the group core expands them.
fn expected(layer: &TiedLayer, v: &[f64], bias: &[f64], x: &[f32]) -> Vec<f32> {
    let (w, b) = (layer.pattern.expand(v).unwrap(), layer.bias_pattern().unwrap().expand(bias).unwrap());
    let n = layer.inputs;
    let output =
        |x: &[f32], y: usize| x.iter().zip(&w[y * n..]).map(|(&x, w)| f64::from(x) * w).sum::<f64>() + b[y];
    x.chunks_exact(n).flat_map(|x| (0..layer.outputs).map(|y| output(x, y) as f32)).collect()
}

fn assert_close(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{got:?}, {expected:?}"));
}

#[test]
fn what_was_learned_may_be_written_into_initializers() {
    let layer = layer();
    let model = Model::decode(export(&layer, Target::Onnx).unwrap().as_slice()).unwrap();
    assert_eq!(model.opset_import[0].version, Some(17));
    let (k, biases) = (layer.pattern.free_parameters(), layer.bias_pattern().unwrap().free_parameters());
    assert_eq!((k, biases), (6, 1));
    let x: Vec<f32> = (0..4 * 6).map(|i| (i as f32).sin()).collect();
    let (v, bias): (Vec<f64>, _) = ((0..k).map(|i| 0.5 * i as f64 - 1.0).collect(), [0.25]);
    let single = |numbers: &[f64]| numbers.iter().map(|&v| v as f32).collect::<Vec<_>>();
    for batch in [1, 4] {
        let x = &x[..batch * 6];
        let input = Value::Floats(vec![batch, 3, 2], x.to_vec());
        let given = [
            ("free", Value::Floats(vec![k], single(&v))),
            ("free_bias", Value::Floats(vec![1], single(&bias))),
        ];
        let y = run(&model, input.clone(), &given);
        let (shape, numbers) = y.floats();
        assert_eq!(shape, [batch, 1, 2]);
        assert_close(numbers, &expected(&layer, &v, &bias, x));
        // Those that it begins with are others.
        assert_ne!(run(&model, input, &[]).floats().1, numbers);
    }
}

#[test]
fn known_parameters_are_constants() {
    let mut layer = layer();
    let v: Vec<f64> = (0..6).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
    (layer.values, layer.bias_values) = (Some(v.clone()), Some(vec![-2.0]));
    let model = Model::decode(export(&layer, Target::Onnx).unwrap().as_slice()).unwrap();
    let x: Vec<f32> = (0..6).map(|i| i as f32).collect();
    let y = run(&model, Value::Floats(vec![1, 3, 2], x.clone()), &[]);
    assert_close(y.floats().1, &expected(&layer, &v, &[-2.0], &x));
}

/// The batch is the only dimension without a size, and everything has the type that it should.
#[test]
fn inputs_and_outputs_have_their_shapes() {
    let model = Model::decode(export(&layer(), Target::Onnx).unwrap().as_slice()).unwrap();
    let graph = model.graph.unwrap();
    let shape = |value: &super::ValueInfo| {
        let tensor = value.r#type.as_ref().unwrap().tensor_type.clone().unwrap();
        assert_eq!(tensor.elem_type, Some(FLOAT));
        let dims = tensor.shape.unwrap().dim;
        dims.iter()
            .map(|d| d.dim_param.clone().unwrap_or_else(|| d.dim_value.unwrap().to_string()))
            .collect::<Vec<_>>()
    };
    let inputs: Vec<_> = graph.input.iter().map(shape).collect();
    assert_eq!(inputs, [vec!["batch", "3", "2"]]);
    assert_eq!(shape(&graph.output[0]), ["batch", "1", "2"]);
}

/// A generator and its negative tie the same weights, and not the same biases.
#[test]
fn with_signs_there_is_no_bias_unless_someone_knows_it() {
    let operands = |layer: &TiedLayer| {
        let model = Model::decode(export(layer, Target::Onnx).unwrap().as_slice()).unwrap();
        let gemm = model.graph.unwrap().node.into_iter().find(|node| node.op_type.as_deref() == Some("Gemm"));
        gemm.unwrap().input
    };
    let unknown = TiedLayer { ties_bias: false, ..layer() };
    assert_eq!(operands(&unknown), ["flat_x", "weight"]);
    assert_eq!(operands(&layer()), ["flat_x", "weight", "bias"]);
}

#[test]
fn a_layer_of_nothing_but_zeros_is_refused() {
    let odd = (parsed("()", 1), parsed("(-0)(-1)", 2));
    let layer = TiedLayer::from_generators(1, 2, vec![odd]).unwrap();
    assert_eq!(layer.pattern.free_parameters(), 0);
    let problem = export(&layer, Target::Onnx).unwrap_err();
    assert!(matches!(problem, Error::NothingFree { .. }), "{problem}");
    assert!(export(&layer, Target::PyTorch).is_ok());
}
