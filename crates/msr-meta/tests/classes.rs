//! Classes against PyTorch in float64: both orders of MAML, label smoothing, evaluation, ridge
//! heads.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use msr_autodiff::{Graph, Node, Recompute, grad};
use msr_episodes::{Episode, EpisodeSource, Examples, Targets};
use msr_layers::{Activation, Input, Layer, Linear, LinearConfig, SeededVars, Sequential, Values};
use msr_meta::{
    Adapted, EvaluationConfig, GradientSteps, HeadTargets, LabelSmoothing, Learner, Loss, MetaConfig,
    MetaLearner, Order, Rates, RidgeHead, RidgeHeadConfig, evaluate, evaluate_in_detail, load_learner,
};
use msr_testkit::{assert_close, relative_error};

struct Golden(HashMap<String, Tensor>);

impl Golden {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/classes/classes.npz");
        Self(Tensor::read_npz(path).unwrap().into_iter().collect())
    }

    fn get(&self, name: &str) -> Tensor {
        self.0[name].clone()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.get(name).flatten_all().unwrap().to_vec1().unwrap()
    }

    fn set(&self, x: &str, y: &str) -> Examples {
        let y = self.get(&format!("in/{y}")).to_dtype(DType::U32).unwrap();
        Examples::labels(self.get(&format!("in/{x}")), y).unwrap()
    }

    fn episode(&self) -> Episode {
        let support = self.set("x_support", "y_support");
        Episode::new(vec![7, 8, 9], support, self.set("x_query", "y_query")).unwrap()
    }

    /// Gives the variables of that name the golden starting values.
    fn fill(&self, vars: &SeededVars) {
        let data = vars.var_map().data().lock().unwrap();
        for (layer, place) in [("l1", 1), ("l2", 2)] {
            for (tensor, letter) in [("weight", "w"), ("bias", "b")] {
                if let Some(var) = data.get(&format!("{layer}.{tensor}")) {
                    var.set(&self.get(&format!("in/{letter}{place}"))).unwrap();
                }
            }
        }
    }
}

fn linear(n: usize, m: usize, vars: &SeededVars, name: &str) -> Linear {
    let config = LinearConfig { bias: true, ..LinearConfig::new(n, m) };
    Linear::new(config, vars.builder(DType::F64, &Device::Cpu).pp(name)).unwrap()
}

fn body(golden: &Golden) -> Sequential {
    let vars = SeededVars::new(0);
    let stack = Sequential::new().with(linear(4, 5, &vars, "l1")).with(Activation::Tanh);
    golden.fill(&vars);
    stack
}

fn model(golden: &Golden) -> Arc<dyn Layer> {
    let vars = SeededVars::new(0);
    let stack = Sequential::new()
        .with(linear(4, 5, &vars, "l1"))
        .with(Activation::Tanh)
        .with(linear(5, 3, &vars, "l2"));
    golden.fill(&vars);
    Arc::new(stack)
}

fn config(order: Order, recompute: Recompute, label_smoothing: LabelSmoothing) -> MetaConfig {
    let steps = GradientSteps { steps: 3, rates: Rates::Fixed(0.3), order, recompute };
    MetaConfig { loss: Loss::CrossEntropy, label_smoothing, ..steps.into() }
}

fn plain() -> MetaConfig {
    config(Order::Second, Recompute::Off, LabelSmoothing::None)
}

/// The same tasks at each test.
struct HeldOut(Episode);

impl EpisodeSource for HeldOut {
    fn name(&self) -> String {
        "held-out classes".into()
    }
    fn train(&self, _: u64) -> msr_episodes::Result<Episode> {
        Ok(self.0.clone())
    }
    fn held_out(&self) -> usize {
        self.0.tasks.len()
    }
    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        let (start, len) = (tasks.start, tasks.len());
        let part = |set: &Examples| {
            let y = set.y.tensor().narrow(0, start, len)?;
            Examples::labels(set.x.narrow(0, start, len)?, y)
        };
        Episode::new(self.0.tasks[tasks].to_vec(), part(&self.0.support)?, part(&self.0.query)?)
    }
}

