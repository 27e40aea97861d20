//! N-way k-shot episodes.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use msr_episodes::{Episode, EpisodeSource, Examples, Shots, numbers};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use crate::classes::ClassSource;
use crate::classes::augment::Augmentation;
use crate::error::{Error, Result};
use crate::random::{Role, stream};

/// How [`FewShot`] draws.
#[derive(Clone, Debug, PartialEq)]
pub struct FewShotConfig {
    /// The number of classes of a task.
    pub ways: usize,
    /// The examples of each class of a task.
    pub shots: Shots,
    /// The classes that training tasks are made of.
    pub train: Vec<usize>,
    /// The classes that held-out tasks are made of: those of validation, or of the test.
    pub held_out: Vec<usize>,
    /// The number of held-out tasks.
    pub tasks: usize,
    /// The meta-batch: the number of tasks of a training episode.
    pub meta_batch: usize,
    /// How query images are augmented, in training and in tests; support images stay as they are.
    pub augmentation: Option<Augmentation>,
    /// Fixes every episode.
    pub seed: u64,
}

impl FewShotConfig {
    /// 600 held-out tasks, four training tasks an episode, nothing augmented, seed 0.
    pub fn new(ways: usize, shots: Shots, train: Vec<usize>, held_out: Vec<usize>) -> Self {
        Self { ways, shots, train, held_out, tasks: 600, meta_batch: 4, augmentation: None, seed: 0 }
    }
}

/// N-way k-shot episodes of a [`ClassSource`]: a task is a random choice of `ways` classes, which
/// are labelled `0..ways` in a random order, and of examples of each.
///
/// Training step s depends on (seed, s) alone, and held-out task t on (seed, t). A task's sets are
/// in the order of the labels, `ways · support` and `ways · query` examples.
#[derive(Clone)]
pub struct FewShot {
    source: Arc<dyn ClassSource>,
    config: FewShotConfig,
}

impl std::fmt::Debug for FewShot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let FewShotConfig { ways, shots, tasks, meta_batch, seed, .. } = &self.config;
        f.debug_struct("FewShot")
            .field("source", &self.source.name())
            .field("ways", ways)
            .field("shots", shots)
            .field("train", &self.config.train.len())
            .field("held_out", &self.config.held_out.len())
            .field("tasks", tasks)
            .field("meta_batch", meta_batch)
            .field("augmentation", &self.config.augmentation)
            .field("seed", seed)
            .finish()
    }
}

impl FewShot {
    /// Episodes of the classes of `source`.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than two ways, fewer training or held-out classes than ways, and
    /// a class that is not there, named twice, or among both; when the source has fewer examples of
    /// a class than the shots, there are no support or query examples, the meta-batch is empty, or
    /// no machine could hold an episode.
    pub fn new(source: impl ClassSource + 'static, config: FewShotConfig) -> Result<Self> {
        let name = source.name();
        let refuse = |problem: String| Err(Error::Config { problem: format!("{name}: {problem}") });
        let FewShotConfig {
            ways, shots: Shots { support, query }, ref train, ref held_out, meta_batch, ..
        } = config;
        if ways < 2 {
            return refuse(format!("classes are told apart from two ways on, got {ways}"));
        }
        let mut seen = vec![false; source.classes()];
        for (what, classes) in [("training", train), ("held-out", held_out)] {
            if classes.len() < ways {
                return refuse(format!("{ways} ways need as many {what} classes, got {}", classes.len()));
            }
            for &class in classes {
                match seen.get_mut(class) {
                    Some(seen) if !*seen => *seen = true,
                    Some(_) => return refuse(format!("class {class} is in the split twice")),
                    None => return refuse(format!("there is no class {class} among {}", seen.len())),
                }
            }
        }
        let has = source.examples();
        if support == 0 || query == 0 {
            return Err(msr_episodes::Error::NoExamples { name, support, query }.into());
        }
        if config.shots.total().is_none_or(|total| total > has) {
            return Err(msr_episodes::Error::TooFewExamples { name, support, query, has }.into());
        }
        if meta_batch == 0 {
            return Err(msr_episodes::Error::EmptyMetaBatch { name }.into());
        }
        if let Some(augmentation) = &config.augmentation {
            augmentation.check()?;
            let shape = source.input_shape();
            if shape.len() != 3 {
                return refuse(format!("only images (channels, height, width) are augmented, got {shape:?}"));
            }
        }
        let few_shot = Self { source: Arc::new(source), config };
        few_shot.check_size(meta_batch)?;
        Ok(few_shot)
    }

