//! Reading sets of images.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::decode::{Image, decode};
use super::error::ImageError;
use super::layout::{self, Found};
use super::options::ImageOptions;
use super::source::{Entry, Source};
use super::tables;
use super::{Class, Description, ImageClasses};
use crate::error::{Error, Result};

/// Images, and bytes of them, that are decoded side by side.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 1 << 26;
/// The most bytes of a set.
const MOST_BYTES: usize = 1 << 34;

/// A folder or an archive that is being read.
struct Part<'a> {
    source: Source<'a>,
    /// What its file is called.
    name: String,
    classes: Vec<Found>,
}

impl ImageClasses {
    /// Reads all images of a folder, of a zip archive, or of several, each of which is a group of
    /// classes then. `progress` is told how many images of how many have been read.
    ///
    /// In a folder, or an archive, are
    /// - a folder for each class, or one for each alphabet with one for each character;
    /// - or folders `train`, `val` and `test`, or `images_background` and `images_evaluation`, with
    ///   such folders, which are groups then;
    /// - or tables `train.csv`, `val.csv` and `test.csv` with columns `filename` and `label`, and a
    ///   folder `images` with the files.
    ///
    /// A file `….npz` is read as [`ImageClasses::read_labelled`] does.
    ///
    /// Images are PNG or JPEG; other files are left alone, and so is what is hidden (`.…`,
    /// `__MACOSX`). Classes are in the order of the paths, of their groups and of their names,
    /// images in that of the names of their files.
    ///
    /// # Errors
    /// [`Error::Images`] for what is no such folder or archive, with the file where there is one: a
    /// name or a link that leads outside, a file that is no image, one that is too large or says
    /// so, one of another size or with other channels than those before it where the options name
    /// none, a class without images or with too few, a class or file that is there twice, a table
    /// that cannot be followed. [`Error::Io`]; [`Error::Config`] when no path is named. No more
    /// memory is taken than the images of a file of this size can have.
    ///
    /// # Example
    /// ```no_run
    /// use msr_data::{ClassSource, ImageClasses, ImageOptions};
    ///
    /// # fn main() -> msr_data::Result<()> {
    /// let options = ImageOptions::new().name("birds").size(84)?.channels(3)?;
    /// let birds = ImageClasses::read(&["birds.zip"], &options, |_, _| {})?;
    /// println!("{} classes of at least {} images", birds.classes(), birds.examples());
    /// birds.save("birds.msr-images")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read<P: AsRef<Path>>(
        paths: &[P],
        options: &ImageOptions,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self> {
        if let [path] = paths
            && path.as_ref().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
        {
            return Self::read_labelled(path, options);
        }
        let mut parts = Vec::with_capacity(paths.len());
        for path in paths {
            let path = path.as_ref();
            let (source, listing) = Source::open(path)?;
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let stem = path.file_stem().filter(|_| path.is_file()).map(|s| s.to_string_lossy().into_owned());
            let stem = stem.unwrap_or_else(|| name.clone());
            let outer = if options.by_path {
                Some(parts.len().to_string())
            } else {
                (paths.len() > 1).then_some(stem)
            };
            let part =
                Part::new(source, listing, name, outer, options).map_err(|e| Error::images(path, e))?;
            parts.push(part);
        }
        let refuse = |part: usize, problem| match paths.get(part) {
            Some(path) => Error::images(path.as_ref(), problem),
            None => Error::Config { problem: "no folder or archive of images is named".into() },
        };
        read(parts, options, progress).map_err(|(part, problem)| refuse(part, problem))
    }

    /// The same for a zip archive in memory, called `name`.
    ///
    /// # Errors
    /// As [`ImageClasses::read`], but for the file system's.
    pub fn read_archive(archive: &[u8], name: &str, options: &ImageOptions) -> Result<Self> {
        let outer = options.by_path.then(|| "0".to_string());
        let part = Source::bytes(archive)
            .and_then(|(source, listing)| Part::new(source, listing, name.into(), outer, options));
        let read = part.and_then(|part| read(vec![part], options, |_, _| {}).map_err(|(_, e)| e));
        read.map_err(|e| Error::images(Path::new(name), e))
    }
}

impl<'a> Part<'a> {
    /// The classes of a source; those that are in no group of their own are in the group `outer`.
    fn new(
        mut source: Source<'a>,
        listing: super::source::Listing,
        name: String,
        outer: Option<String>,
        options: &ImageOptions,
    ) -> std::result::Result<Self, ImageError> {
        let found = tables::find(&listing);
        let mut classes = if found.is_empty() {
            layout::classes(listing, options)?
        } else {
            tables::classes(&mut source, &found, &listing)?
        };
        for class in &mut classes {
            class.group = class.group.take().or_else(|| outer.clone());
            let (has, least) = (class.images.len(), options.least);
            if has < least {
                return Err(ImageError::TooFew { class: class.name.clone(), has, least });
            }
        }
        Ok(Self { source, name, classes })
    }
}

