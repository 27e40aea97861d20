//! Every layer: the two forward passes agree, the two gradients agree, bad sizes are refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod cases;

use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, VarBuilder};
use cases::{TASKS, cases, examples, task_leaves};
use msr_autodiff::{Graph, Node, grad};
use msr_groups::{
    Action, SharingPattern, dihedral, equivariance_error, function_equivariance_error, square_grid,
};
use msr_layers::{
    Activation, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Entries, Input, Layer, Linear, LinearConfig,
    LocallyConnected1d, LocallyConnected1dConfig, PatternConv2d, PatternLinear, PatternLinearConfig,
    ReparamConv2d, ReparamConv2dConfig, ReparamLinear, ReparamLinearConfig, SeededVars, Values,
    normal_equations,
};
use msr_testkit::{assert_close, normal};
use rand::SeedableRng;

/// For every task, the task-batched pass, prepared or not, equals the plain one; so do the
/// gradients.
#[test]
fn the_two_passes_and_their_gradients_agree() {
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
        for case in cases(dtype) {
            for per_task in [1, 4] {
                let (x, y) = examples(&case, per_task, dtype);
                let x_node = Node::constant(&x);
                for uses in [0, 1, 1000] {
                    let leaves = task_leaves(case.layer.as_ref());
                    let input = match uses {
                        0 => Input::Examples(x_node.clone()),
                        _ => case.layer.prepare(&leaves, &x_node, uses).unwrap(),
                    };
                    let out = Layer::forward_tasks(case.layer.as_ref(), &leaves, &input).unwrap();
                    let loss = out.mul(&Node::constant(&y)).unwrap().power(2.0).unwrap().sum_all().unwrap();
                    let wrt: Vec<&Node> = leaves.iter().collect();
                    let ours = grad(&loss, &wrt, Graph::Drop).unwrap();

                    let plain: Vec<Tensor> = (0..TASKS)
                        .map(|t| Module::forward(case.layer.as_ref(), &x.get(t).unwrap()).unwrap())
                        .collect();
                    let plain = Tensor::stack(&plain, 0).unwrap();
                    assert_close(case.name, out.value(), &plain, tolerance);
                    let store = (&plain * &y).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
                    let parameters = case.layer.parameters();
                    let shared = parameters.shared.len();
                    for (i, (p, ours)) in parameters.iter().zip(&ours).enumerate() {
                        let ours = ours.value();
                        let ours = if i < shared { ours.clone() } else { ours.sum(0).unwrap() };
                        let candle = store.get(&p.tensor).unwrap();
                        assert_close(&format!("{} {}", case.name, p.name), &ours, candle, 100.0 * tolerance);
                    }
                }
            }
        }
    }
}

/// The layer that knows the group commutes with it, biases included, whatever its parameters are;
/// with learned entries it starts there, and its entries are all that the outer loop can change.
#[test]
fn a_pattern_makes_the_layer_equivariant() {
    let action = Action::natural(&dihedral(6).unwrap());
    let pattern = SharingPattern::new(&action, &action).unwrap();
    for entries in [Entries::Fixed, Entries::Orthonormal, Entries::Learned] {
        let bias = Some(SharingPattern::bias(&action).unwrap());
        let config = PatternLinearConfig { bias, entries, ..PatternLinearConfig::new(pattern.clone()) };
        let layer = PatternLinear::new(config, SeededVars::new(2).builder(DType::F64, &Device::Cpu)).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let f = |x: &[f64]| {
            let x = Tensor::from_slice(x, (1, 6), &Device::Cpu).unwrap();
            Ok(Module::forward(&layer, &x).unwrap().flatten_all().unwrap().to_vec1().unwrap())
        };
        let error = function_equivariance_error(f, &action, &action, 20, &mut rng).unwrap();
        assert!(error < 1e-14, "{entries:?}: {error}");
        let weight: Vec<f64> =
            layer.weight_of(layer.filter()).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert!(equivariance_error(&weight, &pattern).unwrap() < 1e-15);
        let long = Tensor::zeros(pattern.free_parameters() + 1, DType::F64, &Device::Cpu).unwrap();
        assert!(layer.weight_of(&long).unwrap_err().to_string().contains("(…, 4)"));
        let shared = layer.parameters().shared.len();
        assert_eq!(shared, usize::from(entries == Entries::Learned));
    }
}

