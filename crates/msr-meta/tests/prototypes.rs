//! Prototypical networks: scores, gradients, what is refused, and what is saved.
#![allow(clippy::unwrap_used, reason = "tests")]

use candle_core::{DType, Device, Tensor};
use msr_episodes::{Episode, Examples};
use msr_layers::{Activation, Linear, LinearConfig, SeededVars, Sequential};
use msr_meta::{
    HeadTargets, Learner, Prototypes, PrototypesConfig, Reduction, RidgeHead, RidgeHeadConfig, load_learner,
};
use msr_testkit::normal;

fn body(vars: &SeededVars) -> Sequential {
    let vb = vars.builder(DType::F64, &Device::Cpu);
    let config = LinearConfig { bias: true, ..LinearConfig::new(4, 3) };
    Sequential::new().with(Linear::new(config, vb.pp("body")).unwrap()).with(Activation::Relu)
}

fn labels(rows: &[[u32; 5]; 2]) -> Tensor {
    Tensor::new(rows, &Device::Cpu).unwrap()
}

/// Two tasks; classes with one to three support examples.
fn episode() -> Episode {
    let support =
        Examples::labels(normal(1, (2, 5, 4), DType::F64), labels(&[[0, 1, 2, 2, 1], [2, 0, 0, 0, 1]]));
    let query =
        Examples::labels(normal(2, (2, 5, 4), DType::F64), labels(&[[0, 1, 2, 0, 1], [2, 2, 1, 0, 1]]));
    Episode::new(vec![0, 1], support.unwrap(), query.unwrap()).unwrap()
}

fn learner(vars: &SeededVars) -> Prototypes {
    let config = PrototypesConfig { reduction: Reduction::Mean, ..PrototypesConfig::new(3) };
    Prototypes::new(body(vars), config).unwrap()
}

/// The features of an example, by hand.
fn features(weight: &[Vec<f64>], bias: &[f64], x: &[f64]) -> Vec<f64> {
    let row = |(w, b): (&Vec<f64>, &f64)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b;
    weight.iter().zip(bias).map(|all| row(all).max(0.0)).collect()
}

#[test]
fn probabilities_are_those_of_distances_to_means() {
    let (vars, episode) = (SeededVars::new(3), episode());
    let learner = learner(&vars);
    let tensor =
        |name: &str| learner.outer_parameters().iter().find(|p| p.name == name).unwrap().variable.clone();
    let weight = tensor("body.weight").to_vec2::<f64>().unwrap();
    let bias = tensor("body.bias").to_vec1::<f64>().unwrap();
    let found = learner.predictions(&episode, &[]).unwrap().remove(0);
    let scores = found.outputs.to_vec3::<f64>().unwrap();
    let x = |e: &Examples| e.x.to_vec3::<f64>().unwrap();
    let y = |e: &Examples| e.y.tensor().to_vec2::<u32>().unwrap();
    for (task, scores) in scores.iter().enumerate() {
        let (support, own) = (&x(&episode.support)[task], &y(&episode.support)[task]);
        let prototypes: Vec<Vec<f64>> = (0..3)
            .map(|class| {
                let of_class: Vec<Vec<f64>> = support
                    .iter()
                    .zip(own)
                    .filter(|(_, label)| **label == class)
                    .map(|(x, _)| features(&weight, &bias, x))
                    .collect();
                (0..3).map(|f| of_class.iter().map(|x| x[f]).sum::<f64>() / of_class.len() as f64).collect()
            })
            .collect();
        let mut loss = 0.0;
        for (example, label) in y(&episode.query)[task].iter().enumerate() {
            let query = features(&weight, &bias, &x(&episode.query)[task][example]);
            let distance = |c: &Vec<f64>| c.iter().zip(&query).map(|(c, q)| (c - q).powi(2)).sum::<f64>();
            let powers: Vec<f64> = prototypes.iter().map(|c| (-distance(c)).exp()).collect();
            let total: f64 = powers.iter().sum();
            let found: Vec<f64> = scores[example].iter().map(|s| s.exp()).collect();
            let sum: f64 = found.iter().sum();
            for (found, power) in found.iter().zip(&powers) {
                assert!((found / sum - power / total).abs() < 1e-12);
            }
            loss -= (powers[*label as usize] / total).ln() / 5.0;
        }
        assert!((found.losses[task] - loss).abs() < 1e-12);
    }
}

