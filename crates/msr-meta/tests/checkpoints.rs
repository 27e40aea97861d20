//! Checkpoints that are called good are good, and say what they need to be read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use cases::{HeldOut, episode, msr};
use msr_layers::{Conv1d, Conv1dConfig, ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{
    AdamConfig, Error, GradientSteps, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Rates, Schedule,
    Trainer,
};
use serde_json::json;

mod cases;

fn trainer(config: MetaConfig, adam: AdamConfig) -> Trainer {
    Trainer::new(MetaLearner::new(msr(2, 2, DType::F32).0, config).unwrap(), adam).unwrap()
}

fn plain() -> Trainer {
    trainer(MetaConfig::default(), AdamConfig::default())
}

fn step(trainer: &mut Trainer) {
    trainer.step(&episode(10 + trainer.steps_taken(), 3, 2, 2, DType::F32)).unwrap();
}

/// A saved state after two steps, the second over the first.
fn saved(path: &Path) -> Vec<u8> {
    let mut run = plain();
    for note in ["first", "second"] {
        step(&mut run);
        run.save(path, note).unwrap();
    }
    std::fs::read(path).unwrap()
}

/// A parameter that is not finite is not saved: the file before it stays, and is named.
#[test]
fn a_bad_checkpoint_is_called_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut run = plain();
    step(&mut run);
    run.save(&path, "").unwrap();
    let good = std::fs::read(&path).unwrap();
    step(&mut run);
    let variable = run.learner().outer_parameters()[0].variable.clone();
    variable.set(&variable.as_tensor().affine(f64::INFINITY, 0.0).unwrap()).unwrap();
    let error = run.save(&path, "").unwrap_err();
    let message = error.to_string();
    for words in ["outer step 2", "`fc.symmetry` holds NaN or infinite", "after 1 steps"] {
        assert!(message.contains(words), "`{message}` does not say `{words}`");
    }
    assert_eq!(std::fs::read(&path).unwrap(), good);
}

/// A damaged file does not take the place of the good one before it.
#[test]
fn a_damaged_checkpoint_is_not_kept_as_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let before = folder.path().join("before-checkpoint");
    let mut bytes = saved(&path);
    let good = std::fs::read(&before).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut run = plain();
    (0..3).for_each(|_| step(&mut run));
    run.save(&path, "third").unwrap();
    assert_eq!(std::fs::read(&before).unwrap(), good);
    assert_eq!(plain().resume_from(&path).unwrap().as_deref(), Some("third"));
}

/// Every flipped bit, of numbers, header or description, is noticed.
#[test]
fn a_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let bytes = saved(&path);
    for i in 0..200 {
        let mut damaged = bytes.clone();
        let at = (i * 7919 + 13) % (8 * damaged.len());
        damaged[at / 8] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).unwrap();
        let mut fresh = plain();
        let error = fresh.resume_from(&path);
        assert!(error.is_err(), "bit {at} of {} was accepted", 8 * bytes.len());
        assert_eq!(fresh.steps_taken(), 0);
    }
    let mut fresh = plain();
    let message = fresh.resume_from(&path).unwrap_err().to_string();
    let before = folder.path().join("before-checkpoint");
    assert!(message.contains(&before.display().to_string()), "{message}");
    // The one before is good, and one step earlier.
    assert_eq!(fresh.resume_from(&before).unwrap().as_deref(), Some("first"));
    assert_eq!(fresh.steps_taken(), 1);
}

/// A file from before there were checksums, with a NaN put in.
#[test]
fn nan_in_a_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoint/d9.safetensors");
    let mut bytes = std::fs::read(golden).unwrap();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let layer = ReparamLinear::new(
        ReparamLinearConfig::new(9, 9, 18),
        SeededVars::new(0).builder(DType::F32, &Device::Cpu),
    );
    let learner = MetaLearner::new(layer.unwrap(), MetaConfig::default()).unwrap();
    let mut run = Trainer::new(learner, AdamConfig::default()).unwrap();
    let message = run.resume_from(&path).unwrap_err().to_string();
    assert!(message.contains("holds NaN or infinite numbers"), "{message}");
}

