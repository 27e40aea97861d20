//! Omniglot: characters of many alphabets, each drawn by twenty people.

use std::ops::Range;
use std::path::Path;

use crate::classes::ClassSource;
use crate::error::{Error, Result};
use crate::images::{ImageClasses, ImageError, ImageOptions};

/// The characters of Omniglot, in memory: a class is a character.
///
/// Read from archives in the official folder layout, `images_background.zip` and
/// `images_evaluation.zip`, whose images are `…/<Alphabet>/character<NN>/<file>.png`, at any size.
/// Classes are in the order of the archives, then of their names; examples in that of the file
/// names, which is that of the people who drew them. A pixel is 1 where there is ink and 0 where
/// there is paper. [`ImageClasses`] reads them at another size, and keeps them.
///
/// # Shapes
/// inputs `(1, height, width)`
///
/// Source: Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic
/// program induction" (Science, 2015).
///
/// # Example
/// ```no_run
/// use msr_data::{ClassSource, ClassSplit, FewShot, FewShotConfig, Omniglot};
/// use msr_episodes::{EpisodeSource, Shots};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let characters = Omniglot::open(&["images_background.zip", "images_evaluation.zip"])?;
/// let split = ClassSplit::random(characters.classes(), (1_100, 100), 0)?;
/// let config = FewShotConfig::new(5, Shots { support: 1, query: 15 }, split.train, split.test);
/// let episode = FewShot::new(characters, config)?.train(0)?;
/// assert_eq!(episode.support.x.dims(), [4, 5, 1, 28, 28]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Omniglot(ImageClasses);

impl Omniglot {
    /// Reads all characters of these archives.
    ///
    /// # Errors
    /// As [`ImageClasses::read`]; [`Error::Images`], too, when images are coloured or a character
    /// has another number of them than the first.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        if paths.is_empty() {
            return Err(Error::Config { problem: "no archive of Omniglot is named".into() });
        }
        let images = ImageClasses::read(paths, &Self::options()?, |_, _| {})?;
        Self::check(images).map_err(|(archive, problem)| Error::images(paths[archive].as_ref(), problem))
    }

    /// Reads all characters of an archive in memory.
    ///
    /// # Errors
    /// What [`Omniglot::open`] refuses in a file.
    pub fn from_bytes(archive: &[u8]) -> Result<Self> {
        let images = ImageClasses::read_archive(archive, "Omniglot", &Self::options()?)?;
        Self::check(images).map_err(|(_, problem)| Error::images(Path::new("Omniglot"), problem))
    }

    fn options() -> Result<ImageOptions> {
        let options = ImageOptions::new().name("Omniglot").ink().class_levels(2)?;
        Ok(options.least_images(1).by_path())
    }

    /// What all characters have in common; else the archive that is odd, and what is wrong with it.
    fn check(images: ImageClasses) -> std::result::Result<Self, (usize, ImageError)> {
        if images.shape()[0] != 1 {
            let problem = "the images are coloured; characters are black on white".into();
            return Err((0, ImageError::Layout { problem }));
        }
        let first = images.images_in(0);
        let Some(odd) = (0..images.classes()).find(|&class| images.images_in(class) != first) else {
            return Ok(Self(images));
        };
        let problem = format!(
            "{} has {} images, other characters have {}",
            images.class_name(odd).unwrap_or_default(),
            images.images_in(odd).unwrap_or_default(),
            first.unwrap_or_default()
        );
        // Archives are groups, called by their places.
        let archive = images.group_of(odd).and_then(|group| group.parse().ok()).unwrap_or(0);
        Err((archive, ImageError::Layout { problem }))
    }

    /// The alphabet and the number of a character, as `Greek/character03`.
    pub fn class_name(&self, class: usize) -> Option<&str> {
        self.0.class_name(class)
    }

    /// The classes of the archive that was named in this place: Lake et al. train on the first of
    /// the official two, `images_background`, and test on the second.
    pub fn classes_of(&self, archive: usize) -> Option<Range<usize>> {
        self.0.classes_of(&archive.to_string())
    }
}

impl ClassSource for Omniglot {
    fn name(&self) -> String {
        self.0.name()
    }

    fn classes(&self) -> usize {
        self.0.classes()
    }

    fn examples(&self) -> usize {
        self.0.examples()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.0.input_shape()
    }

    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        self.0.fill(class, example, x)
    }
}
