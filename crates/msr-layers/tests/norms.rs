//! Normalisations: PyTorch's numbers, whose statistics are used when, gradients through them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod golden;

use candle_core::{DType, Device, Tensor};
use candle_nn::Module;
use golden::{check, golden};
use msr_autodiff::Node;
use msr_layers::{
    Affine, BatchNorm, BatchNormConfig, Input, Layer, Pass, Phase, SeededVars, Statistics, Values,
};
use msr_testkit::{FiniteDifference, assert_close, gradcheck, normal};

fn norm(config: BatchNormConfig) -> (BatchNorm, SeededVars) {
    let vars = SeededVars::new(1);
    (BatchNorm::new(config, vars.builder(DType::F64, &Device::Cpu).pp("n")).unwrap(), vars)
}

#[test]
fn batch_norm_is_pytorchs() {
    for case in ["batch_norm2", "batch_norm4"] {
        check(case, &norm(BatchNormConfig::new(3)).0);
    }
}

/// Running averages and evaluation with them, on nodes and in place.
#[test]
fn running_averages_are_pytorchs() {
    let golden = golden();
    let get = |name: &str| golden[&format!("running/{name}")].clone();
    let config =
        BatchNormConfig { momentum: 0.3, statistics: Statistics::Running, ..BatchNormConfig::new(3) };
    let ((in_place, _a), (layer, _b)) = (norm(config), norm(config));
    for i in 0..2 {
        let (x, y) = (get(&format!("x{i}")), get(&format!("y{i}")));
        assert_close("in place", &in_place.forward_train(&x).unwrap(), &y, 1e-12);
        let values = layer.parameters().broadcast(1).unwrap().in_phase(Phase::Train);
        let input = Input::Examples(Node::constant(&x.unsqueeze(0).unwrap()));
        let (found, statistics) = layer.forward_with_statistics(&values, &input).unwrap();
        assert_close("nodes", &found.value().squeeze(0).unwrap(), &y, 1e-12);
        for (buffer, statistic) in layer.parameters().buffers.iter().zip(&statistics) {
            buffer.set(&buffer.next(statistic).unwrap().unwrap()).unwrap();
        }
    }
    for layer in [in_place, layer] {
        let buffers = layer.parameters().buffers;
        assert_eq!((buffers[0].name.as_str(), buffers[1].name.as_str()), ("n.running_mean", "n.running_var"));
        assert_close("mean", buffers[0].tensor.as_ref().unwrap(), &get("mean"), 1e-12);
        assert_close("variance", buffers[1].tensor.as_ref().unwrap(), &get("var"), 1e-12);
        assert_close("evaluation", &Module::forward(&layer, &get("x")).unwrap(), &get("y"), 1e-12);
        let values = layer.parameters().broadcast(1).unwrap();
        let input = Input::Examples(Node::constant(&get("x").unsqueeze(0).unwrap()));
        let y = layer.forward_tasks(&values, &input).unwrap();
        assert_close("query", &y.value().squeeze(0).unwrap(), &get("y"), 1e-12);
        assert!(layer.parameters().iter().all(|p| !p.name.contains("running")), "no optimiser sees them");
    }
}

