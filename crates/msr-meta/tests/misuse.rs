//! What a user loses, or is misled by, without a word: rates left behind, one layer used twice,
//! sets that are not what they seem.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use cases::{episode, msr};
use msr_autodiff::{Graph, Node, grad, mse};
use msr_episodes::{Episode, Examples};
use msr_layers::{
    Activation, Layer, Linear, LinearConfig, ReparamLinear, ReparamLinearConfig, SeededVars, Sequential,
};
use msr_meta::{
    AdamConfig, Adapted, Error, GradientSteps, Learner, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig,
    Rates, Trainer, load_learner,
};
use msr_symmetry::Learned;
use msr_testkit::{assert_close, normal};

mod cases;

fn fixed(steps: usize, rate: f64) -> MetaConfig {
    GradientSteps { steps, rates: Rates::Fixed(rate), ..GradientSteps::default() }.into()
}

/// Layers saved and loaded the candle way come without the rates that were learned with them: a
/// new learner says so.
#[test]
fn saving_the_candle_way_loses_the_inner_rate() {
    let folder = tempfile::tempdir().unwrap();
    let (candle, whole) = (folder.path().join("vars.safetensors"), folder.path().join("learned.safetensors"));
    let (model, vars) = msr(1, 2, DType::F32);
    let learner = MetaLearner::new(model, MetaConfig::default()).unwrap();
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.05, ..AdamConfig::default() }).unwrap();
    (0..5).for_each(|step| drop(trainer.step(&episode(10 + step, 3, 4, 2, DType::F32)).unwrap()));
    vars.var_map().save(&candle).unwrap();
    trainer.learner().save(&whole).unwrap();
    let (loaded, mut vars) = msr(1, 2, DType::F32);
    assert!(MetaLearner::new(loaded.clone(), MetaConfig::default()).is_ok(), "nothing was loaded yet");
    vars.var_map_mut().load(&candle).unwrap();
    let error = MetaLearner::new(loaded.clone(), MetaConfig::default()).unwrap_err();
    let message = error.to_string();
    for words in ["fc.symmetry", "rate.fc", "load_learner", "on_trained"] {
        assert!(message.contains(words), "`{message}` does not say `{words}`");
    }
    // The model of a learner's file is no other case.
    let built = Learned::load(&whole, &Device::Cpu).unwrap().build().unwrap();
    assert!(matches!(MetaLearner::new(built, MetaConfig::default()), Err(Error::RatesLost { .. })));
    // Nothing is lost where there is nothing to lose, or where it is meant.
    assert!(MetaLearner::new(loaded.clone(), fixed(3, 0.1)).is_ok());
    assert!(MetaLearner::on_trained(loaded, MetaConfig::default()).is_ok());
    load_learner(&whole, &Device::Cpu).unwrap();
    let alone = Learned::of(trainer.learner().model().as_ref()).unwrap().build().unwrap();
    assert!(MetaLearner::new(alone, MetaConfig::default()).is_ok(), "no learner's numbers in that");
}

/// A stack of Linear, Tanh and the same Linear, 2 → 2.
fn twice(seed: u64) -> Sequential {
    let vars = SeededVars::new(seed);
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let layer = || Linear::new(LinearConfig::new(2, 2), vb.pp("a")).unwrap();
    Sequential::new().with(layer()).with(Activation::Tanh).with(layer())
}

