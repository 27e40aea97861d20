//! Validation: what is best, when a run ends, and the same decisions after a kill.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device};
use cases::{HeldOut, episode, msr};
use msr_episodes::{Episode, EpisodeSource};
use msr_meta::{
    AdamConfig, Best, Checkpoint, Learner, Measure, MetaConfig, MetaLearner, Observer, StepReport, Trainer,
    ValidationConfig, ValidationReport, evaluate,
};

mod cases;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Few training tasks, always the same: the learner soon learns them by heart.
struct Few;

impl EpisodeSource for Few {
    fn name(&self) -> String {
        "a few tasks".into()
    }
    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        Ok(episode(10 + step % 2, 3, 2, 4, DType::F32))
    }
    fn held_out(&self) -> usize {
        0
    }
    fn test(&self, _: Range<usize>) -> msr_episodes::Result<Episode> {
        self.train(0)
    }
}

fn held_out() -> Arc<HeldOut> {
    Arc::new(HeldOut(episode(7, 20, 2, 4, DType::F32)))
}

fn trainer() -> Trainer {
    let learner = MetaLearner::new(msr(2, 4, DType::F32).0, MetaConfig::default()).unwrap();
    Trainer::new(learner, AdamConfig { rate: 0.02, ..AdamConfig::default() }).unwrap()
}

fn config() -> ValidationConfig {
    ValidationConfig { patience: Some(3), ..ValidationConfig::new(5) }
}

/// A run in a folder, which goes on from its checkpoint.
fn run_in(folder: &Path, config: ValidationConfig) -> Trainer {
    let mut run = trainer();
    run.validate_on(held_out(), config, folder.join("best")).unwrap();
    let _ = run.resume_from(&folder.join("checkpoint")).unwrap();
    run.checkpoint_to(folder.join("checkpoint"), 7).unwrap();
    run
}

/// Remembers what validations found, and stops after a number of steps, before a checkpoint, as a
/// kill would.
#[derive(Default)]
struct Watch {
    found: Vec<(u64, f64, bool)>,
    kill_after: Option<u64>,
}

