//! The classes of a cell, and its episodes.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::Device;
use msr_data::{ClassSource, ClassSplit, FewShot, FewShotConfig, ImageClasses, QuarterTurns};
use msr_episodes::{Episode, EpisodeSource, Prefetch, Shots};
use msr_symmetry::Learned;
use sha2::{Digest, Sha256};

use super::Table3;
use super::cell;
use super::definition::{Problem, Tasks};
use super::images::split;
use crate::engine::{Cell, CellTasks, Method, Prepared, Run, Shape, Sizes, SymmetryStart};

/// Training episodes made in the background, and test tasks with other numbers of examples.
struct Episodes {
    train: Prefetch<Stages>,
    test: FewShot,
}

/// Training episodes with one number of tasks, and from some outer step on with another.
struct Stages {
    first: FewShot,
    late: Option<(u64, FewShot)>,
}

impl EpisodeSource for Stages {
    fn name(&self) -> String {
        self.first.name()
    }

    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        match &self.late {
            Some((from, late)) if step >= *from => late.train(step),
            _ => self.first.train(step),
        }
    }

    fn held_out(&self) -> usize {
        self.first.held_out()
    }

    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        self.first.test(tasks)
    }
}

impl EpisodeSource for Episodes {
    fn name(&self) -> String {
        self.train.name()
    }

    fn train(&self, step: u64) -> msr_episodes::Result<Episode> {
        self.train.train(step)
    }

    fn held_out(&self) -> usize {
        self.test.held_out()
    }

