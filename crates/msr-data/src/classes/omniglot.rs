//! Omniglot: characters of many alphabets, each drawn by twenty people.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::path::Path;

use zip::ZipArchive;

use crate::classes::ClassSource;
use crate::error::{Error, Result};

/// The most pixels along a side of an image: what a damaged file claims is not believed.
const LARGEST_SIDE: u32 = 1_024;
/// The most bytes of an image's file.
const MOST_BYTES: u64 = 1 << 20;

/// The characters of Omniglot, in memory: a class is a character.
///
/// Read from archives in the official folder layout, `images_background.zip` and
/// `images_evaluation.zip`, whose images are `…/<Alphabet>/character<NN>/<file>.png`, at any size.
/// Classes are in the order of the archives, then of their names; examples in that of the file
/// names, which is that of the people who drew them. A pixel is 1 where there is ink and 0 where
/// there is paper.
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
pub struct Omniglot {
    /// `<Alphabet>/character<NN>` of each class.
    names: Vec<String>,
    /// The classes of each archive.
    archives: Vec<Range<usize>>,
    examples: usize,
    /// Height and width.
    size: (usize, usize),
    /// Ink from 0 to 255, class after class and example after example.
    pixels: Vec<u8>,
}

impl std::fmt::Debug for Omniglot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Omniglot")
            .field("classes", &self.names.len())
            .field("examples", &self.examples)
            .field("size", &self.size)
            .finish()
    }
}

/// A grey image, as it was decoded.
struct Image {
    size: (usize, usize),
    ink: Vec<u8>,
}

impl Omniglot {
    /// Reads all characters of these archives.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`], which names the archive and the image, when an archive
    /// cannot be read, holds no characters, or an image is none, is not grey, or has another size
    /// than the first; [`Error::Config`] when no archive is named.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        if paths.is_empty() {
            return Err(Error::Config { problem: "no archive of Omniglot is named".into() });
        }
        let mut all = Self::empty();
        for path in paths {
            let path = path.as_ref();
            let bytes = msr_files::read(path).map_err(|e| Error::file(path, e))?;
            all.read(&bytes).map_err(|problem| Error::file(path, msr_files::Error::Format { problem }))?;
        }
        Ok(all)
    }

    /// Reads all characters of an archive in memory.
    ///
    /// # Errors
    /// [`Error::Config`] for what [`Omniglot::open`] refuses in a file.
    pub fn from_bytes(archive: &[u8]) -> Result<Self> {
        let mut all = Self::empty();
        all.read(archive).map_err(|problem| Error::Config { problem: format!("Omniglot: {problem}") })?;
        Ok(all)
    }

    fn empty() -> Self {
        Self { names: Vec::new(), archives: Vec::new(), examples: 0, size: (0, 0), pixels: Vec::new() }
    }

    /// Adds the characters of an archive; what is wrong with it otherwise.
    fn read(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        let mut archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|e| format!("no readable zip archive ({e}); download it again"))?;
        // By character, then by file.
        let mut files: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (index, name) in archive.file_names().enumerate() {
            let Ok(name) = name else { continue };
            if let Some((character, file)) = character(&name) {
                files.entry(character).or_default().insert(file, index);
            }
        }
        if files.is_empty() {
            return Err("no images <Alphabet>/character<NN>/<file>.png are in it".into());
        }
        let first = self.names.len();
        for (character, files) in files {
            if self.examples == 0 {
                self.examples = files.len();
            }
            if files.len() != self.examples {
                return Err(format!(
                    "{character} has {} images, other characters have {}",
                    files.len(),
                    self.examples
                ));
            }
            for (file, index) in files {
                let image = image(&mut archive, index).map_err(|e| format!("{character}/{file}: {e}"))?;
                if self.pixels.is_empty() {
                    self.size = image.size;
                }
                if image.size != self.size {
                    return Err(format!(
                        "{character}/{file} has {:?} pixels (height, width), other images have {:?}",
                        image.size, self.size
                    ));
                }
                self.pixels.extend(image.ink);
            }
            self.names.push(character);
        }
        self.archives.push(first..self.names.len());
        Ok(())
    }

    /// The alphabet and the number of a character, as `Greek/character03`.
    pub fn class_name(&self, class: usize) -> Option<&str> {
        self.names.get(class).map(String::as_str)
    }

    /// The classes of the archive that was named in this place: Lake et al. train on the first of
    /// the official two, `images_background`, and test on the second.
    pub fn classes_of(&self, archive: usize) -> Option<Range<usize>> {
        self.archives.get(archive).cloned()
    }
}

/// The character of an image in the official layout, and its file; `None` for anything else that an
/// archive may hold.
fn character(name: &str) -> Option<(String, String)> {
    let mut parts = name.rsplit('/');
    let (file, number, alphabet) = (parts.next()?, parts.next()?, parts.next()?);
    let is_image = file.to_ascii_lowercase().ends_with(".png") && !file.starts_with('.');
    let is_own = !name.starts_with("__MACOSX") && !number.is_empty() && !alphabet.is_empty();
    (is_image && is_own).then(|| (format!("{alphabet}/{number}"), file.to_string()))
}

/// The image in a member of an archive; what is wrong with it otherwise.
fn image(archive: &mut ZipArchive<Cursor<&[u8]>>, index: usize) -> std::result::Result<Image, String> {
    let member = archive.by_index(index).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    // Reading to the end makes the archive's reader verify the checksum.
    member.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let problem = |e: png::DecodingError| format!("no readable PNG image ({e})");
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    // One byte for each pixel, whatever the image stores.
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(problem)?;
    let (width, height) = reader.info().size();
    if width.max(height) > LARGEST_SIDE || width.min(height) == 0 {
        return Err(format!(
            "an image of {height} × {width} pixels; characters have from 1 to {LARGEST_SIDE} along a side"
        ));
    }
    if reader.output_color_type() != (png::ColorType::Grayscale, png::BitDepth::Eight) {
        return Err("the image is coloured or transparent; characters are black on white".into());
    }
    let mut grey = vec![0; width as usize * height as usize];
    reader.next_frame(&mut grey).map_err(problem)?;
    // White is paper.
    let ink = grey.into_iter().map(|white| u8::MAX - white).collect();
    Ok(Image { size: (height as usize, width as usize), ink })
}

impl ClassSource for Omniglot {
    fn name(&self) -> String {
        "Omniglot".into()
    }

    fn classes(&self) -> usize {
        self.names.len()
    }

    fn examples(&self) -> usize {
        self.examples
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1, self.size.0, self.size.1]
    }

    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        let size = self.size.0 * self.size.1;
        if class >= self.names.len() || example >= self.examples || x.len() != size {
            let problem = format!(
                "Omniglot: example {example} of class {class} in a buffer of {}; there are {} classes of {} examples \
                 of {size} pixels",
                x.len(),
                self.names.len(),
                self.examples
            );
            return Err(Error::Config { problem }.into());
        }
        let start = (class * self.examples + example) * size;
        for (x, ink) in x.iter_mut().zip(&self.pixels[start..start + size]) {
            *x = f32::from(*ink) / 255.0;
        }
        Ok(())
    }
}
