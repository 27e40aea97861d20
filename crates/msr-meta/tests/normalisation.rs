//! Statistics in the inner and the outer loop: gradients, evaluation, prediction, checkpoints.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device};
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Activation, BatchNorm, BatchNormConfig, Layer, Linear, LinearConfig, SeededVars, Sequential, Statistics,
};
use msr_meta::{
    AdamConfig, Adapted, GradientSteps, Learner, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig,
    Recompute, Trainer, load_learner,
};
use msr_testkit::{assert_close, normal, relative_error};

const MODES: [Statistics; 3] = [Statistics::Batch, Statistics::Support, Statistics::Running];

/// Two linear layers with a normalisation between them.
fn model(statistics: Statistics, dtype: DType) -> Sequential {
    let vb = SeededVars::new(3).builder(dtype, &Device::Cpu);
    let linear = |n, m, name: &str| {
        Linear::new(LinearConfig { bias: true, ..LinearConfig::new(n, m) }, vb.pp(name)).unwrap()
    };
    let norm = BatchNormConfig { statistics, ..BatchNormConfig::new(5) };
    Sequential::new()
        .with(linear(4, 5, "body"))
        .with(BatchNorm::new(norm, vb.pp("norm")).unwrap())
        .with(Activation::Tanh)
        .with(linear(5, 3, "head"))
}

fn learner(statistics: Statistics, recompute: Recompute) -> MetaLearner {
    let steps = GradientSteps { steps: 2, recompute, ..GradientSteps::default() };
    MetaLearner::on_trained(model(statistics, DType::F64), steps.into()).unwrap()
}

fn episode() -> Episode {
    let set = |seed, b: usize| {
        Examples::values(normal(seed, (3, b, 4), DType::F64), normal(seed + 1, (3, b, 3), DType::F64))
    };
    Episode::new(vec![7, 8, 9], set(10, 6).unwrap(), set(20, 4).unwrap()).unwrap()
}

/// Whatever the statistics, the outer gradient is the derivative of the training loss, through
/// inner steps, statistics of support sets and recomputation.
#[test]
fn the_outer_gradient_passes_through_the_statistics() {
    for statistics in MODES {
        let learner_ = learner(statistics, Recompute::Off);
        let found = learner_.gradients(&episode()).unwrap();
        let again = learner(statistics, Recompute::On).gradients(&episode()).unwrap();
        assert_eq!(found.losses, again.losses, "{statistics:?}");
        let total =
            |learner: &MetaLearner| -> f64 { learner.gradients(&episode()).unwrap().losses.iter().sum() };
        for (i, p) in learner_.outer_parameters().iter().enumerate() {
            let gradient = &found.gradients[i];
            assert!(relative_error(&again.gradients[i], gradient) < 1e-13, "{statistics:?} {}", p.name);
            let direction = normal(50 + i as u64, p.variable.dims(), DType::F64);
            let start = p.variable.as_tensor().copy().unwrap();
            let step = 1e-5;
            let at = |sign: f64| {
                p.variable.set(&(&start + (&direction * (sign * step)).unwrap()).unwrap()).unwrap();
                total(&learner_)
            };
            let numeric = (at(1.0) - at(-1.0)) / (2.0 * step);
            p.variable.set(&start).unwrap();
            let exact = (gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
            let error = (numeric - exact).abs() / exact.abs().max(1e-2);
            assert!(error < 1e-6, "{statistics:?} {}: {numeric} for {exact}", p.name);
        }
    }
}

fn loss_of(adapted: &Adapted, query: &Examples) -> Vec<f64> {
    let y = adapted.predict(&query.x).unwrap();
    let errors = (y - query.y.tensor()).unwrap().sqr().unwrap();
    errors.mean((1, 2)).unwrap().to_vec1().unwrap()
}

/// An adapted model predicts with the statistics that it was evaluated with, saved and loaded, for
/// all tasks or one; queries do not see each other unless the statistics are the batch's.
#[test]
fn an_adapted_model_predicts_as_it_was_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    for statistics in MODES {
        let learner = learner(statistics, Recompute::Off);
        let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.01, ..AdamConfig::default() }).unwrap();
        for _ in 0..3 {
            trainer.step(&episode()).unwrap();
        }
        let (learner, data) = (trainer.learner(), episode());
        let evaluated = learner.losses(&data).unwrap();
        let adapted = learner.adapt(&data.support).unwrap();
        let path = folder.path().join(format!("{statistics:?}"));
        adapted.save(&path).unwrap();
        let loaded = Adapted::load(&path, &Device::Cpu).unwrap();
        for model in [&adapted, &loaded] {
            for (a, b) in loss_of(model, &data.query).iter().zip(&evaluated) {
                assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{statistics:?}: {a} for {b}");
            }
        }
        let all = adapted.predict(&data.query.x).unwrap();
        let second = loaded.task(1).unwrap().predict(&data.query.x.narrow(0, 1, 1).unwrap()).unwrap();
        assert_close("one task", &second, &all.narrow(0, 1, 1).unwrap(), 1e-14);
        let two = adapted.predict(&data.query.x.narrow(1, 0, 2).unwrap()).unwrap();
        let apart = relative_error(&two, &all.narrow(1, 0, 2).unwrap());
        if statistics == Statistics::Batch {
            assert!(apart > 1e-3, "transductive: {apart}");
        } else {
            assert!(apart < 1e-14, "{statistics:?}: {apart}");
        }
        // The learner comes back with its running averages, and adapts as before.
        let path = folder.path().join(format!("{statistics:?} learner"));
        learner.save(&path).unwrap();
        let again = load_learner(&path, &Device::Cpu).unwrap();
        assert_eq!(again.losses(&data).unwrap(), evaluated, "{statistics:?}");
    }
}