/// Queries normalised with their support set's statistics: the formula, task by task, and exact
/// derivatives of first, second and third order through the statistics.
#[test]
fn support_statistics_reach_the_queries() {
    let config = BatchNormConfig { statistics: Statistics::Support, ..BatchNormConfig::new(2) };
    let (layer, _vars) = norm(config);
    let queries = |support: &Node, query: &Node, affine: &[Node]| -> msr_layers::Result<Node> {
        let own = Values { buffers: vec![None, None], ..Values::new(Vec::new(), affine.to_vec()) };
        let in_support = own.clone().in_phase(Phase::Support);
        let (_, statistics) =
            layer.forward_with_statistics(&in_support, &Input::Examples(support.clone()))?;
        let buffers = statistics.into_iter().map(Some).collect();
        let values = Values { buffers, ..own };
        layer.forward_tasks(&values, &Input::Examples(query.clone()))
    };
    for pixels in [vec![], vec![2, 3]] {
        let shape = |b: usize| [&[2, b, 2], pixels.as_slice()].concat();
        let (support, query) = (normal(1, shape(3), DType::F64), normal(2, shape(2), DType::F64));
        let (weight, bias) = (normal(3, (2, 2), DType::F64), normal(4, (2, 2), DType::F64));
        let f =
            |x: &[Node]| queries(&x[0], &x[1], &x[2..]).map_err(|e| msr_autodiff::Error::Other(Box::new(e)));
        let tensors = [support.clone(), query.clone(), weight.clone(), bias.clone()];
        let name = format!("support statistics, {pixels:?}");
        gradcheck(&name, &f, &tensors, 3, FiniteDifference::default());
        let nodes: Vec<Node> = tensors.iter().map(Node::constant).collect();
        let y = f(&nodes).unwrap();
        for (t, c) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let channel = |x: &Tensor| -> Vec<f64> {
                x.get(t).unwrap().narrow(1, c, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap()
            };
            let s = channel(&support);
            let mean = s.iter().sum::<f64>() / s.len() as f64;
            let variance = s.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / s.len() as f64;
            let at = |x: &Tensor| x.get(t).unwrap().get(c).unwrap().to_scalar::<f64>().unwrap();
            for (x, y) in channel(&query).iter().zip(channel(y.value())) {
                let expected = (x - mean) / (variance + 1e-5).sqrt() * at(&weight) + at(&bias);
                assert!((y - expected).abs() < 1e-12, "task {t}, channel {c}: {y} for {expected}");
            }
        }
    }
}

#[test]
fn batch_norm_can_be_differentiated_three_times() {
    let (layer, _vars) = norm(BatchNormConfig::new(2));
    let f = |x: &[Node]| {
        let values = Values::new(Vec::new(), x[1..].to_vec());
        layer
            .forward_tasks(&values, &Input::Examples(x[0].clone()))
            .map_err(|e| msr_autodiff::Error::Other(Box::new(e)))
    };
    let affine = [normal(2, (2, 2), DType::F64), normal(3, (2, 2), DType::F64)];
    for (i, shape) in [vec![2, 4, 2], vec![2, 2, 2, 2, 3]].into_iter().enumerate() {
        let tensors = [&[normal(10 + i as u64, shape, DType::F64)], &affine[..]].concat();
        gradcheck("batch norm", &f, &tensors, 3, FiniteDifference::default());
    }
}

/// γ and β that are shared, or not there at all.
#[test]
fn scale_and_shift_belong_to_whom_one_says() {
    let x = Input::Examples(Node::constant(&normal(1, (3, 4, 2), DType::F64)));
    let output = |affine| {
        let (layer, _vars) = norm(BatchNormConfig { affine, ..BatchNormConfig::new(2) });
        let values = layer.parameters().broadcast(3).unwrap();
        (layer.forward_tasks(&values, &x).unwrap().value().clone(), values.counts())
    };
    let [(adapted, a), (shared, b), (none, c)] = [Affine::Adapted, Affine::Shared, Affine::None].map(output);
    assert_eq!((a, b, c), ((0, 2), (2, 0), (0, 0)));
    assert_close("shared", &shared, &adapted, 0.0);
    assert_close("none", &none, &adapted, 1e-15);
}

