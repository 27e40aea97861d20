//! The trainer: checkpoints, stopping and resuming, and losses that diverge.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::ops::{ControlFlow, Range};

use candle_core::{DType, Device, Tensor};
use cases::{episode, msr};
use msr_episodes::{Episode, EpisodeSource};
use msr_layers::{
    Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, ReparamLinear, ReparamLinearConfig, SeededVars,
};
use msr_meta::{
    AdamConfig, GradientSteps, Learner, MetaConfig, MetaLearner, Observer, Rates, StepReport, Trainer,
};
use msr_testkit::assert_close;

mod cases;

struct Count(u64, u64);

impl Observer for Count {
    fn on_step(&mut self, _: &StepReport, _: &dyn Learner) -> Result<ControlFlow<()>, BoxError> {
        self.0 += 1;
        Ok(if self.0 == self.1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
    fn note(&mut self) -> Result<String, BoxError> {
        Ok(format!("seen {}", self.0))
    }
}

fn trainer() -> Trainer {
    let learner = MetaLearner::new(msr(2, 2, DType::F32).0, MetaConfig::default()).unwrap();
    Trainer::new(learner, AdamConfig::default()).unwrap()
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Another episode each step; from step `poisoned` on, an input of the third task is NaN.
struct Steps {
    poisoned: u64,
}

const GOOD: Steps = Steps { poisoned: u64::MAX };

impl EpisodeSource for Steps {
    fn name(&self) -> String {
        "a test".into()
    }
    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        let mut episode = episode(10 + step, 4, 1, 2, DType::F32);
        if step >= self.poisoned {
            let mut x = episode.query.x.flatten_all()?.to_vec1::<f32>()?;
            x[2 * 7 * 6] = f32::NAN;
            episode.query.x = Tensor::from_vec(x, episode.query.x.shape(), &Device::Cpu)?;
        }
        Ok(episode)
    }
    fn held_out(&self) -> usize {
        0
    }
    fn test(&self, _: Range<usize>) -> msr_episodes::Result<Episode> {
        Err(msr_episodes::Error::source("there are no tests here"))
    }
}

#[test]
fn a_stopped_and_resumed_run_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut whole = trainer();
    whole.checkpoint_to(path("whole"), 4).unwrap();
    assert!(whole.run(13, &GOOD, &mut Count(0, 0)).unwrap().is_continue());
    for stop in [1, 5, 9] {
        let mut first = trainer();
        first.checkpoint_to(path("parts"), 4).unwrap();
        assert!(first.run(13, &GOOD, &mut Count(0, stop)).unwrap().is_break());
        drop(first);
        let mut second = trainer();
        second.checkpoint_to(path("parts"), 4).unwrap();
        assert_eq!(second.resume_from(&path("parts")).unwrap(), Some(format!("seen {stop}")));
        assert_eq!(second.steps_taken(), stop);
        assert!(second.run(13, &GOOD, &mut Count(stop, 0)).unwrap().is_continue());
        assert_eq!(std::fs::read(path("parts")).unwrap(), std::fs::read(path("whole")).unwrap());
    }
    assert_eq!(trainer().resume_from(&path("nothing")).unwrap(), None);
}

fn golden(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoint").join(name)
}

/// A checkpoint from before the crates were moved: it resumes, with its numbers.
#[test]
fn a_checkpoint_of_the_format_before_resumes() {
    let path = golden("d9.safetensors");
    let vars = SeededVars::new(0);
    let config = ReparamLinearConfig::new(9, 9, 18);
    let layer = ReparamLinear::new(config, vars.builder(DType::F32, &Device::Cpu)).unwrap();
    let symmetry = layer.symmetry().clone();
    let learner = MetaLearner::new(layer, MetaConfig::default()).unwrap();
    let mut trainer = Trainer::new(learner, AdamConfig::default()).unwrap();
    let note = trainer.resume_from(&path).unwrap();
    assert_eq!((trainer.steps_taken(), note.as_deref()), (3_000, Some("6356")));
    let stored = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    assert_close("U", &symmetry, &stored["symmetry"], 0.0);
}

/// The same of Kronecker factors, which a checkpoint holds as A − 1: A is what it was. A layer that
/// trains A itself has other names for it, so that it cannot resume from this.
#[test]
fn a_checkpoint_of_factors_resumes_where_they_are_meant_alike() {
    let path = golden("kronecker-c8.safetensors");
    let vars = SeededVars::new(0);
    let config = ReparamConv2dConfig::kronecker(Conv2dConfig::new(1, 24, 3));
    let layer = ReparamConv2d::new(config, vars.builder(DType::F32, &Device::Cpu)).unwrap();
    let mut trainer =
        Trainer::new(MetaLearner::new(layer, MetaConfig::default()).unwrap(), AdamConfig::default()).unwrap();
    trainer.resume_from(&path).unwrap();
    assert_eq!(trainer.steps_taken(), 1_000);
    let learned = trainer.learner().learned().unwrap();
    let stored = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let identity = Tensor::eye(24, DType::F32, &Device::Cpu).unwrap();
    let a = (&stored["symmetry_out"] + identity).unwrap();
    assert_close("A", learned.tensor("factor_out").unwrap(), &a, 0.0);
    let loaded = MetaLearner::on_trained(learned.build().unwrap(), MetaConfig::default()).unwrap();
    let mut other = Trainer::new(loaded, AdamConfig::default()).unwrap();
    let message = other.resume_from(&path).unwrap_err().to_string();
    assert!(message.contains("`factor_out` is missing"), "{message}");
}

#[test]
fn unusable_checkpoints_are_errors_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut good = trainer();
    good.step(&GOOD.train(0).unwrap()).unwrap();
    good.save(&path, "").unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let value = |t: &Trainer| {
        t.learner().outer_parameters()[0].variable.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    for (content, words) in [
        (b"hello".to_vec(), "not a safetensors file"),
        (Vec::new(), "not a safetensors file"),
        (bytes[..bytes.len() - 5].to_vec(), "not a safetensors file"),
    ] {
        std::fs::write(&path, content).unwrap();
        let mut fresh = trainer();
        let before = value(&fresh);
        let message = fresh.resume_from(&path).unwrap_err().to_string();
        assert!(message.contains(words) && message.contains("checkpoint"), "{message}");
        assert_eq!((value(&fresh), fresh.steps_taken()), (before, 0));
    }
    let other = MetaLearner::new(msr(2, 3, DType::F32).0, MetaConfig::default()).unwrap();
    let mut other = Trainer::new(other, AdamConfig::default()).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    assert!(other.resume_from(&path).unwrap_err().to_string().contains("fc."));
    // A learned rate is left over when the rates are fixed now.
    let fixed = GradientSteps { rates: Rates::Fixed(0.1), ..GradientSteps::default() };
    let fixed = MetaLearner::new(msr(2, 2, DType::F32).0, fixed.into()).unwrap();
    let message = Trainer::new(fixed, AdamConfig::default()).unwrap().resume_from(&path).unwrap_err();
    assert!(message.to_string().contains("learner.meta_learner.adaptation"), "{message}");
    assert!(good.checkpoint_to(&path, 0).is_err());
}

#[test]
fn a_diverged_loss_names_step_task_and_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut run = trainer();
    run.checkpoint_to(&path, 2).unwrap();
    let error = run.run(10, &Steps { poisoned: 3 }, &mut Count(0, 0)).unwrap_err();
    let message = error.to_string();
    let task = GOOD.train(3).unwrap().tasks[2];
    for words in
        ["NaN", "outer step 3", &format!("task {task}"), "after 2 steps", &path.display().to_string()]
    {
        assert!(message.contains(words), "`{message}` does not say `{words}`");
    }
    assert_eq!(run.steps_taken(), 3, "the failed step updated nothing");
    let mut fresh = trainer();
    let message = fresh.run(10, &Steps { poisoned: 0 }, &mut Count(0, 0)).unwrap_err().to_string();
    assert!(message.contains("no checkpoint had been written"), "{message}");
}