/// The oracle of quarter turns and flips: turning and mirroring the image turns and mirrors the
/// outputs and permutes the channels; a pattern of another size is refused.
#[test]
fn a_pattern_over_channels_and_taps_makes_the_convolution_equivariant() {
    let group = square_grid(3).unwrap();
    let channels = Action::regular(&group).unwrap().with_channels(2).unwrap();
    let taps = Action::natural(&group);
    let pattern = SharingPattern::new(&channels, &taps).unwrap();
    assert_eq!(pattern.free_parameters(), 18);
    let vars = SeededVars::new(3);
    let make = |out: usize, stride: usize| {
        let config = PatternLinearConfig::new(pattern.clone());
        let vb = vars.builder(DType::F64, &Device::Cpu);
        PatternConv2d::new(Conv2dConfig { stride, ..Conv2dConfig::new(1, out, 3) }, config, vb)
    };
    assert!(make(8, 1).unwrap_err().to_string().contains("the pattern is 16 × 9"));
    for (stride, size) in [(1, 7), (1, 10), (2, 9), (3, 9)] {
        let layer = make(16, stride).unwrap();
        let out = (size - 3) / stride + 1;
        let (image, output) = (square_grid(size).unwrap(), square_grid(out).unwrap());
        let (pixels, outputs) = (Action::natural(&image), Action::natural(&output));
        let (size2, out2) = (size * size, out * out);
        let x: Vec<f64> = normal(8, size2, DType::F64).to_vec1().unwrap();
        let forward = |x: &[f64]| -> Vec<f64> {
            let x = Tensor::from_slice(x, (1, 1, size, size), &Device::Cpu).unwrap();
            Module::forward(&layer, &x).unwrap().flatten_all().unwrap().to_vec1().unwrap()
        };
        let y = forward(&x);
        // The three grids have the same generators: a quarter turn and a flip.
        for (i, on_pixels) in pixels.images().iter().enumerate() {
            let (on_channels, on_outputs) = (&channels.images()[i], &outputs.images()[i]);
            let mut moved = vec![0.0; size2];
            (0..size2).for_each(|p| moved[on_pixels.apply(p)] = x[p]);
            let found = forward(&moved);
            for c in 0..16 {
                for p in 0..out2 {
                    let to = on_channels.apply(c) * out2 + on_outputs.apply(p);
                    assert!(
                        (found[to] - y[c * out2 + p]).abs() < 1e-12,
                        "stride {stride}, generator {i}, channel {c}, position {p}"
                    );
                }
            }
        }
    }
}

/// The Kronecker form is `vec(W) = (A ⊗ B ⊗ C) vec(V)`, and convolutions are what candle computes.
#[test]
fn kronecker_factors_are_a_kronecker_product_and_convolutions_are_candles() {
    let (o, c, k) = (3usize, 2usize, 2usize);
    let taps = k * k;
    let tensor = |seed, shape: &[usize]| normal(seed, shape, DType::F64);
    let tensors = std::collections::HashMap::from([
        ("symmetry_out".to_string(), tensor(1, &[o, o])),
        ("symmetry_in".to_string(), tensor(2, &[c, c])),
        ("symmetry_taps".to_string(), tensor(3, &[taps, taps])),
        ("filter".to_string(), tensor(4, &[o, c, taps])),
    ]);
    let config =
        ReparamConv2dConfig::kronecker(Conv2dConfig { stride: 2, padding: 1, ..Conv2dConfig::new(c, o, k) });
    let vb = VarBuilder::from_tensors(tensors, DType::F64, &Device::Cpu);
    let layer = ReparamConv2d::new(config, vb).unwrap();
    let numbers = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let factors: Vec<Vec<f64>> = layer.symmetry().unwrap().iter().map(numbers).collect();
    let v = numbers(layer.filter());
    let weight = layer.weight_of(layer.filter()).unwrap();
    for (row, &w) in numbers(&weight).iter().enumerate() {
        let (i, j, s) = (row / (c * taps), row / taps % c, row % taps);
        let product: f64 = (0..v.len())
            .map(|column| {
                let (a, b, r) = (column / (c * taps), column / taps % c, column % taps);
                factors[0][i * o + a] * factors[1][j * c + b] * factors[2][s * taps + r] * v[column]
            })
            .sum();
        assert!((w - product).abs() < 1e-12, "row {row}: {w} for {product}");
    }
    let x = tensor(5, &[2, c, 5, 6]);
    let ours = Module::forward(&layer, &x).unwrap();
    let theirs = x.conv2d(&weight.reshape((o, c, k, k)).unwrap(), 1, 2, 1, 1).unwrap();
    assert_close("conv2d", &ours, &theirs, 1e-12);
    assert!(layer.weight_of(&tensor(1, &[o, c, taps + 1])).is_err());
    let small = Module::forward(&layer, &tensor(1, &[1, c + 1, 5, 5]));
    assert!(small.unwrap_err().to_string().contains("(…, examples, 2, height, width)"));
}