/// Half precision is computed in `f32`: large means cost nothing. NaN stays NaN.
#[test]
fn half_precision_and_nan() {
    let x = (normal(1, (2, 5, 2, 4, 4), DType::F64) + 50.0).unwrap();
    let output = |dtype: DType| {
        let vars = SeededVars::new(1);
        let layer = BatchNorm::new(BatchNormConfig::new(2), vars.builder(dtype, &Device::Cpu)).unwrap();
        let rounded = x.to_dtype(DType::BF16).unwrap().to_dtype(dtype).unwrap();
        let values = layer.parameters().broadcast(2).unwrap();
        let y = layer.forward_tasks(&values, &Input::Examples(Node::constant(&rounded))).unwrap();
        assert_eq!(y.dtype(), dtype);
        y.value().to_dtype(DType::F64).unwrap()
    };
    assert_close("bf16", &output(DType::BF16), &output(DType::F64), 0.01);
    let (layer, _vars) = norm(BatchNormConfig::new(2));
    let x = Tensor::new(&[[[f64::NAN, 1.0], [1.0, 2.0]]], &Device::Cpu).unwrap();
    let values = layer.parameters().broadcast(1).unwrap();
    let y = layer.forward_tasks(&values, &Input::Examples(Node::constant(&x))).unwrap();
    let y: Vec<f64> = y.value().flatten_all().unwrap().to_vec1().unwrap();
    assert!(y[0].is_nan() && y[2].is_nan() && y[1].is_finite() && y[3].is_finite(), "{y:?}");
}

#[test]
fn what_cannot_be_normalised_is_refused() {
    let vb = || SeededVars::new(1).builder(DType::F64, &Device::Cpu).pp("n");
    for (config, words) in [
        (BatchNormConfig::new(0), "features must be at least 1"),
        (BatchNormConfig { eps: 0.0, ..BatchNormConfig::new(2) }, "eps must be a positive number"),
        (BatchNormConfig { momentum: 1.5, ..BatchNormConfig::new(2) }, "between 0 and 1, got 1.5"),
    ] {
        let message = BatchNorm::new(config, vb()).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let x = |shape: &[usize]| Input::Examples(Node::constant(&normal(1, shape, DType::F64)));
    let says = |result: msr_layers::Result<Node>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message} does not say {words}");
    };
    let (layer, _vars) = norm(BatchNormConfig::new(2));
    let values = layer.parameters().broadcast(3).unwrap();
    says(layer.forward_tasks(&values, &x(&[3, 1, 2])), "statistics of 1 number, which leaves nothing");
    says(layer.forward_tasks(&values, &x(&[3, 0, 2])), "statistics of 0 numbers");
    says(layer.forward_tasks(&values, &x(&[3, 4, 3])), "(tasks, examples, 2, …)");
    says(layer.forward_tasks(&values, &x(&[2, 4, 2])), "got [2, 4, 2]");
    let (layer, _vars) = norm(BatchNormConfig { statistics: Statistics::Support, ..layer.config() });
    let values = layer.parameters().broadcast(3).unwrap();
    says(layer.forward_tasks(&values, &x(&[3, 4, 2])), "`n` normalises queries with the statistics of their");
    let missing = Values { buffers: Vec::new(), ..values.clone() };
    says(layer.forward_tasks(&missing, &x(&[3, 4, 2])), "got 0 buffers, the layer has 2");
    let wrong = values.clone().with_buffers(&[Some(normal(1, 5, DType::F64)), None]);
    says(layer.forward_tasks(&wrong, &x(&[3, 4, 2])), "`n.support_mean` should have shape [2], or tasks");
    let constants = candle_nn::VarBuilder::zeros(DType::F64, &Device::Cpu);
    let running = BatchNormConfig { statistics: Statistics::Running, ..BatchNormConfig::new(2) };
    let fixed = BatchNorm::new(running, constants.pp("n")).unwrap();
    let message = fixed.forward_train(&normal(1, (4, 2), DType::F64)).unwrap_err().to_string();
    assert!(message.contains("`n.running_mean` is no running average that could be changed"), "{message}");
    let train = values.with_pass(Pass::new(Phase::Support));
    assert!(layer.forward_tasks(&train, &x(&[3, 4, 2])).is_ok());
}
