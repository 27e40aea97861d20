//! What the inner loop adapts, how rates are grouped, and dropout in it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use candle_core::{DType, Device, Tensor};
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Activation, Adapting, Adapts, BatchNormConfig, Conv4, Conv4Config, Dropout, DropoutConfig, Linear,
    LinearConfig, SeededVars, Sequential, Statistics,
};
use msr_meta::{
    AdamConfig, Adapted, GradientSteps, Granularity, Learner, Loss, MetaConfig, MetaLearner, Rates,
    Recompute, Trainer, load_learner,
};
use msr_testkit::{normal, relative_error};

fn conv4() -> Conv4 {
    let vb = SeededVars::new(2).builder(DType::F64, &Device::Cpu);
    let norm = BatchNormConfig { statistics: Statistics::Support, ..BatchNormConfig::new(3) };
    Conv4::new(Conv4Config { blocks: 2, norm, ..Conv4Config::new((1, 6, 6), 3, 3) }, vb).unwrap()
}

fn classes(seed: u64) -> Episode {
    let labels = Tensor::new(&[[0u32, 1, 2, 1], [2, 1, 0, 0]], &Device::Cpu).unwrap();
    let set = |seed| Examples::labels(normal(seed, (2, 4, 1, 6, 6), DType::F64), labels.clone()).unwrap();
    Episode::new(vec![4, 5], set(seed), set(seed + 1)).unwrap()
}

fn meta(per: Granularity) -> MetaConfig {
    let rates = Rates::Learned { initial: 0.1, per, positive: false };
    let steps = GradientSteps { steps: 2, rates, ..GradientSteps::default() };
    MetaConfig { loss: Loss::CrossEntropy, ..steps.into() }
}

/// ANIL: the body is the same for all tasks and is trained by the outer loop through the exact
/// gradient; saved, loaded and trained on as one.
#[test]
fn the_head_alone_is_adapted() {
    let folder = tempfile::tempdir().unwrap();
    let anil = Adapting::new(conv4(), Adapts::Head).unwrap();
    let learner = MetaLearner::new(anil, meta(Granularity::PerLayer)).unwrap();
    let names: Vec<&str> = learner.outer_parameters().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names.iter().filter(|n| n.starts_with("rate")).collect::<Vec<_>>(), [&"rate.head"]);
    assert!(names.contains(&"block0.conv.weight"));
    let data = classes(1);
    let found = learner.gradients(&data).unwrap();
    for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
        let direction = normal(9, p.variable.dims(), DType::F64);
        let start = p.variable.as_tensor().copy().unwrap();
        let at = |step: f64| {
            p.variable.set(&(&start + (&direction * step).unwrap()).unwrap()).unwrap();
            learner.losses(&data).unwrap().iter().sum::<f64>()
        };
        let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
        p.variable.set(&start).unwrap();
        let exact = (gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        assert!((numeric - exact).abs() < 1e-6 * exact.abs().max(1.0), "{}: {numeric} for {exact}", p.name);
    }
    let adapted = learner.adapt(&data.support).unwrap();
    let weight = |name: &str| adapted.weight_of(name).unwrap();
    let apart = |w: &Tensor| relative_error(&w.get(0).unwrap(), &w.get(1).unwrap());
    assert_eq!(apart(&weight("block0.conv")), 0.0);
    assert!(apart(&weight("head")) > 1e-3);
    let path = folder.path().join("anil");
    learner.save(&path).unwrap();
    let again = load_learner(&path, &Device::Cpu).unwrap();
    assert_eq!(again.losses(&data).unwrap(), learner.losses(&data).unwrap());
    adapted.save(&path).unwrap();
    let loaded = Adapted::load(&path, &Device::Cpu).unwrap();
    let (a, b) = (loaded.predict(&data.query.x).unwrap(), adapted.predict(&data.query.x).unwrap());
    assert!(relative_error(&a, &b) < 1e-14);
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.01, ..AdamConfig::default() }).unwrap();
    let first = trainer.step(&data).unwrap().mean();
    let last = (0..20).map(|_| trainer.step(&data).unwrap().mean()).last().unwrap();
    assert!(last < first, "{last} after {first}");
}