    fn test(&self, tasks: Range<usize>) -> msr_episodes::Result<Episode> {
        self.test.test(tasks)
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
pub fn digest_of(path: &Path) -> Result<String> {
    let digest = Sha256::digest(msr_files::read(path)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What was learned before, for a method that starts from it.
fn given(run: &Run<Table3>, method: &Method) -> Result<Option<Arc<Learned>>> {
    if method.symmetry != SymmetryStart::Given {
        return Ok(None);
    }
    let file = run.definition.tasks.symmetry.as_ref();
    let file = file.with_context(|| {
        format!(
            "{} starts from what was learned before: name a learned.safetensors with --symmetry",
            method.name
        )
    })?;
    file.check(&digest_of(file.path())?)?;
    Ok(Some(Arc::new(Learned::load(file.path(), &Device::Cpu)?)))
}

/// The images of a cell, and how they are divided.
pub struct Images {
    classes: Arc<ImageClasses>,
    split: ClassSplit,
    /// Channels, height and width.
    pub shape: (usize, usize, usize),
}

impl Images {
    /// Those that a cell of the run learns from.
    pub fn of(run: &Run<Table3>, cell: &Cell<Table3>) -> Result<Self> {
        let set = cell.problem.data;
        let file = run.definition.tasks.images.get(&set);
        let file = file.with_context(|| format!("the images of {} are not known", set.name()))?;
        let (classes, fingerprint) = set.open(file.path())?;
        file.check(&fingerprint)?;
        let split = split(cell.problem.split, &classes, cell.seed)?;
        let [channels, height, width] = classes.shape();
        Ok(Self { classes, split, shape: (channels, height, width) })
    }

    /// Test tasks without augmentation, and the same with it where there is any.
    pub fn plain_and_augmented(
        &self,
        run: &Run<Table3>,
        cell: &Cell<Table3>,
    ) -> Result<(FewShot, Option<FewShot>)> {
        let test_tasks = cell.problem.test_tasks(&run.definition.tasks);
        let meta_batch = cell::plan(run, cell).1.meta_batch;
        let augmented = few_shot(run, cell, self, Role::Test, (test_tasks, meta_batch))?;
        let config = augmented.config().clone();
        let is_augmented = config.augmentation.is_some();
        let plain = FewShot::new(self.classes.clone(), FewShotConfig { augmentation: None, ..config })?;
        Ok((plain, is_augmented.then_some(augmented)))
    }
}

/// What tasks are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Train,
    Validate,
    Test,
}

/// The episodes of a cell for one purpose.
fn few_shot(
    run: &Run<Table3>,
    cell: &Cell<Table3>,
    images: &Images,
    role: Role,
    (tasks, meta_batch): (usize, usize),
) -> Result<FewShot> {
    let Problem { ways, .. } = cell.problem;
    let ClassSplit { train, validation, test } = &images.split;
    let held_out = if role == Role::Validate { validation } else { test };
    let own = &run.definition.tasks;
    let config = FewShotConfig {
        tasks,
        meta_batch,
        augmentation: cell.problem.augmentation.or(own.augmentation).map(|a| a.augmentation()),
        seed: cell.seed,
        ..FewShotConfig::new(ways, shots(run, cell, role), train.clone(), held_out.clone())
    };
    if !own.quarter_turns || role != Role::Train {
        return Ok(FewShot::new(images.classes.clone(), config)?);
    }
    // Held-out classes stay as they are.
    let turned = QuarterTurns::new(images.classes.clone())?;
    let train = turned.of_all(&config.train);
    Ok(FewShot::new(turned, FewShotConfig { train, ..config })?)
}

/// How many training episodes are made ahead. A step on a GPU may take less time than one thread
/// takes to make an episode; beside a step on the processor, every thread that works slows it down.
fn episodes_ahead(device: &Device) -> NonZeroUsize {
    let most = if device.is_cpu() { 1 } else { 4 };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(threads.min(most)).unwrap_or(NonZeroUsize::MIN)
}

fn shots(run: &Run<Table3>, cell: &Cell<Table3>, role: Role) -> Shots {
    let tasks = &run.definition.tasks;
    let query = if role == Role::Train { cell.problem.query(tasks) } else { tasks.test_query };
    Shots { support: cell.problem.shots, query }
}

/// The tasks of a cell, and the shape of its network.
pub fn prepare(run: &Run<Table3>, cell: &Cell<Table3>, device: Device) -> Result<Prepared> {
    let images = Images::of(run, cell)?;
    let ClassSplit { train, validation, test } = &images.split;
    let counts = [train.len(), validation.len(), test.len()];
    let Tasks { test_batch, channels, .. } = run.definition.tasks;
    let test_tasks = cell.problem.test_tasks(&run.definition.tasks);
    let validating =
        run.definition.training.validation.as_ref().context("there is no [training.validation]")?;
    let training = cell::plan(run, cell).1;
    let episodes = |role, tasks| few_shot(run, cell, &images, role, (tasks, training.meta_batch));
    let late = match cell.problem.late {
        Some(late) => {
            let episodes = few_shot(run, cell, &images, Role::Train, (0, late.meta_batch))?;
            Some((late.first_step(training.outer_steps), episodes))
        }
        None => None,
    };
    let largest = cell.problem.late.map_or(0, |late| late.meta_batch).max(training.meta_batch);
    let (image, ways) = (images.shape, cell.problem.ways);
    let shapes = [&[image.0, image.1, image.2][..], &[]];
    let per_class = |role| {
        let Shots { support, query } = shots(run, cell, role);
        Shots { support: ways * support, query: ways * query }
    };
    let tasks = CellTasks {
        episodes: Arc::new(Episodes {
            train: Prefetch::ahead(
                Stages { first: episodes(Role::Train, 0)?, late },
                episodes_ahead(&device),
            ),
            test: episodes(Role::Test, test_tasks)?,
        }),
        validation: Some(Arc::new(episodes(Role::Validate, validating.tasks)?)),
        seed: cell.seed,
        test_tasks,
        test_batch,
        tested_apart: true,
        device,
        truth: None,
        sizes: Sizes::new(largest, shapes, per_class(Role::Train), per_class(Role::Test)),
        used: [
            format!("{} classes train, {} validate", counts[0], counts[1]),
            format!("tasks of {} others", counts[2]),
        ],
    };
    let channels = cell.method.channels.unwrap_or(channels);
    let name = images.classes.name();
    let read = format!("{name} of {} × {} pixels, {}", image.1, image.2, cell.problem.name);
    let shape = Shape::Classes { image, channels, ways, norm: cell.method.norm };
    Ok(Prepared { tasks, shape, filter_params: 0, read: Some(read), given: given(run, &cell.method)? })
}