    /// How it draws.
    pub fn config(&self) -> &FewShotConfig {
        &self.config
    }

    /// Refuses an episode of so many tasks that no machine could hold it.
    fn check_size(&self, tasks: usize) -> msr_episodes::Result<()> {
        let FewShotConfig { ways, shots, .. } = self.config;
        let shape = self.source.input_shape();
        let of_class = shots.total().and_then(|n| numbers(&shape)?.checked_mul(n));
        let count = of_class.and_then(|n| n.checked_mul(ways)?.checked_mul(tasks));
        if count.is_some_and(|count| count <= isize::MAX as usize / size_of::<f32>()) {
            return Ok(());
        }
        let Shots { support, query } = shots;
        Err(msr_episodes::Error::TooLarge {
            name: self.source.name(),
            problem: format!("{tasks} tasks of {ways} ways, {support} support and {query} query examples"),
        })
    }

    /// The episode of tasks that are drawn from these streams.
    fn episode(
        &self,
        numbers: Vec<usize>,
        classes: &[usize],
        streams: impl Iterator<Item = [ChaCha8Rng; 2]>,
    ) -> msr_episodes::Result<Episode> {
        let FewShotConfig { ways, shots: Shots { support, query }, augmentation, .. } = self.config;
        let shape = self.source.input_shape();
        let mut one = vec![0f32; shape.iter().product()];
        let mut augmented = one.clone();
        let mut sets: [(Vec<f32>, Vec<u32>); 2] = Default::default();
        for [mut rng, mut of_images] in streams {
            // A random order, too: the labels of classes.
            for (label, at) in sample(&mut rng, classes.len(), ways).into_iter().enumerate() {
                let chosen = sample(&mut rng, self.source.examples(), support + query);
                for (place, example) in chosen.into_iter().enumerate() {
                    self.source.fill(classes[at], example, &mut one)?;
                    let (x, labels) = &mut sets[usize::from(place >= support)];
                    match (augmentation, shape.as_slice()) {
                        (Some(augmentation), &[_, h, w]) if place >= support => {
                            let map = augmentation.draw(&mut of_images, (h, w));
                            map.resample(&one, (h, w), &mut augmented);
                            x.extend_from_slice(&augmented);
                        }
                        _ => x.extend_from_slice(&one),
                    }
                    labels.push(label as u32);
                }
            }
        }
        let tasks = numbers.len();
        let [support, query] = [(support, 0), (query, 1)].map(|(count, set)| {
            let (x, labels) = std::mem::take(&mut sets[set]);
            let x = Tensor::from_vec(x, [&[tasks, ways * count], shape.as_slice()].concat(), &Device::Cpu)?;
            Examples::labels(x, Tensor::from_vec(labels, (tasks, ways * count), &Device::Cpu)?)
        });
        Episode::new(numbers, support?, query?)
    }
}

impl EpisodeSource for FewShot {
    fn name(&self) -> String {
        let FewShotConfig { ways, shots, .. } = self.config;
        format!("{}, {ways}-way {}-shot", self.source.name(), shots.support)
    }

    /// The tasks are numbered through: those of step s are `s · meta_batch` and on.
    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        let FewShotConfig { train, meta_batch, seed, .. } = &self.config;
        let first = (step as usize).wrapping_mul(*meta_batch);
        let tasks = (0..*meta_batch).map(|task| first.wrapping_add(task)).collect();
        // Two streams for the step, from which each task is given two of its own: which images
        // there are does not depend on what becomes of them.
        let mut of_step = [Role::TrainStep, Role::TrainAugmentation].map(|role| stream(*seed, role, step));
        let streams = (0..*meta_batch).map(move |_| of_step.each_mut().map(ChaCha8Rng::from_rng));
        self.episode(tasks, train, streams)
    }

    fn held_out(&self) -> usize {
        self.config.tasks
    }

    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        let FewShotConfig { held_out, tasks: has, seed, .. } = &self.config;
        if tasks.end > *has || tasks.is_empty() {
            return Err(msr_episodes::Error::TooFewTasks {
                name: self.name(),
                problem: format!("test tasks {tasks:?} of {has}"),
            });
        }
        self.check_size(tasks.len())?;
        let roles = [Role::Test, Role::TestAugmentation];
        let streams = tasks.clone().map(|task| roles.map(|role| stream(*seed, role, task as u64)));
        self.episode(tasks.collect(), held_out, streams)
    }
}
