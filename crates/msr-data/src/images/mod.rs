//! Images of classes: read from folders and archives, kept in one file, drawn from as a
//! [`ClassSource`].

mod decode;
mod error;
mod keep;
mod labelled;
mod layout;
mod options;
mod read;
mod source;
mod tables;

pub use error::ImageError;
pub use keep::Saved;
use keep::hex;
pub use options::ImageOptions;

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::classes::{ClassSource, ClassSplit};
use crate::error::Error;

/// Classes of images, all of one shape and in memory, one byte a pixel and channel.
///
/// [`ImageClasses::read`] makes them of anyone's images, [`ImageClasses::load`] of the file in
/// which [`ImageClasses::save`] keeps them (`msr data` writes such files). As a [`ClassSource`] a
/// pixel is its byte divided by 255; classes may have different numbers of images, and
/// [`examples`](ClassSource::examples) is the smallest.
///
/// # Shapes
/// inputs `(channels, height, width)`, with one channel or three
#[derive(Clone)]
pub struct ImageClasses {
    about: Description,
    /// Where the images of each class begin, counted in images.
    starts: Vec<usize>,
    /// Class after class, image after image, channel after channel, row after row.
    pixels: Vec<u8>,
    digest: Option<String>,
}

/// All but the pixels, as the file that keeps them says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Description {
    name: String,
    /// What the folders or archives were called.
    from: Vec<String>,
    /// Channels, height, width.
    shape: [usize; 3],
    ink: bool,
    stored: Stored,
    classes: Vec<Class>,
}

/// How pixels are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Plain,
    Deflate,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Class {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    images: usize,
}

impl Description {
    /// The bytes of all pixels; `None` for shapes and counts that no set of images has.
    fn bytes(&self) -> Option<usize> {
        let [channels, height, width] = self.shape;
        let sides = 1..=options::LARGEST_SIDE;
        let is_shape = (channels == 1 || channels == 3) && sides.contains(&height) && sides.contains(&width);
        let images = self
            .classes
            .iter()
            .try_fold(0usize, |sum, class| sum.checked_add(class.images).filter(|_| class.images > 0))?;
        images.checked_mul(channels * height * width).filter(|&bytes| is_shape && bytes > 0)
    }

    /// Whether groups lie together, and no class is in one twice.
    fn is_in_order(&self) -> bool {
        let (mut groups, mut names) = (BTreeSet::new(), BTreeSet::new());
        self.classes.iter().enumerate().all(|(number, class)| {
            let goes_on = number > 0 && self.classes[number - 1].group == class.group;
            (goes_on || groups.insert(&class.group)) && names.insert((&class.group, &class.name))
        })
    }
}

impl std::fmt::Debug for ImageClasses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageClasses")
            .field("name", &self.about.name)
            .field("classes", &self.about.classes.len())
            .field("images", &self.images())
            .field("shape", &self.about.shape)
            .finish()
    }
}

impl ImageClasses {
    fn new(about: Description, pixels: Vec<u8>, digest: Option<String>) -> Result<Self, ImageError> {
        if about.bytes() != Some(pixels.len()) || !about.is_in_order() {
            let reason = "there are not the pixels, or the classes, that its description names".into();
            return Err(ImageError::Damaged { reason });
        }
        let before = |sum: &mut usize, class: &Class| Some(std::mem::replace(sum, *sum + class.images));
        let starts = about.classes.iter().scan(0, before).collect();
        Ok(Self { about, starts, pixels, digest })
    }

    /// The name of a class, as `Greek/character05`, or `train/n01532829` in a group `train`.
    pub fn class_name(&self, class: usize) -> Option<&str> {
        self.about.classes.get(class).map(|class| class.name.as_str())
    }

    /// The group of a class, where it is in one.
    pub fn group_of(&self, class: usize) -> Option<&str> {
        self.about.classes.get(class).and_then(|class| class.group.as_deref())
    }

    /// The number of images of a class.
    pub fn images_in(&self, class: usize) -> Option<usize> {
        self.about.classes.get(class).map(|class| class.images)
    }

    /// The number of images of all classes.
    pub fn images(&self) -> usize {
        self.about.classes.iter().map(|class| class.images).sum()
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.about.shape
    }

    /// Whether images were inverted, so that ink is 1 and paper is 0.
    pub fn is_ink(&self) -> bool {
        self.about.ink
    }

    /// What the folders or archives that were read were called.
    pub fn from(&self) -> &[String] {
        &self.about.from
    }

    /// The groups, in the order of their classes: `train`, `val` and `test`, or what the archives
    /// are called. None where classes are in no group.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = self.about.classes.iter().filter_map(|c| c.group.as_deref()).collect();
        groups.dedup();
        groups
    }

    /// The classes of a group.
    pub fn classes_of(&self, group: &str) -> Option<Range<usize>> {
        let is_in = |class: &Class| class.group.as_deref() == Some(group);
        let first = self.about.classes.iter().position(is_in)?;
        let count = self.about.classes[first..].iter().take_while(|class| is_in(class)).count();
        Some(first..first + count)
    }

    /// The split into the groups `train`, `val` and `test`, when there are these.
    pub fn split(&self) -> Option<ClassSplit> {
        let of = |group| self.classes_of(group).map(Vec::from_iter);
        Some(ClassSplit { train: of("train")?, validation: of("val")?, test: of("test")? })
    }

    /// A SHA-256 of the images themselves, their classes and their shape, wherever they were read
    /// from: equal for equal sets.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let Description { shape, classes, .. } = &self.about;
        hash.update(format!("{shape:?}"));
        for Class { name, group, images } in classes {
            hash.update(format!("{name:?} {group:?} {images}"));
        }
        hash.update(&self.pixels);
        hex(&hash.finalize())
    }

    /// The SHA-256 of the file that the images were loaded from, as [`Saved::digest`].
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl ClassSource for ImageClasses {
    fn name(&self) -> String {
        self.about.name.clone()
    }

    fn classes(&self) -> usize {
        self.about.classes.len()
    }

    fn examples(&self) -> usize {
        self.about.classes.iter().map(|class| class.images).min().unwrap_or(0)
    }

    fn input_shape(&self) -> Vec<usize> {
        self.about.shape.to_vec()
    }

    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        let size: usize = self.about.shape.iter().product();
        let start = self.starts.get(class).filter(|_| self.images_in(class).is_some_and(|n| example < n));
        let Some(start) = start.filter(|_| x.len() == size) else {
            let problem = format!(
                "{}: example {example} of class {class} in a buffer of {}; there are {} classes of {} examples of \
                 {size} pixels",
                self.about.name,
                x.len(),
                self.classes(),
                self.examples()
            );
            return Err(Error::Config { problem }.into());
        };
        let start = (start + example) * size;
        for (x, byte) in x.iter_mut().zip(&self.pixels[start..start + size]) {
            *x = f32::from(*byte) / 255.0;
        }
        Ok(())
    }
}
