//! The characters of a cell, and its episodes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use msr_data::{ClassSource, ClassSplit, FewShot, FewShotConfig, Omniglot, QuarterTurns};
use msr_episodes::{Episode, EpisodeSource, Prefetch, Shots};
use msr_symmetry::Learned;

use super::Table3;
use super::definition::{Problem, SplitKind, Tasks};
use crate::engine::{Cell, CellTasks, Method, Prepared, Run, Shape, Sizes, SymmetryStart};

/// The archives of Omniglot, in this order.
const ARCHIVES: [&str; 2] = ["images_background.zip", "images_evaluation.zip"];

/// Training and validation classes of the published split; the others test.
const PUBLISHED: (usize, usize) = (1_100, 100);

/// Alphabets of the first archive that validate, when those of the second test.
const VALIDATING: usize = 5;

/// Training episodes made in the background, and test tasks with other numbers of examples.
struct Episodes {
    train: Prefetch<FewShot>,
    test: FewShot,
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

/// The characters, from the archives in a folder.
pub fn characters(folder: &Path) -> Result<Arc<Omniglot>> {
    let archives = ARCHIVES.map(|name| folder.join(name));
    let missing = archives.iter().find(|path| !path.is_file());
    ensure!(
        missing.is_none(),
        "there is no {} in {}; name the folder of {} with --data",
        ARCHIVES.join(" and "),
        folder.display(),
        ARCHIVES.join(" and ")
    );
    Ok(Arc::new(Omniglot::open(&archives)?))
}

/// The classes that train, validate and test.
pub fn split(kind: SplitKind, characters: &Omniglot, seed: u64) -> Result<ClassSplit> {
    if kind == SplitKind::Published {
        return Ok(ClassSplit::random(characters.classes(), PUBLISHED, seed)?);
    }
    let [background, evaluation] = [0, 1].map(|archive| characters.classes_of(archive));
    let (background, evaluation) = background.zip(evaluation).context("there are not two archives")?;
    let alphabet = |class: usize| {
        let name = characters.class_name(class).unwrap_or_default();
        name.split_once('/').map_or(name, |(alphabet, _)| alphabet).to_string()
    };
    let mut alphabets: Vec<String> = background.clone().map(alphabet).collect();
    alphabets.dedup();
    // The same for every seed: the last in the order of their names.
    let validating = &alphabets[alphabets.len().saturating_sub(VALIDATING)..];
    let (validation, train) = background.partition(|&class| validating.contains(&alphabet(class)));
    Ok(ClassSplit { train, validation, test: evaluation.collect() })
}

/// What was learned before, for a method that starts from it.
fn given(run: &Run<Table3>, method: &Method) -> Result<Option<Arc<Learned>>> {
    if method.symmetry != SymmetryStart::Given {
        return Ok(None);
    }
    let path = run.definition.tasks.symmetry.as_deref();
    let path = path.with_context(|| {
        format!("{} starts from what was learned before: name a learned.safetensors with --symmetry", method.name)
    })?;
    Ok(Some(Arc::new(Learned::load(path, &Device::Cpu)?)))
}

/// The images of a cell, and how they are divided.
pub struct Images {
    characters: Arc<Omniglot>,
    split: ClassSplit,
    /// Channels, height and width.
    pub shape: (usize, usize, usize),
}

impl Images {
    /// Those that a cell of the run learns from.
    pub fn of(run: &Run<Table3>, cell: &Cell<Table3>) -> Result<Self> {
        let folder = run.data.as_deref().context("the folder of the characters is not named")?;
        let characters = characters(folder)?;
        let split = split(cell.problem.split, &characters, cell.seed)?;
        let shape = match characters.input_shape().as_slice() {
            &[c, h, w] => (c, h, w),
            shape => anyhow::bail!("{shape:?} is no image"),
        };
        Ok(Self { characters, split, shape })
    }

