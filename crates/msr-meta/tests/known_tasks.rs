//! Tasks that are drawn again: their moments are kept, and say what their examples would.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, SamplerConfig, SteerableConv, SteerableConvConfig};
use msr_episodes::{EpisodeSource, Shots, Split, TaskSource};
use msr_groups::PlaneGroup;
use msr_layers::{Conv2d, Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_meta::{
    AdamConfig, Error, Learner, MetaConfig, MetaLearner, MultiTask, MultiTaskConfig, Observer, StepReport,
    Trainer,
};

/// Counts how often tasks are made.
struct Counted(SteerableConv, Arc<AtomicUsize>);

impl TaskSource for Counted {
    fn name(&self) -> String {
        self.0.name()
    }
    fn tasks(&self) -> Option<usize> {
        self.0.tasks()
    }
    fn examples(&self) -> usize {
        self.0.examples()
    }
    fn input_shape(&self) -> Vec<usize> {
        self.0.input_shape()
    }
    fn output_shape(&self) -> Vec<usize> {
        self.0.output_shape()
    }
    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.fill(task, x, y)
    }
}

const TASKS: usize = 9;
const STEPS: u64 = 30;

fn tasks(train: usize) -> (EpisodeSampler, Arc<AtomicUsize>) {
    let config = SteerableConvConfig::new(PlaneGroup::Rotations(4), 1);
    let problem = SteerableConv::new(SteerableConvConfig { size: 20, examples: 5, ..config }).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let split = Split::new(train, 2);
    let config = SamplerConfig::new(split, Shots { support: 2, query: 3 }, 4, 7);
    (EpisodeSampler::new(Counted(problem, count.clone()), config).unwrap(), count)
}

fn learners() -> Vec<Box<dyn Learner>> {
    let vars = |seed| SeededVars::new(seed).builder(DType::F32, &Device::Cpu);
    let conv = Conv2dConfig { bias: true, ..Conv2dConfig::new(1, 12, 3) };
    let plain = Conv2dConfig { bias: false, ..conv };
    let kronecker = || ReparamConv2d::new(ReparamConv2dConfig::kronecker(plain), vars(2)).unwrap();
    let full = || ReparamConv2d::new(ReparamConv2dConfig::full(plain, 6), vars(3)).unwrap();
    let steps = MetaConfig::gradient_steps(3);
    vec![
        Box::new(MetaLearner::new(Conv2d::new(conv, vars(1)).unwrap(), steps).unwrap()),
        Box::new(MetaLearner::new(kronecker(), steps).unwrap()),
        Box::new(MetaLearner::new(full(), MetaConfig::least_squares(0.1)).unwrap()),
        Box::new(MultiTask::new(full(), MultiTaskConfig::default()).unwrap()),
    ]
}

fn numbers(trainer: &Trainer) -> Vec<f32> {
    let parameters = trainer.learner().outer_parameters().iter();
    parameters.flat_map(|p| p.variable.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
}

/// The losses of each step.
#[derive(Default)]
struct Losses(Vec<Vec<f64>>);

impl Observer for Losses {
    fn on_step(
        &mut self,
        report: &StepReport,
        _: &dyn Learner,
    ) -> Result<ControlFlow<()>, Box<dyn std::error::Error + Send + Sync>> {
        self.0.push(report.losses.clone());
        Ok(ControlFlow::Continue(()))
    }
}

/// Losses and updates are those of the episodes, and no task is made twice.
#[test]
fn what_is_kept_says_what_examples_would() {
    for (known, examples) in learners().into_iter().zip(learners()) {
        let (sampler, count) = tasks(TASKS);
        let spec = known.spec();
        let mut known = Trainer::new(known, AdamConfig::default()).unwrap();
        let mut losses = Losses::default();
        let _ = known.run(STEPS, &sampler, &mut losses).unwrap();
        // One more to find out that it pays.
        assert_eq!(count.load(Ordering::Relaxed), TASKS + 1, "{spec}");
        let mut examples = Trainer::new(examples, AdamConfig::default()).unwrap();
        for (step, losses) in losses.0.iter().enumerate() {
            let expected = examples.step(&sampler.train(step as u64).unwrap()).unwrap().losses;
            for (found, expected) in losses.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-3 * expected, "{found} for {expected}: {spec}");
            }
        }
        let (found, expected) = (numbers(&known), numbers(&examples));
        let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-3 * largest, "{found} for {expected}: {spec}");
        }
    }
}