/// Running averages follow the training queries, are no parameters of the optimiser, and come back
/// from a checkpoint, bit for bit.
#[test]
fn running_averages_are_kept_by_training_and_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let start = || {
        let learner = learner(Statistics::Running, Recompute::Off);
        let mut trainer = Trainer::new(learner, AdamConfig::default()).unwrap();
        trainer.checkpoint_to(&path, 1).unwrap();
        trainer
    };
    let state = |trainer: &Trainer| -> Vec<Vec<f64>> {
        let learner = trainer.learner();
        let buffers = learner.buffers().into_iter().map(|b| b.tensor.unwrap());
        let values = learner.outer_parameters().iter().map(|p| p.variable.as_tensor().clone());
        buffers.chain(values).map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    let mut whole = start();
    let names: Vec<String> = whole.learner().buffers().into_iter().map(|b| b.name).collect();
    assert_eq!(names, ["norm.running_mean", "norm.running_var"]);
    assert!(whole.learner().outer_parameters().iter().all(|p| !names.contains(&p.name)));
    let before = state(&whole);
    // Losses and gradients alone change nothing.
    whole.learner().gradients(&episode()).unwrap();
    whole.learner().losses(&episode()).unwrap();
    assert_eq!(state(&whole), before);
    let expected = whole.learner().gradients(&episode()).unwrap().buffers;
    whole.step(&episode()).unwrap();
    for (after, expected) in state(&whole).iter().zip(&expected) {
        assert_eq!(after, &expected.to_vec1::<f64>().unwrap());
    }
    assert_ne!(state(&whole)[0], before[0]);
    whole.save(&path, "").unwrap();
    whole.step(&episode()).unwrap();
    let mut resumed = start();
    resumed.resume_from(&path).unwrap().unwrap();
    resumed.step(&episode()).unwrap();
    assert_eq!(state(&resumed), state(&whole));
    // A run without them is not the one that the checkpoint is of.
    let mut other = Trainer::new(learner(Statistics::Batch, Recompute::Off), AdamConfig::default()).unwrap();
    let message = other.resume_from(&path).unwrap_err().to_string();
    assert!(message.contains("`norm.running_mean` does not belong to this run"), "{message}");
}

/// Predictions without a support set, joint fits, and one normalisation at two places are refused.
#[test]
fn what_has_no_statistics_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("initial");
    let learner = learner(Statistics::Support, Recompute::Off);
    learner.save(&path).unwrap();
    let unadapted = Adapted::load(&path, &Device::Cpu).unwrap();
    let message = unadapted.predict(&normal(1, (1, 4, 4), DType::F64)).unwrap_err().to_string();
    assert!(
        message.contains("`norm` normalises queries") && message.contains("adapt the model"),
        "{message}"
    );
    let model: Arc<dyn Layer> = Arc::new(model(Statistics::Running, DType::F32));
    assert!(MultiTask::new(model, MultiTaskConfig::default()).is_err());
    // A normalisation that is used at two places would have two kinds of statistics.
    let vb = SeededVars::new(3).builder(DType::F32, &Device::Cpu);
    let norm = BatchNormConfig { statistics: Statistics::Support, ..BatchNormConfig::new(4) };
    let norm = BatchNorm::new(norm, vb.pp("norm")).unwrap();
    let twice = Sequential::new()
        .with(norm.clone())
        .with(Linear::new(LinearConfig::new(4, 4), vb.pp("l")).unwrap())
        .with(norm);
    let message = MetaLearner::new(twice, MetaConfig::default()).unwrap_err().to_string();
    assert!(message.contains("two layers have a buffer `norm.support_mean`"), "{message}");
}