/// A linear head on features is solved for exactly, whatever the features are.
#[test]
fn a_head_is_solved_for_exactly() {
    let vb = SeededVars::new(2).builder(DType::F64, &Device::Cpu);
    let net = Sequential::new()
        .with(Linear::new(LinearConfig::new(6, 4), vb.pp("body")).unwrap())
        .with(Activation::Tanh)
        .with(Linear::new(LinearConfig { bias: true, ..LinearConfig::new(4, 2) }, vb.pp("head")).unwrap());
    let learner =
        MetaLearner::new(Adapting::new(net, Adapts::Head).unwrap(), MetaConfig::least_squares(1e-9)).unwrap();
    let set = |seed, b| {
        Examples::values(normal(seed, (3, b, 6), DType::F64), normal(seed + 1, (3, b, 2), DType::F64))
            .unwrap()
    };
    let data = Episode::new(vec![0, 1, 2], set(1, 4), set(5, 4)).unwrap();
    // Five unknowns an output, four examples: the support set is met.
    let on_support = Episode { query: data.support.clone(), ..data.clone() };
    let losses = learner.losses(&on_support).unwrap();
    assert!(losses.iter().all(|&l| l < 1e-9), "{losses:?}");
    assert!(
        learner
            .gradients(&data)
            .unwrap()
            .gradients
            .iter()
            .all(|g| { g.flatten_all().unwrap().to_vec1::<f64>().unwrap().iter().all(|x| x.is_finite()) })
    );
}

#[test]
fn rates_are_grouped_as_one_says() {
    let names = |per| -> Vec<String> {
        let learner = MetaLearner::new(conv4(), meta(per)).unwrap();
        let own = learner.outer_parameters().iter().filter(|p| p.name.starts_with("rate"));
        own.map(|p| p.name.clone()).collect()
    };
    assert_eq!(names(Granularity::PerBlock), ["rate.block0", "rate.block1", "rate.head"]);
    let layers =
        ["rate.block0.conv", "rate.block0.norm", "rate.block1.conv", "rate.block1.norm", "rate.head"];
    assert_eq!(names(Granularity::PerLayer), layers);
    assert_eq!(names(Granularity::PerParameter).len(), 8);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blocks");
    let learner = MetaLearner::new(conv4(), meta(Granularity::PerBlock)).unwrap();
    learner.save(&path).unwrap();
    let data = classes(1);
    let again = load_learner(&path, &Device::Cpu).unwrap();
    assert_eq!(again.losses(&data).unwrap(), learner.losses(&data).unwrap());
}

/// Dropout in the inner loop: another mask in each outer step and for each task, the same when a
/// step is computed again; none in evaluation.
#[test]
fn dropout_follows_the_step_and_the_task() {
    let learner = |recompute, rate| {
        let vb = SeededVars::new(2).builder(DType::F64, &Device::Cpu);
        let net = Sequential::new()
            .with(Linear::new(LinearConfig::new(6, 8), vb.pp("body")).unwrap())
            .with(Activation::Tanh)
            .with(Dropout::new(DropoutConfig { rate, seed: 1 }, vb.pp("dropout")).unwrap())
            .with(Linear::new(LinearConfig::new(8, 2), vb.pp("head")).unwrap());
        let steps = GradientSteps { steps: 3, recompute, ..GradientSteps::default() };
        MetaLearner::new(net, steps.into()).unwrap()
    };
    let set = |seed, b| {
        let of = |seed, n| {
            let one = normal(seed, (1, b, n), DType::F64);
            Tensor::cat(&[&one, &one], 0).unwrap()
        };
        Examples::values(of(seed, 6), of(seed + 1, 2)).unwrap()
    };
    // Two tasks with the same data.
    let data = Episode::new(vec![3, 4], set(1, 4), set(5, 4)).unwrap();
    let dropped = learner(Recompute::Off, 0.5);
    let first = dropped.gradients_at(7, &data).unwrap();
    assert_ne!(first.losses[0], first.losses[1]);
    let again = learner(Recompute::On, 0.5).gradients_at(7, &data).unwrap();
    assert_eq!(again.losses, first.losses);
    for (a, b) in again.gradients.iter().zip(&first.gradients) {
        assert!(relative_error(a, b) < 1e-12);
    }
    assert_ne!(dropped.gradients_at(8, &data).unwrap().losses, first.losses);
    assert_eq!(dropped.gradients(&data).unwrap().losses, dropped.gradients_at(0, &data).unwrap().losses);
    // Tasks in another order, or alone, have the masks that they had.
    let one = |x: &Tensor| x.narrow(0, 1, 1).unwrap();
    let alone = |set: &Examples| Examples::values(one(&set.x), one(set.y.tensor())).unwrap();
    let second = Episode::new(vec![4], alone(&data.support), alone(&data.query)).unwrap();
    let found = dropped.gradients_at(7, &second).unwrap().losses[0];
    assert!((found - first.losses[1]).abs() < 1e-14);
    let evaluated = dropped.losses(&data).unwrap();
    assert_eq!(evaluated, learner(Recompute::Off, 0.0).losses(&data).unwrap());
    let mut trainer = Trainer::new(dropped, AdamConfig::default()).unwrap();
    let steps: Vec<f64> = (0..2).map(|_| trainer.step(&data).unwrap().mean()).collect();
    assert_ne!(steps[0], steps[1]);
}