    /// Test tasks without augmentation, and the same with it where there is any.
    pub fn plain_and_augmented(
        &self,
        run: &Run<Table3>,
        cell: &Cell<Table3>,
    ) -> Result<(FewShot, Option<FewShot>)> {
        let Tasks { test_tasks, .. } = run.definition.tasks;
        let augmented = few_shot(run, cell, self, Role::Test, test_tasks)?;
        let config = augmented.config().clone();
        let is_augmented = config.augmentation.is_some();
        let plain = FewShot::new(self.characters.clone(), FewShotConfig { augmentation: None, ..config })?;
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
    tasks: usize,
) -> Result<FewShot> {
    let Problem { ways, .. } = cell.problem;
    let ClassSplit { train, validation, test } = &images.split;
    let held_out = if role == Role::Validate { validation } else { test };
    let own = &run.definition.tasks;
    let config = FewShotConfig {
        tasks,
        meta_batch: meta_batch(run, cell),
        augmentation: cell.problem.augmentation.or(own.augmentation).map(|a| a.augmentation()),
        seed: cell.seed,
        ..FewShotConfig::new(ways, shots(run, cell, role), train.clone(), held_out.clone())
    };
    if !own.quarter_turns || role != Role::Train {
        return Ok(FewShot::new(images.characters.clone(), config)?);
    }
    // Held-out classes stay as they are.
    let turned = QuarterTurns::new(images.characters.clone())?;
    let train = turned.of_all(&config.train);
    Ok(FewShot::new(turned, FewShotConfig { train, ..config })?)
}

fn meta_batch(run: &Run<Table3>, cell: &Cell<Table3>) -> usize {
    cell.problem.meta_batch.unwrap_or(run.definition.training.meta_batch)
}

fn shots(run: &Run<Table3>, cell: &Cell<Table3>, role: Role) -> Shots {
    let Tasks { query, test_query, .. } = run.definition.tasks;
    Shots { support: cell.problem.shots, query: if role == Role::Train { query } else { test_query } }
}

/// The tasks of a cell, and the shape of its network.
pub fn prepare(run: &Run<Table3>, cell: &Cell<Table3>, device: Device) -> Result<Prepared> {
    let images = Images::of(run, cell)?;
    let ClassSplit { train, validation, test } = &images.split;
    let counts = [train.len(), validation.len(), test.len()];
    let Tasks { test_tasks, test_batch, channels, .. } = run.definition.tasks;
    let validating = run.definition.training.validation.as_ref().context("there is no [training.validation]")?;
    let episodes = |role, tasks| few_shot(run, cell, &images, role, tasks);
    let (image, ways) = (images.shape, cell.problem.ways);
    let shapes = [&[image.0, image.1, image.2][..], &[]];
    let per_class = |role| {
        let Shots { support, query } = shots(run, cell, role);
        Shots { support: ways * support, query: ways * query }
    };
    let tasks = CellTasks {
        episodes: Arc::new(Episodes {
            train: Prefetch::new(episodes(Role::Train, 0)?),
            test: episodes(Role::Test, test_tasks)?,
        }),
        validation: Some(Arc::new(episodes(Role::Validate, validating.tasks)?)),
        seed: cell.seed,
        test_tasks,
        test_batch,
        tested_apart: true,
        device,
        truth: None,
        sizes: Sizes::new(meta_batch(run, cell), shapes, per_class(Role::Train), per_class(Role::Test)),
        used: [
            format!("{} classes train, {} validate", counts[0], counts[1]),
            format!("tasks of {} others", counts[2]),
        ],
    };
    let channels = cell.method.channels.unwrap_or(channels);
    let name = images.characters.name();
    let read = format!("{name} of {} × {} pixels, {}", image.1, image.2, cell.problem.name);
    let shape = Shape::Classes { image, channels, ways };
    Ok(Prepared { tasks, shape, filter_params: 0, read: Some(read), given: given(run, &cell.method)? })
}
