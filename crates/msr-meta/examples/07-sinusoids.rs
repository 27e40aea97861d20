//! 7 of 8: sinusoids, the classic problem of MAML: ten points of a curve, and what the rest of it
//! is.
//!
//! `cargo run --example 07-sinusoids`; with a number, that many outer steps. The next one:
//! `08-omniglot`.
//!
//! The order of errors is that of Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning" (ICML 2017),
//! figures 2 and 3: a network that was trained on all curves together has learned their mean and
//! gains little by fine-tuning; MAML's is far better after one step, and goes on to get better.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, SamplerConfig, Sinusoid, SinusoidConfig};
use msr_episodes::{Shots, Split};
use msr_layers::{Activation, Linear, LinearConfig, SeededVars, Sequential};
use msr_meta::{
    AdamConfig, EvaluationConfig, GradientSteps, HeadTargets, Learner, MetaConfig, MetaLearner, Order, Rates,
    RidgeHead, RidgeHeadConfig, Schedule, Trainer, evaluate, evaluate_in_detail,
};

type Problem = Box<dyn std::error::Error>;

/// Two hidden layers of 40, without the last layer when it is solved for.
fn network(with_head: bool) -> Result<Sequential, Problem> {
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    let layer =
        |n, m, name: &str| Linear::new(LinearConfig { bias: true, ..LinearConfig::new(n, m) }, vb.pp(name));
    let body = Sequential::new()
        .with(layer(1, 40, "first")?)
        .with(Activation::Relu)
        .with(layer(40, 40, "second")?)
        .with(Activation::Relu);
    Ok(if with_head { body.with(layer(40, 1, "last")?) } else { body })
}

fn gradient_steps(steps: usize, rate: f64, order: Order) -> Result<MetaLearner, Problem> {
    let steps = GradientSteps { steps, rates: Rates::Fixed(rate), order, ..GradientSteps::default() };
    Ok(MetaLearner::new(network(true)?, MetaConfig { reduction: msr_meta::Reduction::Mean, ..steps.into() })?)
}

fn main() -> Result<(), Problem> {
    let outer_steps = std::env::args().nth(1).map_or(Ok(4_000), |steps| steps.parse())?;
    // Ten points to adapt to, twenty to be judged by; 25 curves an outer step.
    let shots = Shots { support: 10, query: 20 };
    let config = SamplerConfig::new(Split::new(1_000_000, 600), shots, 25, 0);
    let curves = EpisodeSampler::new(Sinusoid::new(SinusoidConfig::default())?, config)?;
    let adam = AdamConfig { schedule: Schedule::Cosine { steps: outer_steps }, ..AdamConfig::default() };
    let train = |learner: Box<dyn Learner>| -> Result<Trainer, Problem> {
        let mut trainer = Trainer::new(learner, adam)?;
        let _ = trainer.run(outer_steps, &curves, &mut ())?;
        Ok(trainer)
    };

    // One inner step in training; tests take up to ten. Without inner steps, training is that of
    // one network on all curves together, and the steps of the test are fine-tuning.
    let tests = EvaluationConfig { steps: vec![0, 1, 5, 10], together: 200, ..EvaluationConfig::default() };
    let learners = [
        ("one network for all", gradient_steps(0, 0.01, Order::Second)?),
        ("MAML", gradient_steps(1, 0.01, Order::Second)?),
        ("first-order MAML", gradient_steps(1, 0.01, Order::First)?),
    ];
    println!("squared error       | after 0 steps | 1      | 5      | 10");
    let mut errors = Vec::new();
    for (name, learner) in learners {
        let trainer = train(Box::new(learner))?;
        let found = evaluate_in_detail(trainer.learner(), &curves, &tests)?;
        let means: Vec<f64> = found.iter().map(|after| after.loss.mean).collect();
        println!("{name:19} | {:13.3} | {:.4} | {:.4} | {:.4}", means[0], means[1], means[2], means[3]);
        errors.push(means);
    }
    // Features that are learned, and a last layer that is solved for, task by task.
    let ridge = RidgeHeadConfig { bias: true, ridge: 0.1, ..RidgeHeadConfig::new(HeadTargets::Values) };
    let trainer = train(Box::new(RidgeHead::new(network(false)?, ridge)?))?;
    let head = evaluate(trainer.learner(), &curves, 600, 200)?;
    println!("ridge head          | {:.4} ± {:.4}", head.mean, head.half_width);

    let [together, maml, first] = errors.as_slice() else { return Err("three learners".into()) };
    assert!(maml[1] < 0.5 * together[1] && first[1] < 0.6 * together[1], "one step is worth more to MAML");
    assert!(maml[3] < 0.4 * together[3], "and ten are");
    assert!(maml[3] < maml[2] && maml[2] < maml[1] && maml[1] < maml[0], "more steps than in training help");
    assert!(head.mean < 0.5 * maml[1], "an exact last layer needs no steps");
    Ok(())
}
