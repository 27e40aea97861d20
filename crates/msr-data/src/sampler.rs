//! Episodes drawn from numbered tasks.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_episodes::{
    Draw, Episode, EpisodeSource, Examples, NumberedTasks, Shots, Split, TaskSource, numbers,
};
use rand::seq::index::sample;

use crate::error::{Error, Result};
use crate::random::{Role, stream};

/// The most tasks that an [`EpisodeSampler`] numbers. Generators tell their problems apart by what
/// stands above these bits of a task's number, and training and test tasks must not meet.
const MOST_TASKS: usize = 1 << 40;

/// How an [`EpisodeSampler`] draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplerConfig {
    /// Which tasks train, which validate and which are held out for tests.
    pub split: Split,
    /// The examples of each training task.
    pub train: Shots,
    /// The examples of each held-out task, of validation and of tests.
    pub test: Shots,
    /// The meta-batch: the number of tasks of a training episode.
    pub meta_batch: usize,
    /// Fixes every episode.
    pub seed: u64,
}

impl SamplerConfig {
    /// As many examples of held-out tasks as of training tasks.
    pub fn new(split: Split, shots: Shots, meta_batch: usize, seed: u64) -> Self {
        Self { split, train: shots, test: shots, meta_batch, seed }
    }
}

/// Draws episodes from a [`TaskSource`].
///
/// Training step `s` depends on (seed, s) alone: a run that is interrupted and resumed sees the
/// same episodes, with no generator state to save.
#[derive(Clone)]
pub struct EpisodeSampler {
    source: Arc<dyn TaskSource>,
    config: SamplerConfig,
    identity: Arc<()>,
}

impl std::fmt::Debug for EpisodeSampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EpisodeSampler")
            .field("source", &self.source.name())
            .field("config", &self.config)
            .finish()
    }
}

impl EpisodeSampler {
    /// A sampler over the tasks of `source`.
    ///
    /// # Errors
    /// When the source has fewer tasks than the split (one without an end has 2⁴⁰) or fewer
    /// examples than the shots, the meta-batch is empty or larger than the number of training
    /// tasks, an episode would have no support or no query examples, or no machine could hold it.
    pub fn new(source: impl TaskSource + 'static, config: SamplerConfig) -> Result<Self> {
        let SamplerConfig { split, train, test, meta_batch, .. } = config;
        let few_tasks =
            |problem: String| Error::from(msr_episodes::Error::TooFewTasks { name: source.name(), problem });
        let has = source.tasks().unwrap_or(MOST_TASKS);
        if split.total().is_none_or(|asked| asked > has) {
            let most = if source.tasks().is_some() { "there are" } else { "no more are numbered than" };
            return Err(few_tasks(format!(
                "{} training and {} test tasks are asked for, but {most} {has}",
                split.train.saturating_add(split.validation),
                split.test
            )));
        }
        if meta_batch == 0 {
            return Err(msr_episodes::Error::EmptyMetaBatch { name: source.name() }.into());
        }
        if meta_batch > split.train {
            return Err(few_tasks(format!(
                "a meta-batch of {meta_batch} tasks, but {} training tasks",
                split.train
            )));
        }
        for shots in [train, test] {
            let Shots { support, query } = shots;
            let (name, has) = (source.name(), source.examples());
            if support == 0 || query == 0 {
                return Err(msr_episodes::Error::NoExamples { name, support, query }.into());
            }
            if shots.total().is_none_or(|total| total > has) {
                return Err(msr_episodes::Error::TooFewExamples { name, support, query, has }.into());
            }
        }
        check_size(&source, meta_batch, train)?;
        check_size(&source, 1, test)?;
        Ok(Self { source: Arc::new(source), config, identity: Arc::new(()) })
    }

    /// How it draws.
    pub fn config(&self) -> SamplerConfig {
        self.config
    }

    /// The tasks that it draws from.
    pub fn source(&self) -> &Arc<dyn TaskSource> {
        &self.source
    }

