//! Layers that are linear in their adapted parameters: squared errors from moments, and normal
//! equations.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod cases;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use cases::{Both, Case, TASKS, cases, examples, task_leaves};
use msr_autodiff::{Graph, Node, grad, mse};
use msr_groups::{Action, SharingPattern, square_grid};
use msr_layers::{
    Activation, Conv2d, Conv2dConfig, ConvSymmetry, Input, Layer, Linear, LinearConfig, LinearInAdapted,
    NormalEquations, PatternConv2d, PatternLinear, PatternLinearConfig, ReparamConv2d, ReparamConv2dConfig,
    ReparamLinear, ReparamLinearConfig, SeededVars, Sequential, Values, normal_equations,
};
use msr_testkit::{assert_close, normal};

/// The layers that are linear in their adapted parameters, with sizes at which convolutions have
/// moments.
fn linear_layers() -> Vec<Case> {
    let mut cases = Vec::new();
    for (channels, bias, stride, padding) in [(1, false, 1, 0), (2, true, 2, 1), (1, true, 1, 1)] {
        let conv = Conv2dConfig { bias, stride, padding, ..Conv2dConfig::new(channels, 3, 3) };
        let out = |size: usize| (size + 2 * padding - 3) / stride + 1;
        let (input, output) = ([channels, 9, 11], [3, out(9), out(11)]);
        let full = ConvSymmetry::Full { filter_params: 4, std: 0.5 };
        let configs = [
            ("ReparamConv2d, Kronecker", ReparamConv2dConfig::kronecker(conv)),
            (
                "ReparamConv2d, full",
                ReparamConv2dConfig { symmetry: full, ..ReparamConv2dConfig::full(conv, 4) },
            ),
        ];
        let mut add = |name: &'static str, make: &dyn Fn(VarBuilder) -> Box<dyn Both>| {
            let vars = SeededVars::new(5);
            let layer = make(vars.builder(DType::F64, &Device::Cpu));
            cases.push(Case {
                name,
                example: input.to_vec(),
                output: output.to_vec(),
                layer,
                vars,
                weights: 1,
            });
        };
        for (name, config) in configs {
            add(name, &|vb| Box::new(ReparamConv2d::new(config, vb).unwrap()));
        }
        add("Conv2d", &|vb| Box::new(Conv2d::new(conv, vb).unwrap()));
        let group = square_grid(3).unwrap();
        let taps = Action::natural(&group).with_channels(channels).unwrap();
        let outputs = Action::trivial(&group, 3).unwrap();
        let pattern = PatternLinearConfig {
            bias: bias.then(|| SharingPattern::bias(&outputs).unwrap()),
            ..PatternLinearConfig::new(SharingPattern::new(&outputs, &taps).unwrap())
        };
        add("PatternConv2d", &|vb| Box::new(PatternConv2d::new(conv, pattern.clone(), vb).unwrap()));
    }
    for bias in [false, true] {
        let vars = SeededVars::new(6);
        let config = ReparamLinearConfig { bias, ..ReparamLinearConfig::new(7, 5, 3) };
        let layer = ReparamLinear::new(config, vars.builder(DType::F64, &Device::Cpu)).unwrap();
        let (name, example, output) = ("ReparamLinear", vec![7], vec![5]);
        cases.push(Case { name, example, output, layer: Box::new(layer), vars, weights: 1 });
    }
    cases
}

/// Symmetry matrices away from where they start, so that no factor is an identity.
fn moved_leaves(layer: &dyn Layer) -> Values {
    let mut seed = 40;
    let mut moved = |leaf: &Node| {
        let noise = normal(seed, leaf.dims(), DType::F64);
        seed += 1;
        Node::leaf(&(leaf.value() + (noise * 0.3).unwrap()).unwrap())
    };
    let leaves = task_leaves(layer);
    let shared = leaves.shared.iter().map(&mut moved).collect();
    Values { shared, adapted: leaves.adapted.iter().map(&mut moved).collect(), ..leaves }
}