#[test]
fn maml_of_both_orders_with_and_without_smoothing_is_that_of_pytorch() {
    let golden = Golden::read();
    for (case, smoothing) in [
        ("none", LabelSmoothing::None),
        ("outer", LabelSmoothing::Outer(0.1)),
        ("both", LabelSmoothing::Both(0.1)),
    ] {
        for (name, order) in [("first", Order::First), ("second", Order::Second)] {
            for recompute in [Recompute::Off, Recompute::On] {
                let learner = MetaLearner::new(model(&golden), config(order, recompute, smoothing)).unwrap();
                let found = learner.gradients(&golden.episode()).unwrap();
                let expected = golden.numbers(&format!("{case}-{name}/losses"));
                for (found, expected) in found.losses.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-12, "{case}-{name}: {found} and {expected}");
                }
                assert_eq!(learner.losses(&golden.episode()).unwrap(), found.losses);
                for (gradient, parameter) in found.gradients.iter().zip(["w1", "b1", "w2", "b2"]) {
                    let expected = golden.get(&format!("{case}-{name}/{parameter}"));
                    let error = relative_error(gradient, &expected);
                    assert!(error < 1e-11, "{case}-{name}, {recompute:?}, {parameter}: {error:e}");
                }
            }
        }
    }
}

/// FOMAML's gradient for the initial values is that of the query loss at the adapted parameters.
#[test]
fn the_first_order_gradient_is_the_gradient_at_the_adapted_parameters() {
    let (golden, first) = (Golden::read(), config(Order::First, Recompute::Off, LabelSmoothing::None));
    let learner = MetaLearner::new(model(&golden), first).unwrap();
    let episode = golden.episode();
    let found = learner.gradients(&episode).unwrap();
    let adapted = learner.adapt(&episode.support).unwrap();
    let leaves: Vec<Node> = adapted.parameters().iter().map(|(_, tensor)| Node::leaf(tensor)).collect();
    let values = Values::new(Vec::new(), leaves.clone());
    let input = Input::Examples(Node::constant(&episode.query.x));
    let scores = adapted.model().forward_tasks(&values, &input).unwrap();
    let loss = Loss::CrossEntropy.per_task(&scores, &episode.query.y).unwrap().sum_all().unwrap();
    let gradients = grad(&loss, &leaves.iter().collect::<Vec<_>>(), Graph::Drop).unwrap();
    for (found, of_tasks) in found.gradients.iter().zip(gradients) {
        assert_close("FOMAML", found, &of_tasks.value().sum(0).unwrap(), 1e-13);
    }
}

#[test]
fn scores_accuracy_likelihood_and_calibration_after_any_number_of_steps_are_those_of_pytorch() {
    let golden = Golden::read();
    let learner = MetaLearner::new(model(&golden), plain()).unwrap();
    let source = HeldOut(golden.episode());
    // In any order, and one of them twice.
    let steps = vec![7, 0, 3, 1, 3];
    for together in [1, 3] {
        let config = EvaluationConfig {
            steps: steps.clone(),
            together,
            bins: 4,
            keep_outputs: true,
            ..EvaluationConfig::default()
        };
        let found = evaluate_in_detail(&learner, &source, &config).unwrap();
        assert_eq!(found.iter().map(|e| e.steps.unwrap()).collect::<Vec<_>>(), steps);
        for evaluation in &found {
            let steps = evaluation.steps.unwrap();
            let golden = |name: &str| golden.numbers(&format!("after-{steps}/{name}"));
            let mean = |numbers: Vec<f64>| numbers.iter().sum::<f64>() / numbers.len() as f64;
            let classes = evaluation.classification.as_ref().unwrap();
            let outputs = evaluation.outputs.as_ref().unwrap();
            let scores = self::Golden::read().get(&format!("after-{steps}/scores"));
            assert_close("scores", &outputs.outputs, &scores, 1e-12);
            assert!(matches!(&outputs.targets, Targets::Labels(y) if y.dims() == [3, 6]));
            assert_eq!(outputs.tasks, [7, 8, 9]);
            for (found, expected) in [
                (classes.accuracy.mean, mean(golden("accuracy"))),
                (classes.negative_log_likelihood.mean, mean(golden("nll"))),
                (classes.calibration.expected_error(), golden("ece")[0]),
                (evaluation.loss.mean, mean(golden("nll"))),
            ] {
                assert!((found - expected).abs() < 1e-12, "{steps} steps: {found} and {expected}");
            }
            assert_eq!((classes.accuracy.tasks, classes.calibration.bins().len()), (3, 4));
        }
    }
    let as_trained = evaluate_in_detail(&learner, &source, &EvaluationConfig::default()).unwrap();
    assert_eq!(as_trained[0].loss, evaluate(&learner, &source, 3, 50).unwrap());
    assert!(as_trained[0].steps.is_none() && as_trained[0].outputs.is_none());
}

