//! Averages of the outer parameters over steps: what they are, and that a kill changes none.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use cases::{HeldOut, episode, msr};
use msr_episodes::{Episode, EpisodeSource};
use msr_meta::{
    AdamConfig, Checkpoint, Learner, MetaConfig, MetaLearner, Observer, StepReport, Trainer,
    ValidationConfig, evaluate,
};

mod cases;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const DECAY: f64 = 0.8;
const STEPS: u64 = 12;

/// Other training tasks at each step.
struct Tasks;

impl EpisodeSource for Tasks {
    fn name(&self) -> String {
        "tasks".into()
    }
    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        Ok(episode(10 + step, 3, 2, 4, DType::F64))
    }
    fn held_out(&self) -> usize {
        0
    }
    fn test(&self, _: Range<usize>) -> msr_episodes::Result<Episode> {
        self.train(0)
    }
}

fn held_out() -> Arc<HeldOut> {
    Arc::new(HeldOut(episode(7, 20, 2, 4, DType::F64)))
}

fn trainer() -> Trainer {
    let learner = MetaLearner::new(msr(2, 4, DType::F64).0, MetaConfig::default()).unwrap();
    Trainer::new(learner, AdamConfig { rate: 0.05, ..AdamConfig::default() }).unwrap()
}

/// The outer parameters, one after the other.
fn values(learner: &dyn Learner) -> Vec<f64> {
    let flat = |p: &msr_meta::OuterParameter| p.variable.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    learner.outer_parameters().iter().flat_map(flat).collect()
}

/// Remembers the parameters after each step; fails at a step, before its checkpoint, as a kill
/// would.
#[derive(Default)]
struct Watch {
    seen: Vec<Vec<f64>>,
    kill_at: Option<u64>,
}

impl Observer for Watch {
    fn on_step(&mut self, report: &StepReport, learner: &dyn Learner) -> Result<ControlFlow<()>, BoxError> {
        self.seen.push(values(learner));
        match self.kill_at {
            Some(step) if report.step == step => Err("killed".into()),
            _ => Ok(ControlFlow::Continue(())),
        }
    }
}

/// The mean of what was seen, as the formula says.
fn mean(seen: &[Vec<f64>]) -> Vec<f64> {
    let last = seen.len() - 1;
    let weights: Vec<f64> = (0..=last).map(|s| DECAY.powi((last - s) as i32)).collect();
    let all: f64 = weights.iter().sum();
    let entry = |i: usize| seen.iter().zip(&weights).map(|(p, w)| p[i] * w / all).sum();
    (0..seen[0].len()).map(entry).collect()
}

fn is_close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn averages_are_weighted_means_and_training_stays_what_it_is() {
    let (mut plain, mut watch) = (trainer(), Watch::default());
    let _ = plain.run(STEPS, &Tasks, &mut watch).unwrap();
    let mut averaged = trainer();
    averaged.average(DECAY).unwrap();
    averaged.put_averages().unwrap();
    assert_eq!(values(averaged.learner()), values(trainer().learner()), "no step was taken");
    let mut seen = Watch::default();
    let _ = averaged.run(STEPS, &Tasks, &mut seen).unwrap();
    assert_eq!(seen.seen, watch.seen);
    averaged.put_averages().unwrap();
    assert!(is_close(&values(averaged.learner()), &mean(&watch.seen)));
    assert!(!is_close(&values(averaged.learner()), &values(plain.learner())));
    // With a decay of zero the last state is all there is.
    let mut last = trainer();
    last.average(0.0).unwrap();
    let _ = last.run(STEPS, &Tasks, &mut ()).unwrap();
    last.put_averages().unwrap();
    assert_eq!(values(last.learner()), values(plain.learner()));
}

/// A run in a folder, which goes on from its checkpoint.
fn run_in(folder: &Path) -> Trainer {
    let mut run = trainer();
    run.average(DECAY).unwrap();
    run.validate_on(held_out(), ValidationConfig::new(3), folder.join("best")).unwrap();
    let _ = run.resume_from(&folder.join("checkpoint")).unwrap();
    run.checkpoint_to(folder.join("checkpoint"), 4).unwrap();
    run
}

#[test]
fn validations_look_at_averages_and_a_kill_changes_nothing() {
    let whole = tempfile::tempdir().unwrap();
    let (mut run, mut watch) = (run_in(whole.path()), Watch::default());
    let _ = run.run(STEPS, &Tasks, &mut watch).unwrap();
    let mut plain = Watch::default();
    let _ = trainer().run(STEPS, &Tasks, &mut plain).unwrap();
    assert_eq!(watch.seen, plain.seen, "a validation leaves training as it is");
    let best = run.back_to_best().unwrap().unwrap();
    assert!(is_close(&values(run.learner()), &mean(&plain.seen[..best.step as usize])));
    assert_eq!(evaluate(run.learner(), held_out().as_ref(), 20, 50).unwrap().mean, best.value);
    let found = values(run.learner());
    run.put_averages().unwrap();
    assert_eq!(values(run.learner()), found, "the best state is one of averages already");

    let files = |folder: &Path| ["checkpoint", "best"].map(|name| std::fs::read(folder.join(name)).unwrap());
    for kills in [vec![0], vec![2, 3], vec![5, 6, 10], vec![STEPS - 1]] {
        let folder = tempfile::tempdir().unwrap();
        for kill in &kills {
            let mut watch = Watch { kill_at: Some(*kill), ..Watch::default() };
            assert!(run_in(folder.path()).run(STEPS, &Tasks, &mut watch).is_err());
        }
        let _ = run_in(folder.path()).run(STEPS, &Tasks, &mut ()).unwrap();
        assert!(files(folder.path()) == files(whole.path()), "killed at {kills:?}");
    }
}

#[test]
fn what_cannot_be_averaged_is_refused() {
    for bad in [-0.1, 1.0, 2.0, f64::NAN, f64::INFINITY] {
        assert!(trainer().average(bad).unwrap_err().to_string().contains("in [0, 1)"), "{bad}");
    }
    let mut begun = trainer();
    let _ = begun.run(1, &Tasks, &mut ()).unwrap();
    assert!(
        begun.average(DECAY).unwrap_err().to_string().contains("1 outer steps were taken without averages")
    );
    // A state with averages is not one without, nor one with others.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut averaged = trainer();
    averaged.average(DECAY).unwrap();
    let _ = averaged.run(2, &Tasks, &mut ()).unwrap();
    averaged.save(&path, "").unwrap();
    assert!(trainer().resume_from(&path).unwrap_err().to_string().contains("average was 0.8 and is null"));
    let mut other = trainer();
    other.average(0.5).unwrap();
    assert!(other.resume_from(&path).unwrap_err().to_string().contains("average was 0.8 and is 0.5"));
    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    assert!(text.contains("\\\"version\\\":4") && text.contains("average/fc."));
    assert!(Checkpoint::read(&path, &Device::Cpu).unwrap().is_some());
    // Nothing is written in place of what is not a number.
    let mut broken = trainer();
    broken.average(DECAY).unwrap();
    let parameter = broken.learner().outer_parameters()[0].variable.clone();
    parameter.set(&Tensor::full(f64::NAN, parameter.dims(), &Device::Cpu).unwrap()).unwrap();
    assert!(broken.save(&path, "").is_err());
}
