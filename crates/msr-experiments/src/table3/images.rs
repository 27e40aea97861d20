//! The images that classes are of: the data sets of the table, or a user's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail, ensure};
use msr_data::{ClassSource, ClassSplit, ImageClasses, ImageOptions};
use serde::{Deserialize, Serialize};

use super::definition::SplitKind;

/// A data set, or what stands in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataSet {
    /// Black characters on white, 28 × 28.
    #[default]
    Omniglot,
    /// Photographs in colour, 84 × 84.
    MiniImagenet,
    /// Handwritten digits, 28 × 28.
    Mnist,
}

/// Images and their fingerprint.
pub type Opened = (Arc<ImageClasses>, String);

/// How files that `msr data` keeps end.
const KEPT: &str = "msr-images";

/// The archives of Omniglot, in this order.
const ARCHIVES: [&str; 2] = ["images_background.zip", "images_evaluation.zip"];
/// The groups of their characters.
const GROUPS: [&str; 2] = ["images_background", "images_evaluation"];

/// Of the classes of others: the shares, in percent, that train and that validate.
const SHARES: (usize, usize) = (65, 10);
/// Training and validation classes of the published split of Omniglot; the others test.
const PUBLISHED: (usize, usize) = (1_100, 100);
/// The characters in each archive of Omniglot.
const CHARACTERS: [usize; 2] = [964, 659];
/// Alphabets of the first archive that validate, when those of the second test.
const VALIDATING: usize = 5;

impl DataSet {
    /// As commands and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Omniglot => "omniglot",
            Self::MiniImagenet => "mini-imagenet",
            Self::Mnist => "mnist",
        }
    }

    /// The channels, height and width of its images, and of those in its place.
    pub fn shape(self) -> [usize; 3] {
        match self {
            Self::Omniglot | Self::Mnist => [1, 28, 28],
            Self::MiniImagenet => [3, 84, 84],
        }
    }

    /// How its images, and those in its place, are read.
    fn options(self) -> Result<ImageOptions> {
        let [channels, _, side] = self.shape();
        let options = ImageOptions::new().size(side)?.channels(channels)?;
        Ok(match self {
            Self::Omniglot => options.name("Omniglot").ink(),
            Self::MiniImagenet => options.name("mini-ImageNet"),
            Self::Mnist => options.name("MNIST"),
        })
    }

    /// Where its images are: what is named, else what `msr data` keeps in a folder, else the
    /// archives there; nothing when there is nothing.
    pub fn path(self, named: Option<&Path>, folder: &Path) -> Result<Option<PathBuf>> {
        let there = [folder.join(self.name()).with_extension(KEPT), folder.join(self.name())];
        let found = match named {
            Some(path) => Some(path.to_path_buf()),
            None => there.into_iter().find(|path| path.exists()),
        };
        Ok(found.map(std::path::absolute).transpose()?)
    }

    /// What is to be done when there is nothing.
    pub fn missing(self, folder: &Path) -> String {
        let make = match self {
            Self::Omniglot => "msr data omniglot",
            Self::MiniImagenet => "msr data mini-imagenet --from PATH",
            Self::Mnist => "msr data classes --name mnist --from mnist.npz",
        };
        let kept = folder.join(self.name()).with_extension(KEPT);
        format!("there is no {}; `{make}` makes it, or name images with --data", kept.display())
    }

    /// The images at a path, which are read once and then kept until the program ends, and their
    /// fingerprint.
    pub fn open(self, path: &Path) -> Result<Opened> {
        static READ: Mutex<BTreeMap<(DataSet, PathBuf), Opened>> = Mutex::new(BTreeMap::new());
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (self, path.to_path_buf());
        if let Some(opened) = read.get(&key) {
            return Ok(opened.clone());
        }
        let images = Arc::new(self.read(path)?);
        let opened = (images.clone(), images.fingerprint());
        read.insert(key, opened.clone());
        Ok(opened)
    }

    fn read(self, path: &Path) -> Result<ImageClasses> {
        if path.extension().is_some_and(|extension| extension == KEPT) {
            return Ok(ImageClasses::load(path)?);
        }
        let archives = ARCHIVES.map(|name| path.join(name));
        if archives.iter().all(|archive| archive.is_file()) {
            return Ok(ImageClasses::read(&archives, &self.options()?, |_, _| {})?);
        }
        Ok(ImageClasses::read(&[path], &self.options()?, |_, _| {})?)
    }

    /// Whether these are the images of the data set, as far as counts and sizes tell: what the
    /// bounds of a definition are for.
    pub fn is(self, images: &ImageClasses) -> bool {
        let count = |group: &str| images.classes_of(group).map_or(0, |classes| classes.len());
        if images.shape() != self.shape() {
            return false;
        }
        match self {
            Self::Omniglot => {
                let groups = images.groups();
                let counts: Vec<usize> = groups.iter().map(|group| count(group)).collect();
                counts == CHARACTERS && images.examples() == 20
            }
            Self::MiniImagenet => [count("train"), count("val"), count("test")] == [64, 16, 20],
            Self::Mnist => images.classes() == 10,
        }
    }
}