/// The loss is smoothed where that was asked for, the likelihood beside it is not.
#[test]
fn the_likelihood_is_never_smoothed() {
    let golden = Golden::read();
    let smoothing = LabelSmoothing::Outer(0.1);
    let learner = MetaLearner::new(model(&golden), config(Order::Second, Recompute::Off, smoothing)).unwrap();
    let found =
        evaluate_in_detail(&learner, &HeldOut(golden.episode()), &EvaluationConfig::default()).unwrap();
    let mean = |name: &str| golden.numbers(name).iter().sum::<f64>() / 3.0;
    assert!((found[0].loss.mean - mean("outer-second/losses")).abs() < 1e-12);
    let nll = found[0].classification.as_ref().unwrap().negative_log_likelihood.mean;
    assert!((nll - mean("none-second/losses")).abs() < 1e-12);
}

#[test]
fn probabilities_are_the_softmax_of_predictions() {
    let golden = Golden::read();
    let learner = MetaLearner::new(model(&golden), plain()).unwrap();
    let episode = golden.episode();
    let p = learner.adapt(&episode.support).unwrap().probabilities(&episode.query.x).unwrap();
    let picked = Node::constant(&p).gather_class(episode.query.y.tensor()).unwrap();
    let nll = picked.value().log().unwrap().mean(1).unwrap().neg().unwrap();
    assert_close("likelihood", &nll, &golden.get("after-3/nll"), 1e-12);
}

fn head(golden: &Golden, targets: HeadTargets, bias: bool) -> RidgeHead {
    let config = RidgeHeadConfig { ridge: 0.7, scale: 2.0, bias, ..RidgeHeadConfig::new(targets) };
    RidgeHead::new(body(golden), config).unwrap()
}

#[test]
fn ridge_heads_with_few_and_many_examples_are_those_of_pytorch() {
    let golden = Golden::read();
    let (ones, signs) = (HeadTargets::OneHot { classes: 3 }, HeadTargets::Signs { classes: 3 });
    for (case, targets, bias, set) in [
        ("few", ones, false, "support"),
        ("few-signs-bias", signs, true, "support"),
        ("many", ones, false, "many"),
        ("many-bias", ones, true, "many"),
    ] {
        let learner = head(&golden, targets, bias);
        let support = golden.set(&format!("x_{set}"), &format!("y_{set}"));
        let episode = Episode { support, ..golden.episode() };
        let found = learner.gradients(&episode).unwrap();
        for (found, expected) in found.losses.iter().zip(golden.numbers(&format!("{case}/losses"))) {
            assert!((found - expected).abs() < 1e-10, "{case}: {found} and {expected}");
        }
        let names: Vec<&str> = learner.outer_parameters().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["l1.weight", "l1.bias", "ridge", "scale"]);
        for (gradient, name) in found.gradients.iter().zip(["w1", "b1", "ridge", "scale"]) {
            let error = relative_error(gradient, &golden.get(&format!("{case}/{name}")));
            assert!(error < 1e-9, "{case}, {name}: {error:e}");
        }
        // Adapted, saved and loaded, it says the same.
        let adapted = learner.adapt(&episode.support).unwrap();
        let scores = golden.get(&format!("{case}/scores"));
        assert_close(case, &adapted.predict(&episode.query.x).unwrap(), &scores, 1e-10);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adapted.safetensors");
        adapted.save(&path).unwrap();
        let again = Adapted::load(&path, &Device::Cpu).unwrap();
        assert_close(case, &again.predict(&episode.query.x).unwrap(), &scores, 1e-10);
        assert_eq!(again.weight_of("head").unwrap().dims(), [3, 3, 5]);
        let path = folder.path().join("learner.safetensors");
        learner.outer_parameters()[2].variable.set(&Tensor::new(-1.5, &Device::Cpu).unwrap()).unwrap();
        learner.save(&path).unwrap();
        let again = load_learner(&path, &Device::Cpu).unwrap();
        assert_eq!(again.losses(&episode).unwrap(), learner.losses(&episode).unwrap());
        assert_eq!(again.predictions(&episode, &[]).unwrap()[0].losses, learner.losses(&episode).unwrap());
    }
}

/// Values are fitted as they are; the gradient is that of the loss, by central differences.
#[test]
fn a_ridge_head_for_values_has_the_gradient_of_its_loss() {
    let golden = Golden::read();
    let learner = head(&golden, HeadTargets::Values, true);
    let set = |name: &str| {
        let x = golden.get(&format!("in/x_{name}"));
        Examples::values(x.clone(), x.narrow(2, 0, 2).unwrap().sqr().unwrap()).unwrap()
    };
    let episode = Episode::new(vec![0, 1, 2], set("support"), set("query")).unwrap();
    let found = learner.gradients(&episode).unwrap();
    let total = || learner.losses(&episode).unwrap().iter().sum::<f64>();
    for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
        let original = p.variable.as_detached_tensor().copy().unwrap();
        let base: Vec<f64> = original.flatten_all().unwrap().to_vec1().unwrap();
        let gradient: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        for (i, gradient) in gradient.into_iter().enumerate() {
            let at = |shift: f64| {
                let mut moved = base.clone();
                moved[i] += shift;
                p.variable.set(&Tensor::from_vec(moved, original.shape(), &Device::Cpu).unwrap()).unwrap();
                total()
            };
            let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((gradient - numeric).abs() < 1e-7, "{}[{i}]: {gradient} and {numeric}", p.name);
        }
        p.variable.set(&original).unwrap();
    }
}