/// The squared error from moments is that of the outputs, and so are its derivatives of first and
/// second order.
#[test]
fn moments_give_the_squared_error() {
    let mut with_moments = 0;
    for case in linear_layers() {
        let layer: &dyn Layer = case.layer.as_ref();
        let (x, _) = examples(&case, 4, DType::F64);
        let y = normal(21, [&[TASKS, 4], &case.output[..]].concat(), DType::F64);
        let Some(linear) = layer.linear_in_adapted() else { continue };
        let Some(moments) = linear.second_moments(&x, &y, 1_000).unwrap() else { continue };
        with_moments += 1;
        let leaves = moved_leaves(layer);
        let wrt: Vec<&Node> = leaves.iter().collect();
        let by_moments = linear.squared_error(&leaves, &moments).unwrap().unwrap();
        let output = layer.forward_tasks(&leaves, &Input::Examples(Node::constant(&x))).unwrap();
        let by_outputs = mse(&output, &Node::constant(&y)).unwrap();
        assert_close(case.name, by_moments.value(), by_outputs.value(), 1e-12);
        let derivatives = |loss: &Node| -> Vec<Node> {
            let first = grad(&loss.sum_all().unwrap(), &wrt, Graph::Keep).unwrap();
            let square = first.iter().map(|g| g.mul(g).unwrap().sum_all().unwrap());
            let total = square.reduce(|a, b| a.add(&b).unwrap()).unwrap();
            let second = grad(&total, &wrt, Graph::Drop).unwrap();
            first.into_iter().chain(second).collect()
        };
        for (a, b) in derivatives(&by_moments).iter().zip(derivatives(&by_outputs)) {
            assert_close(case.name, a.value(), b.value(), 1e-10);
        }
        let missing = Values { adapted: Vec::new(), ..leaves.clone() };
        assert!(linear.squared_error(&missing, &moments).is_err(), "{}: a value is missing", case.name);
        assert!(
            linear.second_moments(&x, &y.narrow(1, 0, 2).unwrap(), 1).is_err(),
            "{}: fewer targets",
            case.name
        );
    }
    assert_eq!(with_moments, 12);
    // No more values than unknowns: moments would save nothing.
    let vars = SeededVars::new(1);
    let conv = Conv2d::new(Conv2dConfig::new(4, 2, 3), vars.builder(DType::F64, &Device::Cpu)).unwrap();
    let small = (normal(1, (1, 1, 4, 5, 5), DType::F64), normal(2, (1, 1, 2, 3, 3), DType::F64));
    assert!(conv.second_moments(&small.0, &small.1, 1_000).unwrap().is_none());
    // Many inputs and few outputs: only many uses of the moments pay for them. Half precision would
    // overflow.
    let wide =
        Conv2d::new(Conv2dConfig::new(16, 2, 3), vars.builder(DType::F64, &Device::Cpu).pp("wide")).unwrap();
    let (x, y) = (normal(1, (1, 2, 16, 20, 20), DType::F64), normal(2, (1, 2, 2, 18, 18), DType::F64));
    let given = |uses, dtype| {
        let [x, y] = [&x, &y].map(|t| t.to_dtype(dtype).unwrap());
        wide.second_moments(&x, &y, uses).unwrap().is_some()
    };
    assert!(!given(3, DType::F64) && given(20, DType::F64) && !given(20, DType::F16));
}

/// A model with one parameter that is not linear in it, and targets of another shape than the
/// outputs.
#[test]
fn least_squares_sees_through_one_parameter_and_wrong_shapes() {
    let group = square_grid(2).unwrap();
    let everything = Action::trivial(&group, 1).unwrap();
    let pattern = SharingPattern::new(&everything, &Action::natural(&group)).unwrap();
    assert_eq!(pattern.free_parameters(), 1);
    let vars = SeededVars::new(1);
    let tied = |name: &str| {
        let vb = vars.builder(DType::F64, &Device::Cpu).pp(name);
        PatternLinear::new(PatternLinearConfig::new(pattern.clone()), vb).unwrap()
    };
    let x = Node::constant(&normal(1, (TASKS, 6, 4), DType::F64));
    let y = normal(2, (TASKS, 6, 1), DType::F64);
    let net = Sequential::new().with(tied("a")).with(Activation::Relu);
    let message = normal_equations(&net, &task_leaves(&net), &x, &y).unwrap_err().to_string();
    assert!(message.contains("linear in its adapted parameters"), "{message}");
    let layer = tied("b");
    assert!(normal_equations(&layer, &task_leaves(&layer), &x, &y).is_ok());
    let turned = y.transpose(1, 2).unwrap().contiguous().unwrap();
    assert!(
        normal_equations(&layer, &task_leaves(&layer), &x, &turned)
            .unwrap_err()
            .to_string()
            .contains("targets")
    );
}