/// The same draws of the same tasks, by number.
#[test]
fn draws_are_the_episodes() {
    let (sampler, _) = tasks(TASKS);
    let numbered = sampler.numbered().unwrap();
    for step in [0, 17] {
        let (draw, episode) = (numbered.draw(step), sampler.train(step).unwrap());
        assert_eq!(draw.tasks, episode.tasks);
        let all = numbered.examples(&draw.tasks).unwrap();
        for (i, order) in draw.orders.iter().enumerate() {
            for (at, &example) in order.iter().enumerate() {
                let (set, at) = match at.checked_sub(draw.shots.support) {
                    None => (&episode.support, at),
                    Some(at) => (&episode.query, at),
                };
                for (set, all) in [(&set.x, &all.x), (set.y.tensor(), all.y.tensor())] {
                    let one = |t: &candle_core::Tensor, at| {
                        let example = t.get(i).unwrap().get(at).unwrap();
                        example.flatten_all().unwrap().to_vec1::<f32>().unwrap()
                    };
                    assert_eq!(one(set, at), one(all, example));
                }
            }
        }
    }
    assert!(Arc::ptr_eq(numbered.identity(), sampler.clone().numbered().unwrap().identity()));
    assert!(!Arc::ptr_eq(numbered.identity(), tasks(TASKS).0.numbered().unwrap().identity()));
}

/// A run that is stopped and resumed knows nothing at first, and goes on with the same bits; so
/// does one that is run on other tasks in between.
#[test]
fn forgetting_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (i, (whole, part)) in learners().into_iter().zip(learners()).enumerate() {
        let (sampler, _) = tasks(TASKS);
        let mut whole = Trainer::new(whole, AdamConfig::default()).unwrap();
        let _ = whole.run(12, &sampler, &mut ()).unwrap();
        let path = folder.path().join(format!("{i}.safetensors"));
        let mut part = Trainer::new(part, AdamConfig::default()).unwrap();
        part.checkpoint_to(&path, 5).unwrap();
        let _ = part.run(5, &sampler, &mut ()).unwrap();
        let again = learners().remove(i);
        let mut resumed = Trainer::new(again, AdamConfig::default()).unwrap();
        assert!(resumed.resume_from(&path).unwrap().is_some());
        let _ = resumed.run(12, &tasks(TASKS).0, &mut ()).unwrap();
        assert_eq!(numbers(&resumed), numbers(&whole));
    }
}

/// Too many tasks, and learners that are told not to: examples are made each time.
#[test]
fn what_is_not_kept() {
    let made = |learner: Box<dyn Learner>, train: usize| {
        let (sampler, count) = tasks(train);
        let mut trainer = Trainer::new(learner, AdamConfig::default()).unwrap();
        let _ = trainer.run(2, &sampler, &mut ()).unwrap();
        let first = count.load(Ordering::Relaxed);
        let _ = trainer.run(12, &sampler, &mut ()).unwrap();
        count.load(Ordering::Relaxed) - first
    };
    assert!(made(learners().remove(1), TASKS) <= TASKS);
    assert_eq!(made(learners().remove(1), 1 << 30), 40);
    let layer =
        Conv2d::new(Conv2dConfig::new(1, 12, 3), SeededVars::new(1).builder(DType::F32, &Device::Cpu));
    let config = MetaConfig { second_moments: false, ..MetaConfig::gradient_steps(3) };
    assert_eq!(made(Box::new(MetaLearner::new(layer.unwrap(), config).unwrap()), TASKS), 40);
}

/// Examples that do not fit the model are an error of the step, as they are without moments.
#[test]
fn examples_that_do_not_fit_are_an_error_of_the_step() {
    let layer =
        Conv2d::new(Conv2dConfig::new(2, 12, 3), SeededVars::new(1).builder(DType::F32, &Device::Cpu));
    let says = |second_moments: bool| {
        let config = MetaConfig { second_moments, ..MetaConfig::gradient_steps(3) };
        let learner = MetaLearner::new(layer.as_ref().unwrap().clone(), config).unwrap();
        let mut trainer = Trainer::new(learner, AdamConfig::default()).unwrap();
        trainer.run(1, &tasks(TASKS).0, &mut ()).unwrap_err()
    };
    for second_moments in [true, false] {
        let error = says(second_moments);
        assert!(matches!(error, Error::InStep { step: 0, .. }), "{error:?}");
    }
}