/// In half precision and in `f32` the numbers are those of `f64`, to their rounding.
#[test]
fn other_precisions_agree() {
    let golden = Golden::read();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learner.safetensors");
    let episode = golden.episode();
    let smoothed = config(Order::Second, Recompute::Off, LabelSmoothing::Both(0.1));
    let learners: [Box<dyn Learner>; 2] = [
        Box::new(head(&golden, HeadTargets::OneHot { classes: 3 }, true)),
        Box::new(MetaLearner::new(model(&golden), smoothed).unwrap()),
    ];
    for learner in learners {
        learner.save(&path).unwrap();
        let learned = msr_symmetry::Learned::load(&path, &Device::Cpu).unwrap();
        let exact = learner.losses(&episode).unwrap();
        for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::BF16, 0.1), (DType::F16, 0.02)] {
            let other = msr_meta::learner_from(&learned.to_dtype(dtype).unwrap()).unwrap();
            let found = other.predictions(&episode.to_dtype(dtype).unwrap(), &[]).unwrap().remove(0);
            for (found, exact) in found.losses.iter().zip(&exact) {
                assert!((found - exact).abs() < tolerance * exact.max(1.0), "{dtype:?}: {found} and {exact}");
            }
        }
    }
}

#[test]
fn misuse_is_an_error() {
    let golden = Golden::read();
    let says = |problem: msr_meta::Error, words: &str| {
        let message = problem.to_string();
        assert!(message.contains(words), "`{message}` does not say `{words}`");
    };
    let smoothed = |loss, label_smoothing| {
        MetaLearner::new(model(&golden), MetaConfig { loss, label_smoothing, ..plain() }).unwrap_err()
    };
    says(smoothed(Loss::CrossEntropy, LabelSmoothing::Both(1.0)), "from 0 to less than 1");
    says(smoothed(Loss::CrossEntropy, LabelSmoothing::Outer(f64::NAN)), "from 0 to less than 1");
    says(smoothed(Loss::MeanSquaredError, LabelSmoothing::Outer(0.1)), "is for the cross-entropy");
    let ones = RidgeHeadConfig::new(HeadTargets::OneHot { classes: 3 });
    for (config, words) in [
        (RidgeHeadConfig { ridge: 0.0, ..ones }, "the ridge must be a positive number"),
        (RidgeHeadConfig { scale: f64::INFINITY, ..ones }, "the scale must be a positive number"),
        (RidgeHeadConfig { label_smoothing: -0.1, ..ones }, "from 0 to less than 1"),
        (RidgeHeadConfig::new(HeadTargets::Signs { classes: 1 }), "from two on"),
    ] {
        says(RidgeHead::new(body(&golden), config).unwrap_err(), words);
    }
    says(RidgeHead::new(Activation::Relu, ones).unwrap_err(), "has no parameters");
    let vars = SeededVars::new(0);
    says(RidgeHead::new(linear(2, 3, &vars, "head"), ones).unwrap_err(), "another prefix");
    let (episode, learner) = (golden.episode(), head(&golden, HeadTargets::OneHot { classes: 2 }, false));
    says(learner.losses(&episode).unwrap_err(), "label 2 is none of the 2 classes");
    let values = head(&golden, HeadTargets::Values, false);
    says(values.losses(&episode).unwrap_err(), "fitted to values");
    let after = |steps: &[usize]| EvaluationConfig { steps: steps.to_vec(), ..EvaluationConfig::default() };
    let source = HeldOut(episode);
    says(evaluate_in_detail(&values, &source, &after(&[1])).unwrap_err(), "without steps");
    let none = EvaluationConfig { bins: 0, ..EvaluationConfig::default() };
    says(evaluate_in_detail(&values, &source, &none).unwrap_err(), "at least one bin");
    // A learner that diverges after many steps says so, with the task.
    let learner = MetaLearner::new(model(&golden), plain()).unwrap();
    let bias = Var::from_tensor(learner.outer_parameters()[3].variable.as_tensor()).unwrap();
    bias.set(&Tensor::full(f64::NAN, 3, &Device::Cpu).unwrap()).unwrap();
    says(evaluate_in_detail(&learner, &source, &after(&[0, 1])).unwrap_err(), "test task 7");
}