#[test]
fn gradients_are_differences() {
    let (vars, episode) = (SeededVars::new(4), episode());
    let learner = learner(&vars);
    let gradients = learner.gradients(&episode).unwrap();
    let mean = || learner.losses(&episode).unwrap().iter().sum::<f64>() / 2.0;
    for (p, gradient) in learner.outer_parameters().iter().zip(&gradients.gradients) {
        let start = p.variable.as_tensor().copy().unwrap();
        let direction = normal(9, start.dims(), DType::F64);
        let at = |step: f64| {
            p.variable.set(&(&start + (&direction * step).unwrap()).unwrap()).unwrap();
            mean()
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        at(0.0);
        let along = (gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        assert!((along - difference).abs() < 1e-8 * (1.0 + along.abs()), "{}: {along} {difference}", p.name);
    }
}

#[test]
fn what_is_adapted_and_what_is_saved_predicts_the_same() {
    let (vars, episode) = (SeededVars::new(5), episode());
    let learner = learner(&vars);
    let expected = learner.predictions(&episode, &[]).unwrap().remove(0).outputs;
    let same = |outputs: &Tensor| {
        let difference = (outputs - &expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f64>().unwrap() < 1e-12);
    };
    same(&learner.adapt(&episode.support).unwrap().predict(&episode.query.x).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learned.safetensors");
    learner.save(&path).unwrap();
    let again = load_learner(&path, &Device::Cpu).unwrap();
    same(&again.predictions(&episode, &[]).unwrap().remove(0).outputs);
}

#[test]
fn misuse_is_an_error() {
    let (vars, episode) = (SeededVars::new(6), episode());
    let says =
        |message: String, words: &str| assert!(message.contains(words), "`{message}` is not `{words}`");
    let new = |config| Prototypes::new(body(&vars), config).unwrap_err().to_string();
    says(new(PrototypesConfig::new(1)), "from two on");
    says(new(PrototypesConfig { label_smoothing: 1.0, ..PrototypesConfig::new(3) }), "from 0 to less than 1");
    says(
        Prototypes::new(Activation::Relu, PrototypesConfig::new(3)).unwrap_err().to_string(),
        "no parameters",
    );
    let four = Prototypes::new(body(&vars), PrototypesConfig::new(4)).unwrap();
    says(four.losses(&episode).unwrap_err().to_string(), "task 0 has no support example of class 3");
    let two = Prototypes::new(body(&vars), PrototypesConfig::new(2)).unwrap();
    says(two.losses(&episode).unwrap_err().to_string(), "label 2 is none of the 2 classes");
    assert!(learner(&vars).predictions(&episode, &[1]).is_err());
}

/// Of a head as of MAML: a factor is the rate, and zero is a gradient of zero.
#[test]
fn parameters_have_rates_of_their_own() {
    let vars = SeededVars::new(3);
    let plain = learner(&vars);
    let ridge =
        RidgeHead::new(body(&vars), RidgeHeadConfig::new(HeadTargets::OneHot { classes: 3 })).unwrap();
    let factor = |name: &str| if name.ends_with("bias") { 0.0 } else { 3.0 };
    let before: [Box<dyn Learner>; 2] =
        [Box::new(learner(&vars)), Box::new(RidgeHead::new(body(&vars), *ridge.config()).unwrap())];
    let after: [Box<dyn Learner>; 2] =
        [Box::new(plain.with_outer_rates(factor)), Box::new(ridge.with_outer_rates(factor))];
    for (before, after) in before.iter().zip(&after) {
        let found = [before, after].map(|learner| learner.gradients(&episode()).unwrap().gradients);
        let parameters = before.outer_parameters().iter().zip(after.outer_parameters());
        for ((was, is), gradients) in parameters.zip(found[0].iter().zip(&found[1])) {
            assert_eq!(is.rate, was.rate * factor(&is.name), "{}", is.name);
            let sizes = [gradients.0, gradients.1].map(|gradient| {
                let squares = gradient.sqr().unwrap().sum_all().unwrap();
                squares.to_scalar::<f64>().unwrap()
            });
            match is.rate == 0.0 {
                true => assert_eq!(sizes[1], 0.0, "{}", is.name),
                false => assert_eq!(sizes[0], sizes[1], "{}", is.name),
            }
        }
        assert!(after.outer_parameters().iter().any(|p| p.rate == 0.0));
    }
}
