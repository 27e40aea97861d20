//! Episodes: support and query sets of many tasks at once.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::seq::index::sample;

use crate::error::{Error, Result};
use crate::random::{Role, stream};
use crate::source::TaskSource;

/// The examples of `t` tasks, split into support and query.
#[derive(Clone, Debug)]
pub struct Episodes {
    /// Which tasks these are.
    pub tasks: Vec<usize>,
    /// Support inputs, `(t, support, …)`.
    pub x_support: Tensor,
    /// Support targets, `(t, support, …)`.
    pub y_support: Tensor,
    /// Query inputs, `(t, query, …)`.
    pub x_query: Tensor,
    /// Query targets, `(t, query, …)`.
    pub y_query: Tensor,
}

impl Episodes {
    /// The same episodes on another device.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self {
            tasks: self.tasks.clone(),
            x_support: self.x_support.to_device(device)?,
            y_support: self.y_support.to_device(device)?,
            x_query: self.x_query.to_device(device)?,
            y_query: self.y_query.to_device(device)?,
        })
    }
}

/// The number of examples of each task in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shots {
    /// Examples to adapt to.
    pub support: usize,
    /// Examples to measure on.
    pub query: usize,
}

/// Which tasks train and which test: the first `train`, then the next `test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The number of training tasks.
    pub train: usize,
    /// The number of test tasks.
    pub test: usize,
}

impl Split {
    /// A split into `train` and `test` tasks.
    pub fn new(train: usize, test: usize) -> Self {
        Self { train, test }
    }

    /// The first 80 % of `tasks` train, the rest test.
    pub fn four_fifths(tasks: usize) -> Self {
        let train = tasks * 4 / 5;
        Self { train, test: tasks - train }
    }
}

/// Draws episodes from a [`TaskSource`].
///
/// Training step `s` depends on (seed, s) alone: a run that is interrupted and resumed sees the same
/// episodes, with no generator state to save.
pub struct EpisodeSampler {
    source: Arc<dyn TaskSource>,
    split: Split,
    seed: u64,
}

impl EpisodeSampler {
    /// A sampler over the tasks of `source`.
    ///
    /// # Errors
    /// When the source has fewer tasks than the split.
    pub fn new(source: Arc<dyn TaskSource>, split: Split, seed: u64) -> Result<Self> {
        let asked = split.train.checked_add(split.test);
        if let Some(has) = source.tasks().filter(|&has| asked.is_none_or(|asked| has < asked)) {
            return Err(Error::TooFewTasks {
                name: source.name(),
                problem: format!(
                    "{} training and {} test tasks are asked for, but there are {has}",
                    split.train, split.test
                ),
            });
        }
        Ok(Self { source, split, seed })
    }

    /// The split.
    pub fn split(&self) -> Split {
        self.split
    }

    /// The episodes of training step `step`: `tasks` different training tasks, and of the first
    /// `support + query` examples of each a random choice of support; the others are query.
    ///
    /// # Errors
    /// When there are too few tasks or examples, or the data cannot be read.
    pub fn train(&self, step: u64, tasks: usize, shots: Shots) -> Result<Episodes> {
        if tasks > self.split.train {
            return Err(Error::TooFewTasks {
                name: self.source.name(),
                problem: format!("a meta-batch of {tasks} tasks, but {} training tasks", self.split.train),
            });
        }
        let total = self.examples_of(shots)?;
        let mut rng = stream(self.seed, Role::TrainStep, step);
        let chosen: Vec<usize> = sample(&mut rng, self.split.train, tasks).into_vec();
        let orders: Vec<Vec<usize>> =
            chosen.iter().map(|_| sample(&mut rng, total, total).into_vec()).collect();
        self.collect(chosen, &orders, shots)
    }

    /// Test tasks `range` (counted from the first test task), always with the same support examples.
    ///
    /// # Errors
    /// When there are too few tasks or examples, or the data cannot be read.
    pub fn test(&self, range: std::ops::Range<usize>, shots: Shots) -> Result<Episodes> {
        if range.end > self.split.test {
            return Err(Error::TooFewTasks {
                name: self.source.name(),
                problem: format!("test tasks {range:?} of {}", self.split.test),
            });
        }
        let total = self.examples_of(shots)?;
        let orders: Vec<Vec<usize>> = range
            .clone()
            .map(|task| sample(&mut stream(self.seed, Role::Test, task as u64), total, total).into_vec())
            .collect();
        self.collect(range.map(|task| self.split.train + task).collect(), &orders, shots)
    }

    /// The number of examples of an episode, if the tasks have that many.
    fn examples_of(&self, shots: Shots) -> Result<usize> {
        let has = self.source.examples();
        shots.support.checked_add(shots.query).filter(|&total| total <= has).ok_or_else(|| {
            Error::TooFewExamples {
                name: self.source.name(),
                support: shots.support,
                query: shots.query,
                has,
            }
        })
    }

    fn collect(&self, tasks: Vec<usize>, orders: &[Vec<usize>], shots: Shots) -> Result<Episodes> {
        let total = self.examples_of(shots)?;
        let (x_shape, y_shape) = (self.source.input_shape(), self.source.output_shape());
        let (x_size, y_size) = (x_shape.iter().product::<usize>(), y_shape.iter().product::<usize>());
        let (mut x, mut y) = (vec![0f32; total * x_size], vec![0f32; total * y_size]);
        let mut parts: [Vec<f32>; 4] =
            [(shots.support, x_size), (shots.support, y_size), (shots.query, x_size), (shots.query, y_size)]
                .map(|(count, size)| Vec::with_capacity(tasks.len() * count * size));
        for (&task, order) in tasks.iter().zip(orders) {
            self.source.fill(task, &mut x, &mut y)?;
            for (position, &example) in order.iter().enumerate() {
                let set = if position < shots.support { 0 } else { 2 };
                parts[set].extend_from_slice(&x[example * x_size..(example + 1) * x_size]);
                parts[set + 1].extend_from_slice(&y[example * y_size..(example + 1) * y_size]);
            }
        }
        let [xs, ys, xq, yq] = parts;
        let tensor = |data: Vec<f32>, count: usize, shape: &[usize]| {
            Tensor::from_vec(data, [&[tasks.len(), count], shape].concat(), &Device::Cpu)
        };
        Ok(Episodes {
            x_support: tensor(xs, shots.support, &x_shape)?,
            y_support: tensor(ys, shots.support, &y_shape)?,
            x_query: tensor(xq, shots.query, &x_shape)?,
            y_query: tensor(yq, shots.query, &y_shape)?,
            tasks,
        })
    }
}
