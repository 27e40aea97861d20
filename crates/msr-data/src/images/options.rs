//! What is made of images as they are read.

use crate::error::{Error, Result};

/// The most pixels along a side of an image that is kept.
pub(super) const LARGEST_SIDE: usize = 4_096;

/// What [`ImageClasses::read`](crate::ImageClasses::read) makes of images. Everything is checked
/// here, before a file is touched.
///
/// # Example
/// ```
/// use msr_data::ImageOptions;
///
/// let options = ImageOptions::new().name("Omniglot").size(28)?.channels(1)?.ink();
/// assert!(options.size(0).is_err() && ImageOptions::new().size(5_000).is_err());
/// assert!(ImageOptions::new().channels(2).is_err());
/// # Ok::<(), msr_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOptions {
    pub(super) name: Option<String>,
    pub(super) size: Option<usize>,
    pub(super) channels: Option<usize>,
    pub(super) ink: bool,
    pub(super) levels: Option<usize>,
    pub(super) least: usize,
    /// Each path is a group, whatever its folders are called.
    pub(super) by_path: bool,
}

impl Default for ImageOptions {
    fn default() -> Self {
        Self { name: None, size: None, channels: None, ink: false, levels: None, least: 2, by_path: false }
    }
}

impl ImageOptions {
    /// Images as they are: their own size and channels, in which all must agree; at least two of
    /// each class.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the set is called; without it, as its first folder or archive.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// All images become `side × side` pixels, whatever their aspect was: bilinear, and over as
    /// much of the image as a pixel covers where it shrinks (antialiased). One that has this size
    /// stays as it is.
    ///
    /// # Errors
    /// [`Error::Config`] unless the side is from 1 to 4096.
    pub fn size(mut self, side: usize) -> Result<Self> {
        if !(1..=LARGEST_SIDE).contains(&side) {
            let problem =
                format!("images should have from 1 to {LARGEST_SIDE} pixels along a side, got {side}");
            return Err(Error::Config { problem });
        }
        self.size = Some(side);
        Ok(self)
    }

    /// All images become grey (1: the luminance 0.2126 R + 0.7152 G + 0.0722 B) or coloured (3).
    ///
    /// # Errors
    /// [`Error::Config`] for another number.
    pub fn channels(mut self, channels: usize) -> Result<Self> {
        if channels != 1 && channels != 3 {
            return Err(Error::Config { problem: format!("images have 1 or 3 channels, not {channels}") });
        }
        self.channels = Some(channels);
        Ok(self)
    }

    /// Images are inverted: black ink is 1 and white paper is 0.
    pub fn ink(mut self) -> Self {
        self.ink = true;
        self
    }

    /// How many folders name a class: 1 (`n01532829`) or 2 (`Greek/character05`). Without it that
    /// follows from the folders.
    ///
    /// # Errors
    /// [`Error::Config`] for another number.
    pub fn class_levels(mut self, levels: usize) -> Result<Self> {
        if levels != 1 && levels != 2 {
            return Err(Error::Config { problem: format!("1 or 2 folders name a class, not {levels}") });
        }
        self.levels = Some(levels);
        Ok(self)
    }

    /// How many images a class must have, at least; two without it, one to learn from and one to
    /// test on.
    pub fn least_images(mut self, least: usize) -> Self {
        self.least = least;
        self
    }

    /// Each path is a group, called by its place.
    pub(crate) fn by_path(mut self) -> Self {
        self.by_path = true;
        self
    }
}
