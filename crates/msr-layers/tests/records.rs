//! Every layer is saved as what it is, and built again from that.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod cases;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use cases::{TASKS, cases, examples, task_leaves};
use msr_autodiff::Node;
use msr_layers::{Input, Layer, LayerSpec, Values};
use msr_testkit::{assert_close, normal};

/// From its record, by way of JSON, every layer is built again and gives the same outputs, bit for
/// bit; its weights are those of the tasks.
#[test]
fn layers_are_built_again_from_their_records() {
    for case in cases(DType::F32) {
        let layer: &dyn Layer = case.layer.as_ref();
        // Every task has its own numbers.
        let mut seed = 60;
        let mut moved = |v: &Node| {
            seed += 1;
            Node::constant(&(v.value() + normal(seed, v.dims(), DType::F32)).unwrap())
        };
        let mut values = task_leaves(layer);
        values.adapted = values.adapted.iter().map(&mut moved).collect();
        let record = layer.record(&values).unwrap().unwrap();
        let text = serde_json::to_string(&record.spec).unwrap();
        let spec: LayerSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&spec).unwrap(), record.spec, "{}", case.name);
        let adapted: Vec<String> = layer.parameters().adapted.iter().map(|p| p.name.clone()).collect();
        let first = |(name, t): &(String, Tensor)| {
            let tensor = if adapted.contains(name) { t.get(0).unwrap() } else { t.clone() };
            (name.clone(), tensor)
        };
        let tensors = record.tensors.iter().map(first).collect();
        let again = spec.build(&VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)).unwrap();
        let (x, _) = examples(&case, 2, DType::F32);
        let output = |layer: &dyn Layer, values: &Values| {
            let input = Input::Examples(Node::constant(&x));
            layer.forward_tasks(values, &input).unwrap().value().clone()
        };
        // The layer has the numbers of the first task; those of all are in the record.
        let mut there = again.parameters().broadcast(TASKS).unwrap();
        let stored = |name: &String| &record.tensors.iter().find(|(n, _)| n == name).unwrap().1;
        there.adapted = adapted.iter().map(|name| Node::constant(stored(name))).collect();
        assert_close(case.name, &output(again.as_ref(), &there), &output(layer, &values), 0.0);
        let (weights, before) = (again.weights(&there).unwrap(), layer.weights(&values).unwrap());
        assert_eq!(weights.len(), case.weights, "{}", case.name);
        for (a, b) in weights.iter().zip(&before) {
            assert_eq!((&a.layer, a.value.dims()[0]), (&b.layer, TASKS), "{}", case.name);
            assert!(a.layer.starts_with("layer"), "{}", a.layer);
            assert_close(case.name, a.value.value(), b.value.value(), 0.0);
        }
    }
}