    /// The tasks of the split's validation, as those that are held out.
    ///
    /// # Example
    /// ```
    /// use msr_data::{EpisodeSampler, RankK, SamplerConfig};
    /// use msr_episodes::{EpisodeSource, Shots, Split};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let split = Split::new(80, 20).with_validation(10);
    /// let config = SamplerConfig::new(split, Shots { support: 1, query: 19 }, 32, 1);
    /// let sampler = EpisodeSampler::new(RankK::new(1, 0)?, config)?;
    /// assert_eq!(sampler.validation().test(0..2)?.tasks, [70, 71]);
    /// assert_eq!(sampler.test(0..2)?.tasks, [80, 81]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn validation(&self) -> ValidationSampler {
        ValidationSampler { sampler: self.clone() }
    }

    /// Some of the `count` held-out tasks from `first` on, which of whose examples are support
    /// depends on the role and the task alone.
    fn held_out_tasks(
        &self,
        role: Role,
        (first, count): (usize, usize),
        tasks: Range<usize>,
    ) -> msr_episodes::Result<Episode> {
        let SamplerConfig { test, seed, .. } = self.config;
        if tasks.end > count || tasks.is_empty() {
            return Err(msr_episodes::Error::TooFewTasks {
                name: self.source.name(),
                problem: format!("held-out tasks {tasks:?} of {count}"),
            });
        }
        check_size(&self.source, tasks.len(), test)?;
        let total = test.support + test.query;
        let orders: Vec<Vec<usize>> = tasks
            .clone()
            .map(|task| sample(&mut stream(seed, role, task as u64), total, total).into_vec())
            .collect();
        self.collect(tasks.map(|task| first + task).collect(), &orders, test)
    }

    /// The first `support + query` examples of each task in the given order; the first ones are
    /// support.
    fn collect(
        &self,
        tasks: Vec<usize>,
        orders: &[Vec<usize>],
        shots: Shots,
    ) -> msr_episodes::Result<Episode> {
        let total = shots.support + shots.query;
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
        let examples = |x: Vec<f32>, y: Vec<f32>, count: usize| self.in_tensors(x, y, (tasks.len(), count));
        let (support, query) = (examples(xs, ys, shots.support)?, examples(xq, yq, shots.query)?);
        Episode::new(tasks, support, query)
    }

    /// These numbers as the examples of so many tasks, so many each.
    fn in_tensors(
        &self,
        x: Vec<f32>,
        y: Vec<f32>,
        (tasks, count): (usize, usize),
    ) -> msr_episodes::Result<Examples> {
        let tensor = |data: Vec<f32>, shape: Vec<usize>| {
            Tensor::from_vec(data, [vec![tasks, count], shape].concat(), &Device::Cpu)
        };
        let (x, y) = (tensor(x, self.source.input_shape())?, tensor(y, self.source.output_shape())?);
        if self.source.has_labels() {
            Examples::labels(x, y.to_dtype(DType::U32)?)
        } else {
            Examples::values(x, y)
        }
    }
}

/// Refuses an episode of so many tasks that no machine could hold it.
fn check_size(source: &impl TaskSource, tasks: usize, shots: Shots) -> msr_episodes::Result<()> {
    let shapes = [source.input_shape(), source.output_shape()];
    let [x, y] = shapes.map(|shape| numbers(&shape));
    let count = x.zip(y).and_then(|(x, y)| {
        let example = x.checked_add(y)?;
        example.checked_mul(shots.total()?)?.checked_mul(tasks)
    });
    // No allocation is larger than this.
    if count.is_some_and(|count| count <= isize::MAX as usize / size_of::<f32>()) {
        return Ok(());
    }
    Err(msr_episodes::Error::TooLarge {
        name: source.name(),
        problem: format!(
            "{tasks} tasks of {} support and {} query examples of shape {:?} and {:?}",
            shots.support,
            shots.query,
            source.input_shape(),
            source.output_shape()
        ),
    })
}

impl EpisodeSource for EpisodeSampler {
    fn name(&self) -> String {
        self.source.name()
    }

    /// Different training tasks, and of the first `support + query` examples of each a random
    /// choice of support; the others are query.
    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        let Draw { tasks, orders, shots } = self.draw(step);
        self.collect(tasks, &orders, shots)
    }

    fn held_out(&self) -> usize {
        self.config.split.test
    }

    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        let Split { train, validation, test } = self.config.split;
        self.held_out_tasks(Role::Test, (train + validation, test), tasks)
    }

    fn numbered(&self) -> Option<&dyn NumberedTasks> {
        Some(self)
    }
}

impl NumberedTasks for EpisodeSampler {
    fn identity(&self) -> &Arc<()> {
        &self.identity
    }

    fn count(&self) -> usize {
        self.config.split.train
    }

    fn draw(&self, step: u64) -> Draw {
        let SamplerConfig { split, train, meta_batch, seed, .. } = self.config;
        let total = train.support + train.query;
        let mut rng = stream(seed, Role::TrainStep, step);
        let tasks: Vec<usize> = sample(&mut rng, split.train, meta_batch).into_vec();
        let orders = tasks.iter().map(|_| sample(&mut rng, total, total).into_vec()).collect();
        Draw { tasks, orders, shots: train }
    }

    fn examples(&self, tasks: &[usize]) -> msr_episodes::Result<Examples> {
        let shots = self.config.train;
        check_size(&self.source, tasks.len(), shots)?;
        let total = shots.support + shots.query;
        let sizes = [self.source.input_shape(), self.source.output_shape()]
            .map(|shape| total * shape.iter().product::<usize>());
        let [mut x, mut y] = sizes.map(|size| vec![0f32; tasks.len() * size]);
        let of_tasks = x.chunks_exact_mut(sizes[0].max(1)).zip(y.chunks_exact_mut(sizes[1].max(1)));
        for (&task, (x, y)) in tasks.iter().zip(of_tasks) {
            self.source.fill(task, x, y)?;
        }
        self.in_tensors(x, y, (tasks.len(), total))
    }
}

/// The tasks that are held out to choose between the states of a training run; see
/// [`EpisodeSampler::validation`].
#[derive(Clone, Debug)]
pub struct ValidationSampler {
    sampler: EpisodeSampler,
}

impl EpisodeSource for ValidationSampler {
    fn name(&self) -> String {
        self.sampler.name()
    }

    /// As the sampler that it is of.
    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        self.sampler.train(step)
    }

    fn held_out(&self) -> usize {
        self.sampler.config.split.validation
    }

    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        let Split { train, validation, .. } = self.sampler.config.split;
        self.sampler.held_out_tasks(Role::Validation, (train, validation), tasks)
    }
}
