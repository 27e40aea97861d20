//! Training and testing one cell of Table 3.

use anyhow::{Context, Result};
use candle_core::Tensor;
use msr_episodes::EpisodeSource;
use msr_meta::{EvaluationConfig, Learner, evaluate_in_detail};
use serde::{Deserialize, Serialize};

use super::Table3;
use super::features::{FeatureError, Queries, feature_errors};
use super::symmetry::{Measure, measures};
use super::tasks::{Images, prepare};
use crate::engine::{Cell, CellFolder, Experiment, Mean, Method, Run, Shape, Training, conv4, factors};

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub method: String,
    pub problem: String,
    pub seed: u64,
    /// Outer steps of the training.
    pub outer_steps: u64,
    /// On validation tasks, after each number of inner steps.
    pub validation: Vec<Accuracy>,
    /// On test tasks, in the same order.
    pub test: Vec<Accuracy>,
    /// Which of them was best on validation tasks.
    pub chosen: usize,
    pub test_tasks: usize,
    /// Where Kronecker factors are learned, what they know of flips and turns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symmetry: Vec<Measure>,
    /// How far the features of test images are from invariant and equivariant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<FeatureError>,
}

impl Outcome {
    /// The test after the number of inner steps that was best on validation tasks.
    pub fn best(&self) -> Option<Mean> {
        self.test.get(self.chosen).map(|a| a.percent)
    }

    /// The same on validation tasks.
    pub fn validated(&self) -> Option<Mean> {
        self.validation.get(self.chosen).map(|a| a.percent)
    }
}

/// The share of query images whose class is told, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// After so many inner steps; nothing for learners that take none.
    pub inner_steps: Option<usize>,
    #[serde(flatten)]
    pub percent: Mean,
}

/// The method and the training of a cell, with the rates, steps and tasks of its problem.
pub fn plan(run: &Run<Table3>, cell: &Cell<Table3>) -> (Method, Training) {
    let (problem, method, training) = (&cell.problem, &cell.method, &run.definition.training);
    let mut method = Method { inner_rate: problem.inner_rate.or(method.inner_rate), ..method.clone() };
    for (ending, factor) in problem.outer_factors.get(&method.name).into_iter().flatten() {
        *method.outer_factors.entry(ending.clone()).or_insert(1.0) *= factor;
    }
    let training = Training {
        outer_steps: problem.outer_steps.unwrap_or(training.outer_steps),
        meta_batch: problem.meta_batch.unwrap_or(training.meta_batch),
        outer_rate: problem.outer_rate.unwrap_or(training.outer_rate),
        average: problem.average.or(training.average),
        ..training.clone()
    };
    (method, training)
}

/// The pixels of all images that go through the network in the training, times its channels.
pub fn work(run: &Run<Table3>, cell: &Cell<Table3>) -> f64 {
    let (_, Training { outer_steps, meta_batch, .. }) = plan(run, cell);
    let tasks = match cell.problem.late {
        Some(late) => {
            let before = late.first_step(outer_steps);
            before as f64 * meta_batch as f64 + (outer_steps - before) as f64 * late.meta_batch as f64
        }
        None => outer_steps as f64 * meta_batch as f64,
    };
    let images = cell.problem.ways * (cell.problem.shots + cell.problem.query(&run.definition.tasks));
    let [_, height, width] = cell.problem.data.shape();
    let channels = cell.method.channels.unwrap_or(run.definition.tasks.channels);
    [images, height * width, channels].iter().fold(tasks, |all, &n| all * n as f64)
}

/// Trains and tests a cell: data, network, learner, trainer, tests.
pub fn run(run: &Run<Table3>, cell: &Cell<Table3>, folder: &CellFolder) -> Result<Outcome> {
    let prepared = prepare(run, cell, run.device.open()?)?;
    let (method, training) = plan(run, cell);
    let learner = prepared.learner(&method, cell.seed, &training)?;
    let (trainer, _) = training.run(learner, &prepared.tasks, folder)?;
    let tasks = &run.definition.tasks;
    let steps: &[usize] = if cell.method.learner.takes_inner_steps() { &tasks.test_inner_steps } else { &[] };
    folder.bar.set_message("testing");
    let found = |source: &dyn EpisodeSource| accuracies(trainer.learner(), source, steps, tasks.test_batch);
    let validation = found(prepared.tasks.validation.as_deref().context("there are no validation tasks")?)?;
    let test = found(prepared.tasks.episodes.as_ref())?;
    // Of equals the first, which takes the fewest steps.
    let chosen = (1..validation.len()).fold(0, |best, at| {
        if validation[at].percent.mean > validation[best].percent.mean { at } else { best }
    });
    let learned = trainer.learner().learned()?;
    for layer in learned.symmetric_layers()? {
        let matrices: Vec<Tensor> = layer.matrices.into_iter().map(|(_, matrix)| matrix).collect();
        if matrices.len() == 3 {
            let title = format!("{}, {}", Table3::cell_name(cell), layer.layer);
            folder.files.write_picture(&format!("factors-{}", layer.layer), &factors(&title, &matrices)?)?;
        }
    }
    let (plain, augmented) = Images::of(run, cell)?.plain_and_augmented(run, cell)?;
    let augmented = augmented.as_ref().map(|source| source as &dyn EpisodeSource);
    let queries = Queries { plain: &plain, augmented };
    let Shape::Classes { image, channels, ways, norm } = prepared.shape else {
        anyhow::bail!("the network is none that tells classes apart");
    };
    let features = feature_errors(trainer.learner(), conv4(image, channels, ways, norm), &queries)?;
    Ok(Outcome {
        method: cell.method.name.clone(),
        problem: cell.problem.name.clone(),
        seed: cell.seed,
        outer_steps: training.outer_steps,
        validation,
        test,
        chosen,
        test_tasks: prepared.tasks.count(),
        symmetry: measures(&learned)?,
        features,
    })
}

/// The accuracy after each number of inner steps.
fn accuracies(
    learner: &dyn Learner,
    source: &dyn EpisodeSource,
    steps: &[usize],
    together: usize,
) -> Result<Vec<Accuracy>> {
    let config = EvaluationConfig { steps: steps.to_vec(), together, ..EvaluationConfig::default() };
    let of = |found: &msr_meta::Evaluation| {
        let classes = found.classification.as_ref().context("targets are labels")?;
        let percent = Mean::new(100.0 * classes.accuracy.mean, 100.0 * classes.accuracy.half_width);
        Ok(Accuracy { inner_steps: found.steps, percent })
    };
    evaluate_in_detail(learner, source, &config)?.iter().map(of).collect()
}
