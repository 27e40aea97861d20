//! 8 of 8: Omniglot. Five characters that were never seen before, one drawing of each, and which of
//! the five others show.
//!
//! `cargo run --example 08-omniglot`, with the folder of `images_background.zip` and
//! `images_evaluation.zip` as an argument, at any size of the images, and perhaps a number of outer
//! steps. Without the data it says so and ends.
//!
//! A small network without convolutions, for a minute: far from the accuracies that are published
//! (Finn, Abbeel, Levine, 2017, table 1: 0.90 with one shot and 0.98 with five, without
//! convolutions), but in their order.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{DType, Device};
use msr_data::{ClassSource, ClassSplit, FewShot, FewShotConfig, Omniglot};
use msr_episodes::Shots;
use msr_layers::{Activation, Flatten, Linear, LinearConfig, SeededVars, Sequential};
use msr_meta::{
    AdamConfig, EvaluationConfig, GradientSteps, HeadTargets, Learner, Loss, Measure, MetaConfig,
    MetaLearner, Rates, Reduction, RidgeHead, RidgeHeadConfig, Schedule, Trainer, ValidationConfig,
    evaluate_in_detail,
};

type Problem = Box<dyn std::error::Error>;

/// Two hidden layers of 64, without the last layer when it is solved for.
fn network(pixels: usize, classes: Option<usize>) -> Result<Sequential, Problem> {
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    let layer =
        |n, m, name: &str| Linear::new(LinearConfig { bias: true, ..LinearConfig::new(n, m) }, vb.pp(name));
    let body = Sequential::new()
        .with(Flatten)
        .with(layer(pixels, 64, "first")?)
        .with(Activation::Relu)
        .with(layer(64, 64, "second")?)
        .with(Activation::Relu);
    Ok(match classes {
        Some(classes) => body.with(layer(64, classes, "last")?),
        None => body,
    })
}

fn main() -> Result<(), Problem> {
    let mut arguments = std::env::args().skip(1);
    let folder = match arguments.next() {
        Some(folder) => Some(PathBuf::from(folder)),
        None => msr_testkit::shared("data/omniglot28"),
    };
    let Some(folder) = folder else { return Ok(()) };
    let outer_steps: u64 = arguments.next().map_or(Ok(400), |steps| steps.parse())?;
    let archives = ["images_background.zip", "images_evaluation.zip"].map(|name| folder.join(name));
    let characters = Arc::new(Omniglot::open(&archives)?);
    let pixels: usize = characters.input_shape().iter().product();
    // 1,100 characters train, 100 validate, 423 test: no character is in two of the sets.
    let split = ClassSplit::random(characters.classes(), (1_100, 100), 0)?;
    let episodes = |support: usize, held_out: &[usize]| -> Result<Arc<FewShot>, Problem> {
        let shots = Shots { support, query: 5 };
        let config = FewShotConfig::new(5, shots, split.train.clone(), held_out.to_vec());
        Ok(Arc::new(FewShot::new(
            characters.clone(),
            FewShotConfig { tasks: 200, meta_batch: 16, ..config },
        )?))
    };

    let maml = || -> Result<Box<dyn Learner>, Problem> {
        let rates = Rates::Learned { initial: 0.4, per: Default::default(), positive: false };
        let steps = GradientSteps { steps: 1, rates, ..GradientSteps::default() };
        let config = MetaConfig { loss: Loss::CrossEntropy, reduction: Reduction::Mean, ..steps.into() };
        Ok(Box::new(MetaLearner::new(network(pixels, Some(5))?, config)?))
    };
    let head = || -> Result<Box<dyn Learner>, Problem> {
        let config = RidgeHeadConfig {
            reduction: Reduction::Mean,
            ..RidgeHeadConfig::new(HeadTargets::OneHot { classes: 5 })
        };
        Ok(Box::new(RidgeHead::new(network(pixels, None)?, config)?))
    };
    println!("5-way test accuracy of {} characters", split.test.len());
    let mut accuracies = Vec::new();
    for (name, learner, shots, steps) in [
        ("MAML, one shot", maml()?, 1, vec![0, 1, 3]),
        ("MAML, five shots", maml()?, 5, vec![0, 1, 3]),
        ("ridge head, one shot", head()?, 1, vec![]),
        ("ridge head, five shots", head()?, 5, vec![]),
    ] {
        let files = tempfile::tempdir()?;
        let adam = AdamConfig {
            rate: 3e-3,
            schedule: Schedule::Cosine { steps: outer_steps },
            ..AdamConfig::default()
        };
        let mut trainer = Trainer::new(learner, adam)?;
        let by_accuracy = ValidationConfig {
            measure: Measure::Accuracy,
            ..ValidationConfig::new(outer_steps.div_ceil(4).max(1))
        };
        trainer.validate_on(episodes(shots, &split.validation)?, by_accuracy, files.path().join("best"))?;
        let test = episodes(shots, &split.test)?;
        let _ = trainer.run(outer_steps, test.as_ref(), &mut ())?;
        let best = trainer.back_to_best()?;
        let config = EvaluationConfig { steps, ..EvaluationConfig::default() };
        for found in evaluate_in_detail(trainer.learner(), test.as_ref(), &config)? {
            let classes = found.classification.ok_or("targets are labels")?;
            println!(
                "{name}{}: {:.3} ± {:.3}, likelihood {:.3}, calibration error {:.3}",
                found.steps.map_or(String::new(), |steps| format!(", {steps} inner steps")),
                classes.accuracy.mean,
                classes.accuracy.half_width,
                classes.negative_log_likelihood.mean,
                classes.calibration.expected_error()
            );
            accuracies.push(classes.accuracy.mean);
        }
        println!(
            "  (the state after {} outer steps, the best one on validation)",
            best.map_or(0, |best| best.step)
        );
    }
    let [before, one, _, before_five, five, _, head_one, head_five] = accuracies.as_slice() else {
        return Err("eight accuracies".into());
    };
    assert!(
        (before - 0.2).abs() < 0.05 && (before_five - 0.2).abs() < 0.05,
        "labels say nothing before a task"
    );
    assert!(*one > 0.5 && *head_one > 0.5, "one drawing of each is far better than chance");
    assert!(five > one && head_five > head_one, "and five are better");
    Ok(())
}
