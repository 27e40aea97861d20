//! PyTorch's numbers, and how a layer is compared with them.
#![allow(clippy::unwrap_used, dead_code, reason = "tests; no test file uses all of it")]

use std::collections::HashMap;
use std::path::Path;

use candle_core::Tensor;
use candle_nn::Module;
use msr_autodiff::{Graph, Node, grad};
use msr_layers::{Input, Layer, Phase};
use msr_testkit::assert_close;

pub fn golden() -> HashMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/layers/layers.npz");
    Tensor::read_npz(path).unwrap().into_iter().collect()
}

/// Every layer that PyTorch has: the outputs and all gradients, on nodes and by candle.
pub fn check(case: &str, layer: &(impl Layer + Module)) {
    let golden = golden();
    let get = |name: &str| golden[&format!("{case}/{name}")].clone();
    let (x, g) = (get("x"), get("g"));
    for p in layer.parameters().iter() {
        let own = p.name.rsplit('.').next().unwrap();
        candle_core::Var::from_tensor(&p.tensor).unwrap().set(&get(own)).unwrap();
    }
    let values = layer.parameters().broadcast(1).unwrap().in_phase(Phase::Train);
    let values = values.map(|n| Node::leaf(&n.value().contiguous().unwrap()));
    let x_node = Node::leaf(&x.unsqueeze(0).unwrap());
    let y = layer.forward_tasks(&values, &Input::Examples(x_node.clone())).unwrap();
    assert_close(case, &y.value().squeeze(0).unwrap(), &get("y"), 1e-12);
    let loss = y.mul(&Node::constant(&g.unsqueeze(0).unwrap())).unwrap().sum_all().unwrap();
    let wrt: Vec<&Node> = std::iter::once(&x_node).chain(values.iter()).collect();
    let found = grad(&loss, &wrt, Graph::Drop).unwrap();
    let names: Vec<String> = layer.parameters().iter().map(|p| p.name.clone()).collect();
    assert_close(case, &found[0].value().squeeze(0).unwrap(), &get("grad_x"), 1e-11);
    for (name, found) in names.iter().zip(&found[1..]) {
        let own = name.rsplit('.').next().unwrap();
        assert_close(name, &found.value().squeeze(0).unwrap(), &get(&format!("grad_{own}")), 1e-11);
    }
    let x = candle_core::Var::from_tensor(&x).unwrap();
    let y = Module::forward(layer, x.as_tensor()).unwrap();
    assert_close(case, &y, &get("y"), 1e-12);
    let store = (y * g).unwrap().sum_all().unwrap().backward().unwrap();
    assert_close(case, store.get(&x).unwrap(), &get("grad_x"), 1e-11);
}
