//! Adaptation by exact solution, and squared errors from moments.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use cases::{episode, msr};
use msr_autodiff::{Graph, Node, grad, mse};
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Conv2dConfig, ConvSymmetry, Input, Layer, ReparamConv2d, ReparamConv2dConfig, ReparamLinear,
    ReparamLinearConfig, SeededVars, Values, normal_equations,
};
use msr_meta::{Adapted, GradientSteps, Learner, LeastSquares, Loss, MetaConfig, MetaLearner, Order};
use msr_testkit::{assert_close, normal};

mod cases;

/// A convolution whose tasks lie in a fixed subspace of filters, with noise on the targets.
fn conv(dtype: DType, bias: bool) -> (Arc<dyn Layer>, SeededVars, Episode) {
    let vars = SeededVars::new(4);
    let conv = Conv2dConfig { bias, ..Conv2dConfig::new(1, 3, 3) };
    let full = ConvSymmetry::Full { filter_params: 4, std: 0.3 };
    let config =
        ReparamConv2dConfig { symmetry: full, filter_std: 0.5, ..ReparamConv2dConfig::full(conv, 4) };
    let layer = ReparamConv2d::new(config, vars.builder(dtype, &Device::Cpu)).unwrap();
    let set = |seed, count| {
        let x = normal(seed, (3, count, 1, 8, 8), dtype);
        Examples::values(x, normal(seed + 1, (3, count, 3, 6, 6), dtype)).unwrap()
    };
    let episode = Episode::new(vec![0, 1, 2], set(11, 1), set(13, 4)).unwrap();
    (Arc::new(layer), vars, episode)
}

/// What of the first adapted parameter there is after an adaptation, `(t, …)`.
fn first(adapted: &Adapted) -> Tensor {
    adapted.parameters().remove(0).1
}

fn unbiased(seed: u64, k: usize) -> (Arc<dyn Layer>, SeededVars) {
    let vars = SeededVars::new(seed);
    let config =
        ReparamLinearConfig { symmetry_std: 0.3, filter_std: 0.5, ..ReparamLinearConfig::new(6, 5, k) };
    (Arc::new(ReparamLinear::new(config, vars.builder(DType::F64, &Device::Cpu)).unwrap()), vars)
}

/// First order leaves out what the solution owes to U, and nothing else.
#[test]
fn the_first_order_switch_for_exact_adaptation() {
    let run = |order| {
        let (model, _vars, batch) = conv(DType::F64, false);
        let learner = MetaLearner::new(model, LeastSquares { ridge: 0.05, order }.into()).unwrap();
        let names: Vec<String> = learner.outer_parameters().iter().map(|p| p.name.clone()).collect();
        (names, learner.gradients(&batch).unwrap())
    };
    let ((names, second), (_, first)) = (run(Order::Second), run(Order::First));
    assert_eq!(first.losses, second.losses);
    for (name, (a, b)) in names.iter().zip(first.gradients.iter().zip(&second.gradients)) {
        if name == "symmetry" {
            assert!(msr_testkit::relative_error(a, b) > 1e-3, "{name}");
        } else {
            assert_close(name, a, b, 1e-12);
        }
    }
}

/// The outer gradient through the exact solution, for U, the initial values and the ridge, against
/// finite differences of the losses; with a bias and without, from features, moments and unit
/// vectors.
#[test]
fn the_outer_gradient_passes_through_the_exact_solution() {
    let config = MetaConfig::least_squares(0.05);
    let linear = |bias: bool| {
        let vars = SeededVars::new(1);
        let config = ReparamLinearConfig {
            symmetry_std: 0.3,
            filter_std: 0.5,
            bias,
            ..ReparamLinearConfig::new(6, 5, 3)
        };
        let layer = ReparamLinear::new(config, vars.builder(DType::F64, &Device::Cpu)).unwrap();
        (Arc::new(layer) as Arc<dyn Layer>, vars, episode(3, 3, 2, 3, DType::F64))
    };
    for (model, _vars, batch) in
        [linear(false), linear(true), conv(DType::F64, false), conv(DType::F64, true)]
    {
        let learner = MetaLearner::new(model, config).unwrap();
        assert_eq!(learner.outer_parameters().last().unwrap().name, "ridge");
        let found = learner.gradients(&batch).unwrap();
        for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
            let original = p.variable.as_detached_tensor().copy().unwrap();
            let gradient: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
            let base: Vec<f64> = original.flatten_all().unwrap().to_vec1().unwrap();
            for i in (0..base.len()).step_by(5) {
                let at = |shift: f64| -> f64 {
                    let mut moved = base.clone();
                    moved[i] += shift;
                    p.variable
                        .set(&Tensor::from_vec(moved, original.shape(), &Device::Cpu).unwrap())
                        .unwrap();
                    learner.losses(&batch).unwrap().iter().sum()
                };
                let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
                let error = (gradient[i] - numeric).abs() / numeric.abs().max(1.0);
                assert!(error < 1e-7, "{} [{i}]: {} and {numeric}", p.name, gradient[i]);
            }
            p.variable.set(&original).unwrap();
        }
    }
}

