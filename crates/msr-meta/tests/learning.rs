//! The learners and the evaluation.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use cases::{HeldOut, episode, msr};
use msr_layers::{
    Activation, Layer, Linear, LinearConfig, ReparamLinear, ReparamLinearConfig, SeededVars, Sequential,
};
use msr_meta::{
    Adam, AdamConfig, GradientSteps, Granularity, Learner, MetaConfig, MetaLearner, MultiTask,
    MultiTaskConfig, Order, OuterParameter, Rates, Recompute, Reduction, Schedule, Summary, Trainer,
    evaluate,
};
use msr_testkit::{assert_close, normal, relative_error};

mod cases;

/// The outer gradient of every parameter, every granularity and both recomputation modes, against
/// central finite differences of the losses that `losses` reports by its own, graph-free path.
#[test]
fn the_outer_gradient_is_the_derivative_of_the_evaluation() {
    let batch = episode(3, 3, 2, 2, DType::F64);
    for per in [Granularity::PerLayer, Granularity::PerParameter, Granularity::PerElement] {
        for (positive, recompute) in [(false, Recompute::Off), (true, Recompute::On)] {
            for reduction in [Reduction::Sum, Reduction::Mean] {
                let (model, _vars) = msr(1, 2, DType::F64);
                let rates = Rates::Learned { initial: 0.05, per, positive };
                let steps = GradientSteps { rates, recompute, ..GradientSteps::default() };
                let config = MetaConfig { reduction, ..steps.into() };
                let learner = MetaLearner::new(model, config).unwrap();
                let found = learner.gradients(&batch).unwrap();
                assert_eq!(found.losses.len(), 3);
                for (a, b) in found.losses.iter().zip(learner.losses(&batch).unwrap()) {
                    assert!((a - b).abs() < 1e-12);
                }
                for (p, gradient) in learner.outer_parameters().iter().zip(&found.gradients) {
                    let original = p.variable.as_detached_tensor().copy().unwrap();
                    let gradient: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
                    let base: Vec<f64> = original.flatten_all().unwrap().to_vec1().unwrap();
                    for i in (0..base.len()).step_by(7) {
                        let at = |shift: f64| {
                            let mut moved = base.clone();
                            moved[i] += shift;
                            p.variable
                                .set(&Tensor::from_vec(moved, original.shape(), &Device::Cpu).unwrap())
                                .unwrap();
                            let losses = learner.losses(&batch).unwrap();
                            let total: f64 = losses.iter().sum();
                            if reduction == Reduction::Mean { total / 3.0 } else { total }
                        };
                        let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
                        let error = (gradient[i] - numeric).abs() / numeric.abs().max(1.0);
                        assert!(error < 1e-7, "{per:?} {} [{i}]: {} and {numeric}", p.name, gradient[i]);
                    }
                    p.variable.set(&original).unwrap();
                }
            }
        }
    }
}

#[test]
fn rates_are_named_after_what_they_serve() {
    let names = |per| {
        let rates = Rates::Learned { initial: 0.1, per, positive: false };
        let steps = GradientSteps { rates, ..GradientSteps::default() };
        let learner = MetaLearner::new(msr(1, 2, DType::F32).0, steps.into()).unwrap();
        learner
            .outer_parameters()
            .iter()
            .map(|p| (p.name.clone(), p.variable.dims().to_vec()))
            .collect::<Vec<_>>()
    };
    let of =
        |list: &[(&str, &[usize])]| list.iter().map(|(n, d)| (n.to_string(), d.to_vec())).collect::<Vec<_>>();
    let model: [(&str, &[usize]); 3] = [("fc.symmetry", &[30, 2]), ("fc.filter", &[2]), ("fc.bias", &[5])];
    assert_eq!(names(Granularity::PerLayer), of(&[&model[..], &[("rate.fc", &[])]].concat()));
    assert_eq!(
        names(Granularity::PerParameter),
        of(&[&model[..], &[("rate.fc.filter", &[]), ("rate.fc.bias", &[])]].concat())
    );
    assert_eq!(
        names(Granularity::PerElement),
        of(&[&model[..], &[("rate.fc.filter", &[2]), ("rate.fc.bias", &[5])]].concat())
    );
}