/// Between neighbouring convolutions nothing is brought into another order: channels stay side by
/// side, and columns are for where they are faster.
#[test]
fn neighbouring_convolutions_keep_their_channels_side_by_side() {
    let vars = SeededVars::new(1);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    let prepared = |channels: usize| {
        let config = Conv2dConfig { bias: true, padding: 1, ..Conv2dConfig::new(channels, 32, 3) };
        let conv = Conv2d::new(config, vb.pp(channels)).unwrap();
        let x = Node::leaf(&normal(1, (2, 3, channels, 6, 6), DType::F32));
        let values = conv.parameters().broadcast(2).unwrap();
        let input = conv.prepare(&values, &x, 3).unwrap();
        (conv.forward_tasks(&values, &input).unwrap(), matches!(input, Input::Prepared(_)))
    };
    assert!(prepared(1).1);
    let (y, columns) = prepared(32);
    assert!(!columns);
    let rectified = y.relu().unwrap();
    assert_eq!((y.value().stride()[2], rectified.value().stride()[2]), (1, 1));
    let gradient = grad(&rectified.sum_all().unwrap(), &[&y], Graph::Drop).unwrap().remove(0);
    assert_eq!(gradient.value().stride()[2], 1);
}

/// U is contracted with the examples first where that is cheaper: few examples, many uses.
#[test]
fn the_cheaper_contraction_is_chosen() {
    let vars = SeededVars::new(1);
    let layer =
        ReparamLinear::new(ReparamLinearConfig::new(70, 68, 30), vars.builder(DType::F32, &Device::Cpu))
            .unwrap();
    let values = layer.parameters().broadcast(2).unwrap();
    for (examples, uses, first) in
        [(1, 3, true), (1, 1, true), (19, 1, false), (19, 3, false), (19, 50, true)]
    {
        let x = Node::constant(&normal(1, (2, examples, 70), DType::F32));
        let input = layer.prepare(&values, &x, uses).unwrap();
        assert_eq!(matches!(input, Input::Prepared(_)), first, "{examples} examples, {uses} uses");
    }
}

/// Tasks do not see each other: changing one task's parameters changes that task's output alone.
#[test]
fn tasks_have_their_own_weights() {
    for case in cases(DType::F64) {
        let (x, _) = examples(&case, 2, DType::F64);
        let leaves = task_leaves(case.layer.as_ref());
        let out = |leaves: &Values| {
            let input = case.layer.prepare(leaves, &Node::constant(&x), 3).unwrap();
            Layer::forward_tasks(case.layer.as_ref(), leaves, &input).unwrap().value().clone()
        };
        let before = out(&leaves);
        for (i, p) in case.layer.parameters().adapted.iter().enumerate() {
            let mut changed = leaves.clone();
            let bump: Vec<f64> = (0..TASKS).map(|t| if t == 1 { 0.5 } else { 0.0 }).collect();
            let mut shape = vec![1; p.tensor.rank() + 1];
            shape[0] = TASKS;
            let bump = Node::constant(&Tensor::from_vec(bump, shape, &Device::Cpu).unwrap());
            changed.adapted[i] = leaves.adapted[i].add(&bump).unwrap();
            let after = out(&changed);
            for t in 0..TASKS {
                let (a, b) = (after.get(t).unwrap(), before.get(t).unwrap());
                if t == 1 {
                    assert!(msr_testkit::relative_error(&a, &b) > 1e-6, "{} {}", case.name, p.name);
                } else {
                    assert_close(case.name, &a, &b, 0.0);
                }
            }
        }
    }
}