/// The same variable under the same name is one parameter: adapted once, its gradients summed.
#[test]
fn one_layer_used_twice_comes_apart_in_the_inner_loop() {
    let x = normal(1, (1, 6, 2), DType::F64);
    let y = normal(2, (1, 6, 2), DType::F64);
    let support = Examples::values(x.clone(), y.clone()).unwrap();
    let learner = MetaLearner::new(twice(3), fixed(1, 0.1)).unwrap();
    let names: Vec<&str> = learner.outer_parameters().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a.weight"]);
    let adapted = learner.adapt(&support).unwrap();
    // By hand.
    let weight = learner.outer_parameters()[0].variable.as_detached_tensor();
    let loss = |w: &Node| {
        let through = |x: &Node| x.matmul(&w.t().unwrap()).unwrap();
        let predicted = through(&through(&Node::constant(&x.squeeze(0).unwrap())).tanh().unwrap());
        let predicted = predicted.reshape(&[1, 12]).unwrap();
        mse(&predicted, &Node::constant(&y.reshape((1, 12)).unwrap())).unwrap().sum_all().unwrap()
    };
    let w = Node::leaf(&weight);
    let gradient = grad(&loss(&w), &[&w], Graph::Drop).unwrap().remove(0);
    let expected = w.sub(&gradient.affine(0.1, 0.0).unwrap()).unwrap();
    for (name, found) in adapted.parameters() {
        assert_eq!(name, "a.weight");
        assert_close("one weight", &found.squeeze(0).unwrap(), expected.value(), 1e-14);
    }
    // Outer gradient, saving, loading and another adaptation know one weight as well.
    let episode = Episode::new(vec![0], support.clone(), support.clone()).unwrap();
    let gradients = learner.gradients(&episode).unwrap();
    assert_eq!(gradients.gradients.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("adapted"), folder.path().join("learner"));
    adapted.save(&path).unwrap();
    learner.save(&whole).unwrap();
    let again = Adapted::load(&path, &Device::Cpu).unwrap();
    assert_close("predicted", &again.predict(&x).unwrap(), &adapted.predict(&x).unwrap(), 0.0);
    let loaded = load_learner(&whole, &Device::Cpu).unwrap();
    assert_eq!(loaded.outer_parameters().len(), 1);
    let again = loaded.adapt(&support).unwrap();
    assert_close("adapted", &again.predict(&x).unwrap(), &adapted.predict(&x).unwrap(), 0.0);
}

/// Different variables under one name are refused by every learner.
#[test]
fn different_variables_under_one_name() {
    let stack = || {
        let layer = |seed| {
            let vb = SeededVars::new(seed).builder(DType::F32, &Device::Cpu);
            ReparamLinear::new(ReparamLinearConfig::new(6, 6, 2), vb.pp("a")).unwrap()
        };
        Sequential::new().with(layer(1)).with(layer(2))
    };
    let messages = [
        MetaLearner::new(stack(), MetaConfig::default()).unwrap_err().to_string(),
        MetaLearner::new(stack(), MetaConfig::least_squares(0.1)).unwrap_err().to_string(),
        MultiTask::new(stack(), MultiTaskConfig::default()).unwrap_err().to_string(),
        Learned::of(&stack()).unwrap_err().to_string(),
    ];
    for message in messages {
        assert!(message.contains("`a.symmetry`") && message.contains("vb.pp(name)"), "{message}");
    }
    assert!(MetaLearner::new(twice(1), MetaConfig::least_squares(0.1)).is_err());
}

/// Without inner steps, too, what `adapt` returned does not change when training goes on.
#[test]
fn handed_out_models_that_change_later() {
    let data = episode(1, 3, 2, 2, DType::F32);
    for learner in [
        Box::new(MetaLearner::new(msr(2, 2, DType::F32).0, MetaConfig::gradient_steps(0)).unwrap())
            as Box<dyn Learner>,
        Box::new(MetaLearner::new(msr(2, 2, DType::F32).0, MetaConfig::default()).unwrap()),
        Box::new(MultiTask::new(msr(2, 2, DType::F32).0, MultiTaskConfig::default()).unwrap()),
    ] {
        let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.1, ..AdamConfig::default() }).unwrap();
        let adapted = trainer.learner().adapt(&data.support).unwrap();
        let learned = trainer.learner().learned().unwrap();
        let gradients = trainer.learner().gradients(&data).unwrap().gradients;
        let seen = || -> Vec<Vec<f64>> {
            let tensors = adapted.parameters().into_iter().map(|(_, t)| t);
            let all = tensors.chain(learned.tensors().values().cloned()).chain(gradients.clone());
            let predicted = adapted.predict(&data.query.x).unwrap();
            let numbers =
                |t: Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            all.chain([predicted, adapted.weight().unwrap()]).map(numbers).collect()
        };
        let before = seen();
        trainer.step(&data).unwrap();
        assert_eq!(seen(), before);
    }
}