/// `vᵀ A v − 2 bᵀ v + constant` is the squared error of every linear layer, whichever way A and b
/// are computed.
#[test]
fn normal_equations_are_those_of_the_squared_error() {
    let mut cases = linear_layers();
    cases.extend(
        self::cases(DType::F64).into_iter().filter(|c| !(c.name.starts_with("stack") || c.name == "Conv4")),
    );
    for case in cases {
        let layer: &dyn Layer = case.layer.as_ref();
        let (x, _) = examples(&case, 4, DType::F64);
        let y = normal(22, [&[TASKS, 4], &case.output[..]].concat(), DType::F64);
        let leaves = moved_leaves(layer);
        let found = normal_equations(layer, &leaves, &Node::constant(&x), &y).unwrap();
        let adapted: Vec<&Node> = leaves.adapted.iter().collect();
        let flat = adapted.iter().map(|v| v.value().flatten_from(1).unwrap()).collect::<Vec<_>>();
        let v = Tensor::cat(&flat, 1).unwrap().unsqueeze(2).unwrap();
        assert_eq!(found.matrix.dims(), [TASKS, v.dims()[1], v.dims()[1]], "{}", case.name);
        // The gradient of the squared error is 2 (A v − b).
        let output = layer.forward_tasks(&leaves, &Input::Examples(Node::constant(&x))).unwrap();
        let loss = mse(&output, &Node::constant(&y)).unwrap().sum_all().unwrap();
        let gradient = grad(&loss, &adapted, Graph::Drop).unwrap();
        let gradient: Vec<Tensor> = gradient.iter().map(|g| g.value().flatten_from(1).unwrap()).collect();
        let expected = (Tensor::cat(&gradient, 1).unwrap() * 0.5).unwrap();
        let product = found.matrix.value().matmul(&v).unwrap().squeeze(2).unwrap();
        let residual = product.sub(found.rhs.value()).unwrap();
        assert_close(case.name, &residual, &expected, 1e-10);
        // Both ways depend on the symmetry alike: the generic one is reached through a tracked
        // input.
        let shared: Vec<&Node> = leaves.shared.iter().collect();
        if !shared.is_empty() {
            let generic = normal_equations(layer, &leaves, &Node::leaf(&x), &y).unwrap();
            let slopes = |of: &NormalEquations| {
                let weights = Node::constant(&normal(23, of.matrix.dims(), DType::F64));
                let total = of.matrix.mul(&weights).unwrap().sum_all().unwrap();
                let total = total.add(&of.rhs.power(2.0).unwrap().sum_all().unwrap()).unwrap();
                grad(&total, &shared, Graph::Drop).unwrap()
            };
            for (a, b) in slopes(&found).iter().zip(slopes(&generic)) {
                assert_close(case.name, a.value(), b.value(), 1e-9);
            }
        }
    }
}

#[test]
fn least_squares_refuses_models_that_are_not_linear() {
    let vars = SeededVars::new(1);
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let net = Sequential::new()
        .with(Linear::new(LinearConfig::new(4, 3), vb.pp(0)).unwrap())
        .with(Activation::Tanh)
        .with(Linear::new(LinearConfig::new(3, 2), vb.pp(1)).unwrap());
    let x = Node::constant(&normal(1, (TASKS, 5, 4), DType::F64));
    let leaves = task_leaves(&net);
    let y = normal(2, (TASKS, 5, 2), DType::F64);
    let message = normal_equations(&net, &leaves, &x, &y).unwrap_err().to_string();
    assert!(message.contains("linear in its adapted parameters"), "{message}");
}