/// Names of parameters and of moments have namespaces of their own.
#[test]
fn names_that_collide_in_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    for name in ["adam.first", "adam", "adam.second.fc", "before"] {
        let model = || {
            let vb = SeededVars::new(1).builder(DType::F32, &Device::Cpu);
            ReparamLinear::new(ReparamLinearConfig::new(6, 5, 2), vb.pp(name)).unwrap()
        };
        let new = || {
            let learner = MetaLearner::new(model(), MetaConfig::default()).unwrap();
            Trainer::new(learner, AdamConfig::default()).unwrap()
        };
        let mut run = new();
        step(&mut run);
        run.save(&path, name).unwrap();
        assert_eq!(new().resume_from(&path).unwrap().as_deref(), Some(name));
    }
}

/// What the numbers mean is in the file: a run that reads them otherwise is told what differs.
#[test]
fn a_checkpoint_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut run = plain();
    run.describe(json!({ "seed": 3 }));
    step(&mut run);
    run.save(&path, "").unwrap();
    let positive = Rates::Learned { initial: 0.1, per: Default::default(), positive: true };
    let positive = GradientSteps { rates: positive, ..GradientSteps::default() }.into();
    let adam = AdamConfig::default();
    let cosine = AdamConfig { schedule: Schedule::Cosine { steps: 9 }, ..adam };
    for (mut other, seed, words) in [
        (trainer(positive, adam), 3, "positive was false and is true"),
        (trainer(MetaConfig::default(), cosine), 3, "adam.schedule was \"constant\""),
        (
            trainer(MetaConfig::default(), AdamConfig { beta2: 0.99, ..adam }),
            3,
            "adam.beta2 was 0.999 and is 0.99",
        ),
        (trainer(MetaConfig::default(), AdamConfig { epsilon: 1e-6, ..adam }), 3, "adam.epsilon was"),
        (plain(), 4, "run.seed was 3 and is 4"),
    ] {
        other.describe(json!({ "seed": seed }));
        let message = other.resume_from(&path).unwrap_err().to_string();
        assert!(message.contains(words), "`{message}` does not say `{words}`");
        assert_eq!(other.steps_taken(), 0);
    }
    let mut same = plain();
    same.describe(json!({ "seed": 3 }));
    same.resume_from(&path).unwrap();
    // More steps than the run is to have.
    let message = same.run(0, &HeldOut(episode(1, 3, 2, 2, DType::F32)), &mut ()).unwrap_err().to_string();
    assert!(message.contains("1 outer steps were taken, and the run is to have 0"), "{message}");
    let mut cosine = trainer(MetaConfig::default(), cosine);
    let message = cosine.run(10, &HeldOut(episode(1, 3, 2, 2, DType::F32)), &mut ()).unwrap_err().to_string();
    assert!(message.contains("ends after 9 steps"), "{message}");
}

/// Methods that solve for v name step, task and checkpoint as gradient steps do.
#[test]
fn a_failed_solution_names_step_task_and_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let exact = trainer(MetaConfig::least_squares(0.1), AdamConfig::default());
    let joint = MultiTask::new(msr(2, 2, DType::F32).0, MultiTaskConfig::default()).unwrap();
    for mut run in [exact, Trainer::new(joint, AdamConfig::default()).unwrap()] {
        step(&mut run);
        run.save(&path, "").unwrap();
        let mut poisoned = episode(11, 3, 2, 2, DType::F32);
        let mut x = poisoned.support.x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        x[2 * 6 + 1] = f32::NAN;
        poisoned.support.x = Tensor::from_vec(x, poisoned.support.x.dims(), &Device::Cpu).unwrap();
        let error = run.step(&poisoned).unwrap_err();
        let (message, task) = (error.to_string(), poisoned.tasks[1]);
        for words in ["outer step 1", &format!("task {task}"), "after 1 steps", "NaN or infinite"] {
            assert!(message.contains(words), "`{message}` does not say `{words}`");
        }
        assert!(matches!(error, Error::InStep { .. }));
        let message = msr_meta::evaluate(run.learner(), &HeldOut(poisoned), 3, 3).unwrap_err().to_string();
        assert!(message.contains(&format!("test, task {task}")), "{message}");
        std::fs::remove_file(&path).unwrap();
    }
    let layer = Conv1d::new(Conv1dConfig::new(1, 1, 3), SeededVars::new(0).builder(DType::F32, &Device::Cpu));
    assert!(MultiTask::new(layer.unwrap(), MultiTaskConfig::default()).is_err());
}
