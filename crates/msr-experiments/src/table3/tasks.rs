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

/// The tasks of a cell, and the shape of its network.
pub fn prepare(run: &Run<Table3>, cell: &Cell<Table3>, device: Device) -> Result<Prepared> {
    let folder = run.data.as_deref().context("the folder of the characters is not named")?;
    let characters = characters(folder)?;
    let ClassSplit { train, validation, test } = split(cell.problem.split, &characters, cell.seed)?;
    let counts = [train.len(), validation.len(), test.len()];
    let tasks = &run.definition.tasks;
    let Problem { ways, shots, .. } = cell.problem;
    let meta_batch = cell.problem.meta_batch.unwrap_or(run.definition.training.meta_batch);
    let augmentation = cell.problem.augmentation.or(tasks.augmentation).map(|a| a.augmentation());
    let of_training = Shots { support: shots, query: tasks.query };
    let of_test = Shots { support: shots, query: tasks.test_query };
    let episodes = |shots: Shots, held_out: &[usize], tasks: usize| -> Result<FewShot> {
        let config = FewShotConfig {
            tasks,
            meta_batch,
            augmentation,
            seed: cell.seed,
            ..FewShotConfig::new(ways, shots, train.clone(), held_out.to_vec())
        };
        if !run.definition.tasks.quarter_turns {
            return Ok(FewShot::new(characters.clone(), config)?);
        }
        // Held-out classes stay as they are.
        let turned = QuarterTurns::new(characters.clone())?;
        let train = turned.of_all(&config.train);
        Ok(FewShot::new(turned, FewShotConfig { train, ..config })?)
    };
    let Tasks { test_tasks, validation_tasks, test_batch, channels, .. } = *tasks;
    let image = match characters.input_shape().as_slice() {
        &[c, h, w] => (c, h, w),
        shape => anyhow::bail!("{shape:?} is no image"),
    };
    let shapes = [&[image.0, image.1, image.2][..], &[]];
    let per_class = |s: Shots| Shots { support: ways * s.support, query: ways * s.query };
    let tasks = CellTasks {
        episodes: Arc::new(Episodes {
            train: Prefetch::new(episodes(of_training, &test, 0)?),
            test: episodes(of_test, &test, test_tasks)?,
        }),
        validation: Some(Arc::new(episodes(of_test, &validation, validation_tasks)?)),
        seed: cell.seed,
        test_tasks,
        test_batch,
        device,
        truth: None,
        sizes: Sizes::new(meta_batch, shapes, per_class(of_training), per_class(of_test)),
        used: [
            format!("{} characters train, {} validate", counts[0], counts[1]),
            format!("tasks of {} others", counts[2]),
        ],
    };
    let channels = cell.method.channels.unwrap_or(channels);
    let read = format!("{} of {} × {} pixels, {}", characters.name(), image.1, image.2, cell.problem.name);
    let shape = Shape::Classes { image, channels, ways };
    Ok(Prepared { tasks, shape, filter_params: 0, read: Some(read), given: given(run, &cell.method)? })
}