/// NaN is not hidden, in neither pass.
#[test]
fn activations_keep_nan() {
    let x = Tensor::new(&[[f32::NAN, -1.0, 2.0, f32::NEG_INFINITY]], &Device::Cpu).unwrap();
    for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
        let plain: Vec<f32> = Module::forward(&activation, &x).unwrap().get(0).unwrap().to_vec1().unwrap();
        let node =
            activation.forward_tasks(&Values::default(), &Input::Examples(Node::constant(&x))).unwrap();
        let node: Vec<f32> = node.value().get(0).unwrap().to_vec1().unwrap();
        assert!(plain[0].is_nan() && node[0].is_nan());
        assert!(plain[1..].iter().zip(&node[1..]).all(|(a, b)| (a - b).abs() < 1e-6), "{plain:?} {node:?}");
    }
}

#[test]
fn saving_and_loading_gives_the_same_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.safetensors");
    let config = ReparamLinearConfig { bias: true, ..ReparamLinearConfig::new(7, 5, 3) };
    let vars = SeededVars::new(3);
    let layer = ReparamLinear::new(config, vars.builder(DType::F32, &Device::Cpu).pp("fc")).unwrap();
    vars.var_map().save(&path).unwrap();
    let mut names: Vec<String> = layer.parameters().iter().map(|p| p.name.clone()).collect();
    names.sort();
    assert_eq!(names, ["fc.bias", "fc.filter", "fc.symmetry"]);
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let loaded = ReparamLinear::new(
        config,
        VarBuilder::from_tensors(tensors.clone(), DType::F32, &Device::Cpu).pp("fc"),
    );
    let x = normal(1, (4, 7), DType::F32);
    assert_close("loaded", &loaded.unwrap().forward(&x).unwrap(), &layer.forward(&x).unwrap(), 0.0);
    let twice = Tensor::stack(&[layer.filter(), layer.filter()], 0).unwrap();
    let weights = layer.weight_of(&twice).unwrap();
    assert_eq!(weights.dims(), [2, 5, 7]);
    assert_close("weight", &weights.get(1).unwrap(), &layer.weight().unwrap(), 1e-7);
    assert!(layer.weight_of(&normal(1, (2, 4), DType::F32)).is_err());
    // Another size is refused, not read wrongly.
    let other = ReparamLinearConfig { filter_params: 4, ..config };
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu).pp("fc");
    assert!(ReparamLinear::new(other, vb).unwrap_err().to_string().contains("symmetry"));
}

#[test]
fn initial_values_depend_on_seed_and_name_alone() {
    let draw = |seed: u64, names: &[&str]| -> Vec<Vec<f32>> {
        let vars = SeededVars::new(seed);
        for name in names {
            let vb = vars.builder(DType::F32, &Device::Cpu).pp(name);
            ReparamLinear::new(ReparamLinearConfig::new(7, 5, 3), vb).unwrap();
        }
        let mut names = names.to_vec();
        names.sort_unstable();
        let vars = vars.var_map().data().lock().unwrap().clone();
        names
            .iter()
            .map(|n| vars[&format!("{n}.symmetry")].flatten_all().unwrap().to_vec1().unwrap())
            .collect()
    };
    assert_eq!(draw(1, &["a", "b"]), draw(1, &["b", "a"]));
    assert_ne!(draw(1, &["a"]), draw(2, &["a"]));
    let two = draw(1, &["a", "b"]);
    assert_ne!(two[0], two[1]);
}

#[test]
fn initial_scales_are_the_papers() {
    let vars = SeededVars::new(1);
    let layer =
        ReparamLinear::new(ReparamLinearConfig::new(70, 68, 30), vars.builder(DType::F64, &Device::Cpu))
            .unwrap();
    let std = |t: &Tensor| t.sqr().unwrap().mean_all().unwrap().to_scalar::<f64>().unwrap().sqrt();
    assert!((std(layer.symmetry()) / 0.01 - 1.0).abs() < 0.01);
    assert!((std(layer.filter()) * 68.0 - 1.0).abs() < 0.5);
    let linear =
        Linear::new(LinearConfig::new(70, 68), vars.builder(DType::F64, &Device::Cpu).pp("l")).unwrap();
    let weight = &linear.parameters().adapted[0].tensor;
    let largest = weight.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    let bound = 1.0 / 70f64.sqrt();
    assert!(largest <= bound && largest > 0.99 * bound);
}