/// What is found solves the ridge regression: one gradient step on its objective goes nowhere; with
/// a large ridge the parameters stay where they were.
#[test]
fn the_exact_adaptation_is_the_minimum() {
    let (model, _vars, batch) = conv(DType::F64, false);
    let adapt = |ridge: f64| -> Tensor {
        let learner = MetaLearner::new(model.clone(), MetaConfig::least_squares(ridge)).unwrap();
        first(&learner.adapt(&batch.support).unwrap())
    };
    let parameters = model.parameters();
    let start = parameters.adapted[0].tensor.broadcast_as((3, 4)).unwrap().contiguous().unwrap();
    let ridge = 0.05;
    let v = Node::leaf(&adapt(ridge));
    let values = Values::new(vec![Node::constant(&parameters.shared[0].tensor)], vec![v.clone()]);
    let input = Input::Examples(Node::constant(&batch.support.x));
    let output = model.forward_tasks(&values, &input).unwrap();
    let loss = mse(&output, &Node::constant(batch.support.y.tensor())).unwrap().sum_all().unwrap();
    let slope = grad(&loss, &[&v], Graph::Drop).unwrap().remove(0);
    // Plus the slope of λ̄ ‖v − v₀‖², with λ̄ = λ tr(A) / k.
    let x = Node::constant(&batch.support.x);
    let equations = normal_equations(model.as_ref(), &values, &x, batch.support.y.tensor()).unwrap();
    let matrices: Vec<Vec<Vec<f64>>> = equations.matrix.value().to_vec3().unwrap();
    let [v, start, slope] = [v.value(), &start, slope.value()].map(|t| t.to_vec2::<f64>().unwrap());
    for t in 0..3 {
        let strength = (ridge + 1e-12) * (0..4).map(|i| matrices[t][i][i]).sum::<f64>() / 4.0;
        for i in 0..4 {
            let total = slope[t][i] + 2.0 * strength * (v[t][i] - start[t][i]);
            assert!(total.abs() < 1e-12, "{total}");
        }
    }
    let still: Vec<Vec<f64>> = adapt(1e12).to_vec2().unwrap();
    assert!(still.concat().iter().zip(start.concat()).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn exact_adaptation_says_what_it_cannot_do() {
    let refuses = |model: Arc<dyn Layer>, config: MetaConfig, words: &str| {
        let message = MetaLearner::new(model, config).err().unwrap().to_string();
        assert!(message.contains(words), "{message}");
    };
    let exact = MetaConfig::least_squares;
    refuses(msr(1, 2, DType::F32).0, exact(0.0), "ridge must be a positive number");
    let cross_entropy = MetaConfig { loss: Loss::CrossEntropy, ..exact(0.1) };
    refuses(msr(1, 2, DType::F32).0, cross_entropy, "squared error");
    // Fewer equations than unknowns are no problem for a ridge, but one that rounding swallows is
    // none.
    let batch = episode(3, 3, 1, 2, DType::F64);
    let (model, _vars) = msr(1, 40, DType::F64);
    let losses = |ridge| MetaLearner::new(model.clone(), exact(ridge)).unwrap().losses(&batch);
    assert!(losses(1e-6).unwrap().iter().all(|l| l.is_finite()));
    assert!(losses(1e-30).unwrap().iter().all(|l| l.is_finite()), "there is a floor under the ridge");
    // A support set of zeros says nothing: v stays, and the other tasks are none the worse.
    let (unbiased, _vars) = unbiased(1, 40);
    let learner = MetaLearner::new(unbiased.clone(), exact(0.1)).unwrap();
    let mut silent = batch.clone();
    let x = &batch.support.x;
    let zeros = x.narrow(0, 0, 1).unwrap().zeros_like().unwrap();
    silent.support.x = Tensor::cat(&[&zeros, &x.narrow(0, 1, 2).unwrap()], 0).unwrap();
    let (found, all) = (learner.adapt(&silent.support).unwrap(), learner.adapt(&batch.support).unwrap());
    let start = unbiased.parameters().adapted.remove(0).tensor;
    assert_close("a silent task", &first(&found).get(0).unwrap(), &start, 1e-15);
    assert_close("another", &first(&found).get(1).unwrap(), &first(&all).get(1).unwrap(), 1e-15);
    assert!(
        learner
            .gradients(&silent)
            .unwrap()
            .gradients
            .iter()
            .all(|g| { g.flatten_all().unwrap().to_vec1::<f64>().unwrap().iter().all(|x| x.is_finite()) })
    );
    silent.support.x = (x * f64::NAN).unwrap();
    let message = learner.losses(&silent).unwrap_err().to_string();
    assert!(message.contains("NaN or infinite") && message.contains("diverged"), "{message}");
}

/// In `f32`, with fewer equations than unknowns and a ridge far below rounding: what `f64` gives
/// with the ridge at its floor.
#[test]
fn single_precision_keeps_the_ridge_above_rounding() {
    let run = |dtype: DType, ridge: f64| {
        let (model, _vars) = msr(1, 12, dtype);
        let learner = MetaLearner::new(model, MetaConfig::least_squares(ridge)).unwrap();
        learner.losses(&episode(3, 3, 1, 2, dtype)).unwrap()
    };
    let (single, double) = (run(DType::F32, 1e-30), run(DType::F64, 1e-5));
    for (a, b) in single.iter().zip(&double) {
        assert!((a / b - 1.0).abs() < 0.02, "{single:?} {double:?}");
    }
}

/// Training from moments is training from outputs, for every learner.
#[test]
fn moments_change_no_gradient() {
    for bias in [false, true] {
        for config in [MetaConfig::from(GradientSteps::default()), MetaConfig::least_squares(0.1)] {
            let gradients = |moments: bool| {
                let (model, vars, batch) = conv(DType::F64, bias);
                let config = MetaConfig { second_moments: moments, ..config };
                let learner = MetaLearner::new(model, config).unwrap();
                let found = learner.gradients(&batch).unwrap();
                drop(vars);
                found
            };
            let (by_moments, by_outputs) = (gradients(true), gradients(false));
            for (a, b) in by_moments.gradients.iter().zip(&by_outputs.gradients) {
                assert_close("gradient", a, b, 1e-10);
            }
            for (a, b) in by_moments.losses.iter().zip(&by_outputs.losses) {
                assert!((a - b).abs() < 1e-12);
            }
        }
    }
}