/// A parameter's factor on the rate: the first step of Adam is the rate itself.
#[test]
fn parameters_have_rates_of_their_own() {
    let adam = |rate: f64, variable: &Var| {
        let parameters = [OuterParameter { name: "p".into(), variable: variable.clone(), rate }];
        Adam::new(AdamConfig { rate: 0.01, ..AdamConfig::default() }, &parameters)
            .map(|adam| (adam, parameters))
    };
    for rate in [1.0, 3.0] {
        let variable = Var::new(&[0f64], &Device::Cpu).unwrap();
        let (mut adam, parameters) = adam(rate, &variable).unwrap();
        adam.step(&parameters, &[Tensor::new(&[1f64], &Device::Cpu).unwrap()]).unwrap();
        assert!((variable.to_vec1::<f64>().unwrap()[0] + 0.01 * rate).abs() < 1e-9);
    }
    let variable = Var::new(&[0f64], &Device::Cpu).unwrap();
    assert!(adam(f64::NAN, &variable).is_err() && adam(-1.0, &variable).is_err());
}

/// First order drops the second derivatives and nothing else: losses agree, gradients do not; with
/// no inner step both agree.
#[test]
fn the_first_order_switch() {
    let batch = episode(3, 3, 2, 2, DType::F64);
    let run = |order, inner_steps| {
        let rates = Rates::Fixed(0.1);
        let config = GradientSteps { order, steps: inner_steps, rates, ..GradientSteps::default() };
        MetaLearner::new(msr(1, 2, DType::F64).0, config.into()).unwrap().gradients(&batch).unwrap()
    };
    let (exact, first) = (run(Order::Second, 2), run(Order::First, 2));
    assert_eq!(exact.losses, first.losses);
    assert!(relative_error(&first.gradients[1], &exact.gradients[1]) > 0.01);
    let (exact, first) = (run(Order::Second, 0), run(Order::First, 0));
    for (a, b) in first.gradients.iter().zip(&exact.gradients) {
        assert_close("no inner step", a, b, 1e-13);
    }
}

#[test]
fn msr_learns_what_the_tasks_share_and_maml_cannot() {
    let train = |model: Arc<dyn Layer>| {
        let learner = MetaLearner::new(model, MetaConfig::default()).unwrap();
        let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.01, ..AdamConfig::default() }).unwrap();
        for step in 0..1500 {
            trainer.step(&episode(10 + 3 * step, 16, 10, 2, DType::F32)).unwrap();
        }
        evaluate(trainer.learner(), &HeldOut(episode(7, 100, 10, 2, DType::F32)), 100, 100).unwrap()
    };
    let vars = SeededVars::new(2);
    let linear = Linear::new(LinearConfig::new(6, 5), vars.builder(DType::F32, &Device::Cpu)).unwrap();
    let (maml, msr) = (train(Arc::new(linear)), train(msr(2, 2, DType::F32).0));
    println!("MAML {maml:?}, MSR {msr:?}");
    assert!(msr.tasks == 100 && msr.mean < 0.1 * maml.mean, "MSR {msr:?}, MAML {maml:?}");
}