/// A matrix is no set of tasks with examples, and NaN is no example.
#[test]
fn a_support_set_that_is_none() {
    let (model, _) = msr(1, 2, DType::F32);
    let learners: [Box<dyn Learner>; 3] = [
        Box::new(MetaLearner::new(model.clone(), MetaConfig::default()).unwrap()),
        Box::new(MetaLearner::new(model.clone(), MetaConfig::least_squares(0.1)).unwrap()),
        Box::new(MultiTask::new(model, MultiTaskConfig::default()).unwrap()),
    ];
    let good = episode(1, 3, 4, 2, DType::F32).support;
    for learner in learners {
        let rows = Examples::values(normal(1, (15, 6), DType::F32), normal(2, (15, 5), DType::F32));
        let message = rows
            .map_err(|e| e.to_string())
            .and_then(|rows| learner.adapt(&rows).map(|_| "accepted".into()).map_err(|e| e.to_string()));
        let message = message.unwrap_or_else(|message| message);
        assert!(
            message.contains("(15 tasks, 6 examples") || message.contains("(tasks, examples"),
            "{message}"
        );
        let poisoned = |t: &Tensor| {
            let mut data = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let at = data.len() - 1;
            data[at] = f32::NAN;
            Tensor::from_vec(data, t.dims(), &Device::Cpu).unwrap()
        };
        for (x, y, words) in [
            (poisoned(&good.x), good.y.tensor().clone(), "task 2 of the support set: its inputs hold NaN"),
            (good.x.clone(), poisoned(good.y.tensor()), "task 2 of the support set: its targets hold NaN"),
        ] {
            let message = learner.adapt(&Examples::values(x, y).unwrap()).unwrap_err().to_string();
            assert!(message.contains(words), "`{message}` does not say `{words}`");
        }
    }
    let wild = MetaLearner::new(msr(1, 2, DType::F32).0, fixed(60, 1e6)).unwrap();
    let message = wild.adapt(&good).unwrap_err().to_string();
    assert!(message.contains("became NaN or infinite"), "{message}");
}

/// Numbers of a type that nothing is computed in are refused, by every learner.
#[test]
fn examples_of_integers() {
    let (model, _) = msr(1, 2, DType::F32);
    let learners: [Box<dyn Learner>; 3] = [
        Box::new(MetaLearner::new(model.clone(), MetaConfig::default()).unwrap()),
        Box::new(MetaLearner::new(model.clone(), MetaConfig::least_squares(0.1)).unwrap()),
        Box::new(MultiTask::new(model, MultiTaskConfig::default()).unwrap()),
    ];
    for dtype in [DType::U8, DType::U32, DType::I64, DType::F64] {
        let of = |shape: &[usize]| Tensor::ones(shape, dtype, &Device::Cpu).unwrap();
        let support = Examples::values(of(&[3, 4, 6]), of(&[3, 4, 5]));
        for learner in &learners {
            if let Ok(support) = &support {
                assert!(learner.adapt(support).is_err(), "{dtype:?}");
                let episode = Episode::new(vec![0, 1, 2], support.clone(), support.clone());
                assert!(learner.gradients(&episode.unwrap()).is_err(), "{dtype:?}");
            }
        }
    }
}

#[test]
fn every_layer_wants_tasks_and_examples() {
    use msr_layers::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Input};
    let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
    let layers: [(Arc<dyn Layer>, Vec<usize>); 3] = [
        (Arc::new(Linear::new(LinearConfig::new(4, 2), vb.pp("a")).unwrap()), vec![4]),
        (Arc::new(Conv1d::new(Conv1dConfig::new(1, 2, 3), vb.pp("b")).unwrap()), vec![1, 5]),
        (Arc::new(Conv2d::new(Conv2dConfig::new(1, 2, 3), vb.pp("c")).unwrap()), vec![1, 5, 5]),
    ];
    for (layer, own) in layers {
        let values = layer.parameters().broadcast(7).unwrap();
        let at = |lead: &[usize]| {
            let x = Node::constant(&normal(1, [lead, &own[..]].concat(), DType::F32));
            layer.forward_tasks(&values, &Input::Examples(x))
        };
        assert!(at(&[7, 2]).is_ok());
        let message = at(&[7]).unwrap_err().to_string();
        assert!(message.contains("(tasks, examples"), "{message}");
    }
}