#[test]
fn bad_sizes_are_refused() {
    let vars = SeededVars::new(1);
    let vb = || vars.builder(DType::F64, &Device::Cpu);
    let says = |result: msr_layers::Result<()>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message} does not say {words}");
    };
    says(Linear::new(LinearConfig::new(0, 3), vb()).map(drop), "in_features must be at least 1");
    says(
        ReparamLinear::new(ReparamLinearConfig::new(3, 3, 0), vb()).map(drop),
        "filter_params must be at least 1",
    );
    says(Conv1d::new(Conv1dConfig { stride: 0, ..Conv1dConfig::new(1, 1, 3) }, vb()).map(drop), "stride");
    says(
        LocallyConnected1d::new(LocallyConnected1dConfig::new(2, 3), vb()).map(drop),
        "larger than the input",
    );
    let action = Action::natural(&dihedral(6).unwrap());
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let bias = Some(pattern.clone());
    let config = PatternLinearConfig { bias, ..PatternLinearConfig::new(pattern) };
    says(PatternLinear::new(config, vb()).map(drop), "the bias pattern is 6 × 6, but there are 6 outputs");
    says(ReparamLinear::new(ReparamLinearConfig::new(1 << 40, 1 << 40, 3), vb()).map(drop), "too large");
    let strided = LocallyConnected1dConfig { stride: 2, ..LocallyConnected1dConfig::new(9, 3) };
    let local = LocallyConnected1d::new(strided, vb().pp("s")).unwrap();
    // The same number of positions, another length.
    assert!(Module::forward(&local, &normal(1, (2, 1, 10), DType::F64)).is_err());
    for case in cases(DType::F64) {
        let leaves = task_leaves(case.layer.as_ref());
        let wrong = Node::constant(&normal(1, (TASKS, 2, 3, 4), DType::F64));
        let layer: &dyn Layer = case.layer.as_ref();
        assert!(layer.forward_tasks(&leaves, &Input::Examples(wrong.clone())).is_err(), "{}", case.name);
        let (x, y) = examples(&case, 2, DType::F64);
        let good = Input::Examples(Node::constant(&x));
        let solvable = |v: &Values| normal_equations(layer, v, &Node::constant(&x), &y).is_ok();
        let refuses = |values: &Values, what: &str, shared: bool| {
            assert!(layer.forward_tasks(values, &good).is_err(), "{}: {what}", case.name);
            let prepared = Input::Prepared(Node::constant(&normal(1, (TASKS, 2), DType::F64)));
            assert!(layer.forward_tasks(values, &prepared).is_err(), "{}: {what}, prepared", case.name);
            assert!(case.weights == 0 || layer.weights(values).is_err(), "{}: {what}, weights", case.name);
            assert!(layer.record(values).is_err(), "{}: {what}, record", case.name);
            // Adapted values are not read there.
            assert!(!shared || !solvable(values), "{}: {what}, normal equations", case.name);
        };
        assert!(layer.forward_tasks(&leaves, &good).is_ok());
        refuses(&Values::default(), "no values", true);
        let mut many = leaves.clone();
        many.adapted.push(leaves.adapted[0].clone());
        refuses(&many, "one too many", true);
        for shape in [vec![], vec![3], vec![TASKS, 1, 1, 1, 1]] {
            let other = || Node::leaf(&normal(1, &shape[..], DType::F64));
            for i in 0..leaves.shared.len() {
                let mut wrong = leaves.clone();
                wrong.shared[i] = other();
                refuses(&wrong, "a wrong shape", true);
            }
            for i in 0..leaves.adapted.len() {
                let mut wrong = leaves.clone();
                wrong.adapted[i] = other();
                refuses(&wrong, "a wrong shape", false);
            }
        }
        assert!(
            Module::forward(case.layer.as_ref(), &normal(1, (2, 3), DType::F64)).is_err(),
            "{}",
            case.name
        );
        let _ = &case.vars;
    }
}