/// The fit of MTSR is the least-squares solution, and joint training finds the tasks' subspace.
#[test]
fn mtsr_fits_exactly_and_learns() {
    let vars = SeededVars::new(4);
    let config = ReparamLinearConfig { symmetry_std: 0.3, ..ReparamLinearConfig::new(6, 5, 2) };
    let layer = ReparamLinear::new(config, vars.builder(DType::F64, &Device::Cpu)).unwrap();
    let symmetry = layer.symmetry().clone();
    let learner =
        MultiTask::new(Arc::new(layer), MultiTaskConfig { ridge: 0.0, ..Default::default() }).unwrap();
    let data = episode(3, 4, 3, 2, DType::F64);
    let v = learner.adapt(&data.support).unwrap().parameters().remove(0).1;
    // At the least-squares solution the residual is orthogonal to every column of x U.
    for t in 0..4 {
        let w = symmetry.matmul(&v.get(t).unwrap().unsqueeze(1).unwrap()).unwrap().reshape((5, 6)).unwrap();
        let (x, y) = (data.support.x.get(t).unwrap(), data.support.y.tensor().get(t).unwrap());
        let residual = (x.matmul(&w.t().unwrap()).unwrap() - &y).unwrap();
        let gradient = symmetry
            .t()
            .unwrap()
            .matmul(&residual.t().unwrap().matmul(&x).unwrap().reshape((30, 1)).unwrap())
            .unwrap();
        assert_close("normal equations", &gradient, &gradient.zeros_like().unwrap(), 1e-9);
    }
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 0.01, ..AdamConfig::default() }).unwrap();
    let first = trainer.step(&episode(10, 16, 3, 2, DType::F64)).unwrap().mean();
    for step in 1..300 {
        trainer.step(&episode(10 + 3 * step, 16, 3, 2, DType::F64)).unwrap();
    }
    let test = evaluate(trainer.learner(), &HeldOut(episode(7, 50, 1, 2, DType::F64)), 50, 50).unwrap();
    assert!(test.mean < 1e-2 * first, "{first} before, {test:?} after");
    let plain = Linear::new(LinearConfig::new(6, 5), vars.builder(DType::F64, &Device::Cpu).pp("l")).unwrap();
    assert!(MultiTask::new(Arc::new(plain), MultiTaskConfig::default()).is_err());
}

/// Two steps by the formula, in f64 and to rounding in f32.
#[test]
fn adam_follows_the_formula() {
    for (dtype, tolerance) in [(DType::F64, 1e-15), (DType::F32, 1e-6)] {
        let start = normal(1, 5, dtype);
        let gradients = [normal(2, 5, dtype), normal(3, 5, dtype)];
        let variable = candle_core::Var::from_tensor(&start).unwrap();
        let parameters = [OuterParameter { name: "p".into(), variable: variable.clone(), rate: 1.0 }];
        let mut adam = Adam::new(AdamConfig { rate: 0.1, ..AdamConfig::default() }, &parameters).unwrap();
        let as_f64 = |t: &Tensor| t.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
        let mut p = as_f64(&start);
        let (mut m, mut s) = ([0.0; 5], [0.0; 5]);
        for (t, g) in gradients.iter().enumerate() {
            adam.step(&parameters, std::slice::from_ref(g)).unwrap();
            for (i, g) in as_f64(g).into_iter().enumerate() {
                m[i] = 0.9 * m[i] + 0.1 * g;
                s[i] = 0.999 * s[i] + 0.001 * g * g;
                let (mh, sh) =
                    (m[i] / (1.0 - 0.9f64.powi(t as i32 + 1)), s[i] / (1.0 - 0.999f64.powi(t as i32 + 1)));
                p[i] -= 0.1 * mh / (sh.sqrt() + 1e-8);
            }
        }
        let expected = Tensor::new(p, &Device::Cpu).unwrap();
        assert_close("adam", &variable.as_detached_tensor(), &expected, tolerance);
        assert!(adam.step(&parameters, &[normal(1, 4, dtype)]).is_err());
    }
    assert!(Adam::new(AdamConfig { beta1: 1.0, ..AdamConfig::default() }, &[]).is_err());
}