/// The classes that train, validate and test: those of the groups train, val and test where there
/// are these, otherwise as `kind` says for Omniglot, and random ones of images that are in no such
/// groups.
pub fn split(kind: SplitKind, images: &ImageClasses, seed: u64) -> Result<ClassSplit> {
    let (classes, groups, name) = (images.classes(), images.groups(), images.name());
    if let Some(split) = images.split() {
        // The same label in two groups would be the same class, seen before.
        let mut labels = BTreeSet::new();
        for class in 0..classes {
            let label = images.class_name(class).unwrap_or_default();
            let label = label.split_once('/').map_or(label, |(_, label)| label);
            ensure!(
                labels.insert(label),
                "{name}: the class {label} is in several of {}; tests are on new classes, and each class is to be in one",
                groups.join(", ")
            );
        }
        return Ok(split);
    }
    let named = groups.iter().find(|group| ["train", "val", "test"].contains(group));
    ensure!(
        named.is_none(),
        "{name} has the groups {}; either there are train, val and test, or none of them",
        groups.join(", ")
    );
    match (kind, groups.as_slice()) {
        (SplitKind::NewAlphabets, &[background, evaluation]) if groups == GROUPS => {
            Ok(new_alphabets(images, background, evaluation))
        }
        (SplitKind::NewAlphabets, _) => bail!(
            "{name} has not the groups {}, of which one trains and the other tests; use a problem with another split",
            GROUPS.join(" and ")
        ),
        (SplitKind::Random { train, validation }, _) => {
            Ok(ClassSplit::random(classes, (train, validation), seed)?)
        }
        (SplitKind::Published, _) if classes == CHARACTERS.iter().sum::<usize>() => {
            Ok(ClassSplit::random(classes, PUBLISHED, seed)?)
        }
        _ => {
            let share = |percent: usize| (classes * percent).div_ceil(100);
            Ok(ClassSplit::random(classes, (share(SHARES.0), share(SHARES.1)), seed)?)
        }
    }
}

/// The alphabets of the first archive train, but for some that validate; those of the second test.
fn new_alphabets(images: &ImageClasses, background: &str, evaluation: &str) -> ClassSplit {
    let classes = |group| images.classes_of(group).unwrap_or_default();
    let alphabet = |class: usize| {
        let name = images.class_name(class).unwrap_or_default();
        // `Greek/character05`
        name.rsplit('/').nth(1).unwrap_or(name).to_string()
    };
    let mut alphabets: Vec<String> = classes(background).map(alphabet).collect();
    alphabets.dedup();
    // The same for every seed: the last in the order of their names.
    let validating = &alphabets[alphabets.len().saturating_sub(VALIDATING)..];
    let (validation, train) = classes(background).partition(|&class| validating.contains(&alphabet(class)));
    ClassSplit { train, validation, test: classes(evaluation).collect() }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};
    use msr_report::picture::{Chart, Picture};

    use super::{DataSet, split};
    use crate::table3::definition::SplitKind;

    /// The real sets, where they are.
    #[test]
    fn the_splits_of_the_real_sets() -> Result<()> {
        let Some(omniglot) = msr_testkit::shared("data/omniglot28") else { return Ok(()) };
        let characters = DataSet::Omniglot.open(&omniglot)?.0;
        assert!(DataSet::Omniglot.is(&characters) && !DataSet::MiniImagenet.is(&characters));
        let published = split(SplitKind::Published, &characters, 0)?;
        let counts =
            |split: &msr_data::ClassSplit| [split.train.len(), split.validation.len(), split.test.len()];
        assert_eq!(counts(&published), [1_100, 100, 423]);
        let alphabets = split(SplitKind::NewAlphabets, &characters, 0)?;
        assert_eq!(counts(&alphabets), [813, 151, 659]);
        let group = |class: &usize| characters.group_of(*class);
        assert!(alphabets.test.iter().all(|class| group(class) == Some("images_evaluation")));
        if let Some(photographs) = msr_testkit::shared("data/mini-imagenet/mini_imagenet_80.zip") {
            let photographs = DataSet::MiniImagenet.open(&photographs)?.0;
            assert!(DataSet::MiniImagenet.is(&photographs));
            assert_eq!(counts(&split(SplitKind::Groups, &photographs, 0)?), [64, 16, 20]);
        }
        Ok(())
    }

    /// What a split of classes with these folders is refused for.
    fn refused(kind: SplitKind, classes: &[&str]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let image = Picture::new("").row([Chart::new("x", "y")]).png()?;
        for class in classes {
            let class = folder.path().join(class);
            std::fs::create_dir_all(&class)?;
            for name in ["a.png", "b.png"] {
                std::fs::write(class.join(name), &image)?;
            }
        }
        let images = DataSet::Omniglot.open(folder.path())?.0;
        let refused = split(kind, &images, 0).err().context("was taken")?;
        Ok(refused.to_string())
    }

    #[test]
    fn classes_that_train_do_not_test() -> Result<()> {
        let twice = refused(SplitKind::Groups, &["train/cat", "val/dog", "test/cat"])?;
        assert!(twice.contains("the class cat is in several of"), "{twice}");
        let no_val = refused(SplitKind::Published, &["train/cat", "train/cow", "test/dog"])?;
        assert!(no_val.contains("or none of them"), "{no_val}");
        let alphabets = refused(SplitKind::NewAlphabets, &["cat", "cow", "dog"])?;
        assert!(alphabets.contains("images_background"), "{alphabets}");
        Ok(())
    }
}