impl Observer for Watch {
    fn on_step(&mut self, report: &StepReport, _: &dyn Learner) -> Result<ControlFlow<()>, BoxError> {
        match self.kill_after {
            Some(step) if report.step + 1 > step => Err("killed".into()),
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    fn on_validation(&mut self, report: &ValidationReport) -> Result<(), BoxError> {
        self.found.push((report.step, report.evaluation.loss.mean, report.is_best));
        Ok(())
    }
}

const STEPS: u64 = 400;

#[test]
fn the_best_state_is_kept_and_patience_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run_in(folder.path(), config());
    let mut watch = Watch::default();
    assert!(run.run(STEPS, &Few, &mut watch).unwrap().is_break() && run.has_ended_early());
    let (steps, losses): (Vec<u64>, Vec<f64>) = watch.found.iter().map(|f| (f.0, f.1)).unzip();
    assert_eq!(steps, (1..=steps.len() as u64).map(|i| 5 * i).collect::<Vec<_>>());
    // Three validations without a better one, the first three in a row.
    let mut best = (0, f64::INFINITY);
    for (i, &loss) in losses.iter().enumerate() {
        assert_eq!(watch.found[i].2, loss < best.1);
        best = if loss < best.1 { (i, loss) } else { best };
        assert_eq!(i - best.0 == 3, i + 1 == losses.len(), "{losses:?}");
    }
    assert!(best.0 > 0, "the run has learned something before it ends: {losses:?}");
    let expected = Best { step: steps[best.0], value: best.1 };
    assert_eq!(run.best(), Some(expected));
    // It takes no further step, and the state at its end is saved.
    let ended = run.steps_taken();
    assert!(run.run(STEPS, &Few, &mut ()).unwrap().is_break() && run.steps_taken() == ended);
    let saved = Checkpoint::read(&folder.path().join("checkpoint"), &Device::Cpu).unwrap().unwrap();
    assert_eq!(saved.step, ended);
    let mut again = run_in(folder.path(), config());
    assert!(again.has_ended_early() && again.best() == Some(expected));
    assert!(again.run(STEPS, &Few, &mut ()).unwrap().is_break() && again.steps_taken() == ended);
    // The best state is the best: its loss is that of the validation.
    assert_eq!(again.back_to_best().unwrap(), Some(expected));
    assert_eq!(again.steps_taken(), expected.step);
    let found = evaluate(again.learner(), held_out().as_ref(), 20, 50).unwrap();
    assert_eq!(found.mean, expected.value);
    assert!(!folder.path().join("before-best").exists());
}

/// Killed anywhere, any number of times: the files and the decisions of a run that was not.
#[test]
fn a_killed_run_decides_as_one_that_was_not() {
    let files = |folder: &Path| ["checkpoint", "best"].map(|name| std::fs::read(folder.join(name)).unwrap());
    let whole = tempfile::tempdir().unwrap();
    let mut run = run_in(whole.path(), config());
    let _ = run.run(STEPS, &Few, &mut ()).unwrap();
    let ended = run.steps_taken();
    for kills in [vec![1], vec![6], vec![13, 15], vec![ended - 1], vec![5, 10, 12, 20, ended - 3]] {
        let folder = tempfile::tempdir().unwrap();
        for kill in &kills {
            let mut watch = Watch { kill_after: Some(*kill), ..Watch::default() };
            assert!(run_in(folder.path(), config()).run(STEPS, &Few, &mut watch).is_err());
        }
        let mut run = run_in(folder.path(), config());
        assert!(run.run(STEPS, &Few, &mut ()).unwrap().is_break());
        assert_eq!(run.steps_taken(), ended, "killed after {kills:?}");
        assert!(files(folder.path()) == files(whole.path()), "killed after {kills:?}");
    }
}

/// A run without validation writes what it wrote before there was one.
#[test]
fn checkpoints_without_validation_are_of_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let versions = [None, Some(config())].map(|config| {
        let path = folder.path().join("checkpoint");
        let mut run = trainer();
        if let Some(config) = config {
            run.validate_on(held_out(), config, folder.path().join("best")).unwrap();
        }
        run.save(&path, "").unwrap();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        [2, 3].map(|version| text.contains(&format!("\\\"version\\\":{version}")))
    });
    assert_eq!(versions, [[true, false], [false, true]]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let says = |problem: msr_meta::Error, words: &str| {
        let message = problem.to_string();
        assert!(message.contains(words), "`{message}` does not say `{words}`");
    };
    for bad in [ValidationConfig { every: 0, ..config() }, ValidationConfig { patience: Some(0), ..config() }]
    {
        says(trainer().validate_on(held_out(), bad, at("best")).unwrap_err(), "use at least 1");
    }
    let mut run = run_in(folder.path(), config());
    let _ = run.run(8, &Few, &mut ()).unwrap();
    says(run.validate_on(held_out(), config(), at("best")).unwrap_err(), "before the first step");
    // Another validation is another run, and so is none.
    let mut other = trainer();
    says(other.resume_from(&at("checkpoint")).unwrap_err(), "validation was {");
    other.validate_on(held_out(), ValidationConfig { patience: Some(4), ..config() }, at("best")).unwrap();
    says(other.resume_from(&at("checkpoint")).unwrap_err(), "validation.patience was 3 and is 4");
    // How many tasks are taken at once changes nothing.
    let mut other = trainer();
    other.validate_on(held_out(), ValidationConfig { together: 20, ..config() }, at("best")).unwrap();
    assert!(other.resume_from(&at("checkpoint")).unwrap().is_some());
    let mut same = trainer();
    same.validate_on(held_out(), config(), at("best")).unwrap();
    same.checkpoint_to(at("best"), 1).unwrap();
    says(same.run(1, &Few, &mut ()).unwrap_err(), "two names");
    let mut accuracy = trainer();
    let by_accuracy = ValidationConfig { measure: Measure::Accuracy, ..ValidationConfig::new(1) };
    accuracy.validate_on(held_out(), by_accuracy, at("other")).unwrap();
    says(accuracy.run(1, &Few, &mut ()).unwrap_err(), "no accuracy");
    // The best state of a later moment, or none.
    let best = std::fs::read(at("best")).unwrap();
    let _ = run.run(400, &Few, &mut ()).unwrap();
    std::fs::write(at("best"), best).unwrap();
    says(run.back_to_best().unwrap_err(), "after 5 outer steps");
    std::fs::remove_file(at("best")).unwrap();
    says(run.back_to_best().unwrap_err(), "is not there");
    assert_eq!(trainer().back_to_best().unwrap(), None);
}