/// With a cosine over two steps the first step is a full one, the second a half, and then there are
/// no more.
#[test]
fn a_cosine_schedule_scales_the_steps() {
    let run = |schedule: Schedule, steps: usize| -> Vec<f64> {
        let variable = candle_core::Var::from_tensor(&Tensor::new(1f64, &Device::Cpu).unwrap()).unwrap();
        let parameters = [OuterParameter { name: "p".into(), variable: variable.clone(), rate: 1.0 }];
        let mut adam = Adam::new(AdamConfig { schedule, ..AdamConfig::default() }, &parameters).unwrap();
        let mut before = 1.0;
        let mut moved = || {
            let gradient = Tensor::new(3f64, &Device::Cpu).unwrap();
            adam.step(&parameters, &[gradient]).unwrap();
            let now = variable.as_tensor().to_scalar::<f64>().unwrap();
            std::mem::replace(&mut before, now) - now
        };
        (0..steps).map(|_| moved()).collect()
    };
    let (constant, cosine) = (run(Schedule::Constant, 4), run(Schedule::Cosine { steps: 2 }, 2));
    for (step, factor) in [1.0, 0.5].into_iter().enumerate() {
        assert!((cosine[step] - factor * constant[step]).abs() < 1e-15, "{step}: {cosine:?} {constant:?}");
    }
    assert!(constant.iter().all(|moved| *moved > 0.0));
}

#[test]
fn misuse_is_an_error() {
    let learner = MetaLearner::new(msr(1, 2, DType::F32).0, MetaConfig::default()).unwrap();
    let mut wrong = episode(1, 3, 1, 2, DType::F32);
    wrong.tasks.pop();
    assert!(learner.gradients(&wrong).unwrap_err().to_string().contains("2 tasks"));
    let rates = Rates::Learned { initial: 0.0, per: Granularity::PerLayer, positive: true };
    let steps = GradientSteps { rates, ..GradientSteps::default() };
    assert!(MetaLearner::new(msr(1, 2, DType::F32).0, steps.into()).is_err());
    let constants = model_with_a_constant();
    let error = MetaLearner::new(constants, MetaConfig::default()).err().unwrap();
    assert!(error.to_string().contains("SeededVars"), "{error}");
    assert!(Summary::new(&[1.0]).is_err() && Summary::new(&[1.0, f64::NAN]).is_err());
    let mut poisoned = episode(1, 3, 1, 2, DType::F32);
    poisoned.query.x = (poisoned.query.x * f64::INFINITY).unwrap();
    let message = evaluate(&learner, &HeldOut(poisoned), 3, 3).unwrap_err().to_string();
    assert!(message.contains("test task 100"), "{message}");
    for bad in [
        MultiTaskConfig { ridge: -1.0, ..Default::default() },
        MultiTaskConfig { ridge: f64::NAN, ..Default::default() },
    ] {
        assert!(MultiTask::new(msr(1, 2, DType::F32).0, bad).is_err());
    }
}

/// MTSR needs a model that is linear in v, and says so.
#[test]
fn mtsr_refuses_what_it_cannot_fit() {
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let layer = |n, m, name: &str| {
        let config =
            ReparamLinearConfig { symmetry_std: 0.5, bias: true, ..ReparamLinearConfig::new(n, m, 3) };
        ReparamLinear::new(config, vb.pp(name)).unwrap()
    };
    let model = Sequential::new().with(layer(6, 4, "a")).with(Activation::Tanh).with(layer(4, 5, "b"));
    let learner = MultiTask::new(Arc::new(model), MultiTaskConfig::default()).unwrap();
    let message = learner.losses(&episode(3, 4, 3, 2, DType::F64)).unwrap_err().to_string();
    assert!(message.contains("linear in its adapted parameters"), "{message}");
}

fn model_with_a_constant() -> Arc<dyn Layer> {
    let vars = SeededVars::new(0);
    let layer = Linear::new(LinearConfig::new(2, 2), vars.builder(DType::F32, &Device::Cpu)).unwrap();
    struct Constant(Linear);
    impl Layer for Constant {
        fn parameters(&self) -> msr_layers::Parameters {
            let mut all = self.0.parameters();
            all.adapted[0].tensor = all.adapted[0].tensor.detach();
            all
        }
        fn forward_tasks(
            &self,
            values: &msr_layers::Values,
            x: &msr_layers::Input,
        ) -> msr_layers::Result<msr_autodiff::Node> {
            self.0.forward_tasks(values, x)
        }
    }
    Arc::new(Constant(layer))
}
