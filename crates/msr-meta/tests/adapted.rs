//! The end of a library user's story: adapt, predict, look at W, save, load, predict the same
//! numbers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use cases::{episode, msr};
use msr_layers::{
    Activation, Conv2dConfig, Layer, Linear, LinearConfig, ReparamConv2d, ReparamConv2dConfig, ReparamLinear,
    ReparamLinearConfig, SeededVars, Sequential,
};
use msr_meta::{
    AdamConfig, Adapted, GradientSteps, Learner, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Rates,
    Trainer, load_learner,
};
use msr_symmetry::Learned;
use msr_testkit::{assert_close, normal};

mod cases;

/// Every learner, saved and loaded, adapts as before to the last bit; what it adapted, saved and
/// loaded, predicts as before to the last bit.
#[test]
fn what_is_saved_and_loaded_predicts_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let data = episode(5, 3, 4, 2, DType::F32);
    let model = || msr(1, 2, DType::F32).0;
    let positive = Rates::Learned { initial: 0.05, per: Default::default(), positive: true };
    let positive = GradientSteps { rates: positive, ..GradientSteps::default() };
    let fixed = GradientSteps { rates: Rates::Fixed(0.1), ..GradientSteps::default() };
    let learners: Vec<(&str, Box<dyn Learner>)> = vec![
        ("steps", Box::new(MetaLearner::new(model(), MetaConfig::default()).unwrap())),
        ("positive", Box::new(MetaLearner::new(model(), positive.into()).unwrap())),
        ("fixed", Box::new(MetaLearner::new(model(), fixed.into()).unwrap())),
        ("exact", Box::new(MetaLearner::new(model(), MetaConfig::least_squares(0.1)).unwrap())),
        ("multi-task", Box::new(MultiTask::new(model(), MultiTaskConfig::default()).unwrap())),
    ];
    for (name, learner) in learners {
        let adam = AdamConfig { rate: 0.01, ..AdamConfig::default() };
        let mut trainer = Trainer::new(learner, adam).unwrap();
        (0..5).for_each(|step| drop(trainer.step(&episode(10 + step, 3, 4, 2, DType::F32)).unwrap()));
        let path = folder.path().join(name);
        trainer.learner().save(&path).unwrap();
        let loaded = load_learner(&path, &Device::Cpu).unwrap();
        assert_eq!(loaded.spec(), trainer.learner().spec(), "{name}");
        let (before, after) =
            (trainer.learner().adapt(&data.support).unwrap(), loaded.adapt(&data.support).unwrap());
        let predicted = before.predict(&data.query.x).unwrap();
        assert_close(name, &after.predict(&data.query.x).unwrap(), &predicted, 0.0);
        let path = folder.path().join("adapted");
        before.save(&path).unwrap();
        let again = Adapted::load(&path, &Device::Cpu).unwrap();
        assert_close(name, &again.predict(&data.query.x).unwrap(), &predicted, 0.0);
        assert_close(name, &again.weight().unwrap(), &before.weight().unwrap(), 0.0);
        // It can be trained on.
        let mut further = Trainer::new(loaded, adam).unwrap();
        further.step(&data).unwrap();
    }
}

/// The prediction is W x + b with the W and b that it shows, for one task as for all.
#[test]
fn predictions_are_those_of_the_weights() {
    let (model, _vars) = msr(2, 3, DType::F64);
    let data = episode(3, 4, 3, 3, DType::F64);
    let learner = MetaLearner::new(model, MetaConfig::default()).unwrap();
    let adapted = learner.adapt(&data.support).unwrap();
    let (w, x) = (adapted.weight().unwrap(), normal(8, (4, 9, 6), DType::F64));
    let (name, bias) = adapted.parameters().remove(1);
    assert_eq!((name.as_str(), w.dims(), adapted.tasks()), ("fc.bias", &[4, 5, 6][..], 4));
    let expected = x.matmul(&w.t().unwrap()).unwrap().broadcast_add(&bias.unsqueeze(1).unwrap()).unwrap();
    assert_close("W x + b", &adapted.predict(&x).unwrap(), &expected, 1e-12);
    let third = adapted.task(2).unwrap();
    let alone = third.predict(&x.narrow(0, 2, 1).unwrap()).unwrap();
    assert_close("one task", &alone, &expected.narrow(0, 2, 1).unwrap(), 1e-12);
    assert_close("its weight", &third.weight_of("fc").unwrap().get(0).unwrap(), &w.get(2).unwrap(), 0.0);
}

/// Training goes on in place; an adapted model keeps what it was adapted with.
#[test]
fn training_on_does_not_change_an_adapted_model() {
    let data = episode(3, 4, 3, 2, DType::F32);
    let learner = MetaLearner::new(msr(2, 2, DType::F32).0, MetaConfig::default()).unwrap();
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.1, ..AdamConfig::default() }).unwrap();
    let adapted = trainer.learner().adapt(&data.support).unwrap();
    let before = adapted.predict(&data.query.x).unwrap().copy().unwrap();
    trainer.step(&data).unwrap();
    assert_close("kept", &adapted.predict(&data.query.x).unwrap(), &before, 0.0);
}

#[test]
fn wrong_questions_are_answered_with_what_there_is() {
    let vb = |name: &str| SeededVars::new(3).builder(DType::F32, &Device::Cpu).pp(name);
    let net = Sequential::new()
        .with(ReparamLinear::new(ReparamLinearConfig::new(6, 4, 3), vb("body")).unwrap())
        .with(Activation::Relu)
        .with(Linear::new(LinearConfig::new(4, 5), vb("head")).unwrap());
    let data = episode(3, 4, 3, 2, DType::F32);
    let adapted =
        MetaLearner::new(Arc::new(net), MetaConfig::default()).unwrap().adapt(&data.support).unwrap();
    assert_eq!(adapted.weight_of("head").unwrap().dims(), [4, 5, 4]);
    for (message, words) in [
        (adapted.weight().unwrap_err(), "`body` [4, 4, 6], `head` [4, 5, 4]"),
        (adapted.weight_of("boddy").unwrap_err(), "a layer `boddy`"),
        (adapted.predict(&normal(1, (3, 2, 6), DType::F32)).unwrap_err(), "(4, examples, …), got [3, 2, 6]"),
        (
            adapted.predict(&normal(1, (4, 2, 7), DType::F32)).unwrap_err(),
            "(tasks, examples, …, 6), got [4, 2, 7]",
        ),
        (adapted.task(4).unwrap_err(), "no task 4 among 4"),
    ] {
        assert!(message.to_string().contains(words), "{message}");
    }
    // A convolution without anything that says how to adapt it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let conv =
        ReparamConv2d::new(ReparamConv2dConfig::kronecker(Conv2dConfig::new(1, 4, 3)), vb("c")).unwrap();
    Learned::of(&conv).unwrap().save(&path).unwrap();
    let message = load_learner(&path, &Device::Cpu).err().unwrap().to_string();
    assert!(message.contains("does not say how to adapt") && message.contains("model"), "{message}");
    let whole = Adapted::load(&path, &Device::Cpu).unwrap();
    let layer: &dyn Layer = whole.model().as_ref();
    assert_eq!((whole.tasks(), layer.parameters().len()), (1, 4));
    let x: Tensor = normal(1, (1, 2, 1, 5, 5), DType::F32);
    assert_eq!(whole.predict(&x).unwrap().dims(), [1, 2, 4, 3, 3]);
}