/// Where a class is: its part, and its place there.
type Placed = (usize, Found);

/// Reads the images of all classes; what is wrong, and in which part.
fn read(
    mut parts: Vec<Part<'_>>,
    options: &ImageOptions,
    mut progress: impl FnMut(usize, usize),
) -> std::result::Result<ImageClasses, (usize, ImageError)> {
    let from: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
    let mut all: Vec<Placed> = Vec::new();
    for (number, part) in parts.iter_mut().enumerate() {
        all.extend(part.classes.drain(..).map(|class| (number, class)));
    }
    if all.is_empty() {
        return Err((0, ImageError::Layout { problem: "there are no classes in it".into() }));
    }
    // Groups lie together, in the order in which they come first.
    let mut groups: Vec<Option<String>> = Vec::new();
    let (mut seen, mut rank) = (BTreeSet::new(), Vec::with_capacity(all.len()));
    for (part, class) in &all {
        if !seen.insert((class.group.clone(), class.name.clone())) {
            return Err((*part, ImageError::Duplicate { name: class.name.clone() }));
        }
        let known = groups.iter().position(|group| *group == class.group);
        rank.push(known.unwrap_or(groups.len()));
        if known.is_none() {
            groups.push(class.group.clone());
        }
    }
    let mut ranked: Vec<(usize, Placed)> = rank.into_iter().zip(all).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let classes = ranked.iter().map(|(_, (_, class))| Class {
        name: class.name.clone(),
        group: class.group.clone(),
        images: class.images.len(),
    });
    let classes: Vec<Class> = classes.collect();
    let images: Vec<(usize, Entry)> = ranked
        .into_iter()
        .flat_map(|(_, (part, class))| class.images.into_iter().map(move |image| (part, image)))
        .collect();
    let name = options.name.clone().unwrap_or_else(|| from[0].clone());
    let mut pixels = Pixels { name: name.clone(), total: images.len(), ..Pixels::default() };
    let mut waiting: Vec<(usize, String, Vec<u8>)> = Vec::new();
    let (mut bytes, mut done) = (0, 0);
    for (number, (part, entry)) in images.iter().enumerate() {
        let read = parts[*part].source.read(entry).map_err(|e| (*part, e))?;
        bytes += read.len();
        waiting.push((*part, entry.name.clone(), read));
        if waiting.len() == BATCH || bytes >= BATCH_BYTES || number + 1 == images.len() {
            let batch: Vec<_> = std::mem::take(&mut waiting)
                .into_par_iter()
                .map(|(part, entry, bytes)| {
                    let image = decode(&entry, &bytes, options);
                    (part, entry, image)
                })
                .collect();
            for (part, entry, image) in batch {
                image.and_then(|image| pixels.add(entry, image)).map_err(|e| (part, e))?;
                done += 1;
            }
            bytes = 0;
            progress(done, images.len());
        }
    }
    let (channels, (height, width)) = pixels.shape.unwrap_or_default();
    let shape = [channels, height, width];
    let about = Description { name, from, shape, ink: options.ink, stored: super::Stored::Plain, classes };
    ImageClasses::new(about, pixels.pixels, None).map_err(|e| (0, e))
}

/// The pixels of the images so far.
#[derive(Default)]
struct Pixels {
    name: String,
    /// The images that there will be.
    total: usize,
    /// Channels, and height and width.
    shape: Option<(usize, (usize, usize))>,
    pixels: Vec<u8>,
}

impl Pixels {
    /// Adds an image like those before it.
    fn add(&mut self, entry: String, image: Image) -> std::result::Result<(), ImageError> {
        let (channels, others) = match self.shape {
            Some(shape) => shape,
            None => {
                self.reserve(image.pixels.len())?;
                *self.shape.insert((image.channels, image.size))
            }
        };
        if image.channels != channels {
            return Err(ImageError::Channels { entry, coloured: image.channels == 3 });
        }
        if image.size != others {
            return Err(ImageError::Sizes { entry, size: image.size, others });
        }
        self.pixels.extend(image.pixels);
        Ok(())
    }

    /// Makes room for all images, when the first is known.
    fn reserve(&mut self, each: usize) -> std::result::Result<(), ImageError> {
        let total = each.checked_mul(self.total).filter(|&total| total <= MOST_BYTES);
        if total.is_some_and(|total| self.pixels.try_reserve_exact(total).is_ok()) {
            return Ok(());
        }
        let problem = format!(
            "{} images of {each} bytes do not fit into memory, or are more than {} GiB; name a smaller size",
            self.total,
            MOST_BYTES >> 30
        );
        Err(ImageError::TooLarge { entry: self.name.clone(), problem })
    }
}
