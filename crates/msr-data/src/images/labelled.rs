//! Images and their labels in arrays, as MNIST is often handed on.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, RgbImage};
use msr_files::{Element, Entry, Npz};

use super::decode::{Image, fit};
use super::error::ImageError;
use super::options::{ImageOptions, LARGEST_SIDE};
use super::{Class, Description, ImageClasses, Stored};
use crate::error::{Error, Result};

/// What arrays of images and of labels are called: a file has one of these, whole or in part.
const FAMILIES: [&[[&str; 2]]; 4] = [
    &[["x", "y"]],
    &[["images", "labels"]],
    &[["train_x", "train_y"], ["test_x", "test_y"]],
    &[["x_train", "y_train"], ["x_test", "y_test"]],
];
/// Whole numbers up to here are told apart as numbers of double precision.
const MOST_LABEL: f64 = 9_007_199_254_740_992.0;
/// The most bytes of an array.
const MOST_BYTES: u64 = 1 << 32;

impl ImageClasses {
    /// Reads images and their labels from an `.npz` file: arrays `x` and `y`, or `images` and
    /// `labels`; or `train_x`, `train_y`, `test_x` and `test_y`, or `x_train`, `y_train`, `x_test`
    /// and `y_test`, which are put together. A class is a label, called by its number; its images
    /// are in the order of the file.
    ///
    /// # Shapes
    /// images `(n, height, width)` or `(n, height, width, 3)`, of bytes; labels `(n)`, integers
    ///
    /// # Errors
    /// [`Error::Images`] for arrays of other shapes or elements, and as [`ImageClasses::read`];
    /// [`Error::File`] when the archive or an array cannot be read.
    pub fn read_labelled(path: impl AsRef<Path>, options: &ImageOptions) -> Result<Self> {
        let path = path.as_ref();
        let bytes = msr_files::read(path).map_err(|e| Error::file(path, e))?;
        Self::labelled(&bytes, path, options)
    }

    /// The same for a file in memory, called `name`.
    ///
    /// # Errors
    /// As [`ImageClasses::read_labelled`], but for the file system's.
    pub fn read_labelled_bytes(file: &[u8], name: &str, options: &ImageOptions) -> Result<Self> {
        Self::labelled(file, Path::new(name), options)
    }

    fn labelled(bytes: &[u8], path: &Path, options: &ImageOptions) -> Result<Self> {
        let in_file = |e| Error::file(path, e);
        let refuse = |problem| Error::images(path, ImageError::Layout { problem });
        let mut npz = Npz::open(Cursor::new(bytes)).map_err(in_file)?;
        let mut classes: BTreeMap<i64, Vec<Vec<u8>>> = BTreeMap::new();
        let mut shape = None;
        let names = |pairs: &[[&str; 2]]| pairs.iter().flatten().copied().collect::<Vec<_>>().join(", ");
        let found: Vec<Vec<[&str; 2]>> = FAMILIES
            .iter()
            .map(|family| family.iter().copied().filter(|[x, y]| npz.has(x) && npz.has(y)).collect())
            .filter(|pairs: &Vec<_>| !pairs.is_empty())
            .collect();
        let pairs = match found.as_slice() {
            [pairs] => pairs,
            [] => {
                return Err(refuse(format!(
                    "there are no arrays of images and labels, {}; there are: {}",
                    FAMILIES.map(names).join("; or "),
                    npz.names().join(", ")
                )));
            }
            [first, second, ..] => {
                return Err(refuse(format!(
                    "images and labels are there twice, as {} and as {}; keep one of them",
                    names(first),
                    names(second)
                )));
            }
        };
        for &[x, y] in pairs {
            let images = npz.read(x, MOST_BYTES).map_err(in_file)?;
            let (entry, labels) = npz.read(y, MOST_BYTES).map_err(in_file)?;
            let labels = labels_of(&entry, &labels).map_err(refuse)?;
            let sizes = sizes(&images.0, labels.len()).map_err(refuse)?;
            let each = images.1.chunks_exact(sizes.iter().product());
            for (at, (pixels, label)) in each.zip(labels).enumerate() {
                let name = format!("{x}[{at}]");
                let image = image(&name, pixels, sizes, options).map_err(|e| Error::images(path, e))?;
                let own = [image.channels, image.size.0, image.size.1];
                let before = *shape.get_or_insert(own);
                if own[0] != before[0] {
                    let problem = ImageError::Channels { entry: name, coloured: own[0] == 3 };
                    return Err(Error::images(path, problem));
                }
                if own != before {
                    let (size, others) = ((own[1], own[2]), (before[1], before[2]));
                    return Err(Error::images(path, ImageError::Sizes { entry: name, size, others }));
                }
                classes.entry(label).or_default().push(image.pixels);
            }
        }
        let Some(shape) = shape else { return Err(refuse("there are no images in its arrays".into())) };
        if let Some((label, images)) = classes.iter().find(|(_, images)| images.len() < options.least) {
            let (class, has, least) = (label.to_string(), images.len(), options.least);
            return Err(Error::images(path, ImageError::TooFew { class, has, least }));
        }
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let about = Description {
            name: options.name.clone().unwrap_or_else(|| file.clone()),
            from: vec![file],
            shape,
            ink: options.ink,
            stored: Stored::Deflate,
            classes: classes
                .iter()
                .map(|(label, images)| Class { name: label.to_string(), group: None, images: images.len() })
                .collect(),
        };
        let pixels = classes.into_values().flatten().flatten().collect();
        Self::new(about, pixels, None).map_err(|e| Error::images(path, e))
    }
}

/// Height, width and channels of so many images of bytes.
fn sizes(entry: &Entry, count: usize) -> std::result::Result<[usize; 3], String> {
    let of = |what: &str| {
        format!(
            "{} should hold bytes (n, height, width) or (n, height, width, 3), row by row; {what}",
            entry.name
        )
    };
    if entry.encoding.element != Element::U8 || entry.fortran_order {
        return Err(of("its elements are others"));
    }
    let sizes = match *entry.shape.as_slice() {
        [n, height, width] if n == count => [height, width, 1],
        [n, height, width, 3] if n == count => [height, width, 3],
        _ => return Err(of(&format!("it has the shape {:?}, and there are {count} labels", entry.shape))),
    };
    match sizes[..2].iter().all(|side| (1..=LARGEST_SIDE).contains(side)) {
        true => Ok(sizes),
        false => Err(of(&format!(
            "sides have from 1 to {LARGEST_SIDE} pixels, and its shape is {:?}",
            entry.shape
        ))),
    }
}

fn labels_of(entry: &Entry, bytes: &[u8]) -> std::result::Result<Vec<i64>, String> {
    let expected = |what: String| format!("{} should hold integers (n); {what}", entry.name);
    if entry.shape.len() != 1 || !entry.encoding.element.is_integer() {
        return Err(expected(format!("it has the shape {:?} of other elements", entry.shape)));
    }
    let labels = entry.to_f64(bytes).map_err(|e| expected(e.to_string()))?;
    match labels.iter().find(|label| label.abs() >= MOST_LABEL) {
        Some(label) => Err(expected(format!("{label} is too large for a label"))),
        None => Ok(labels.into_iter().map(|label| label as i64).collect()),
    }
}

/// One image, as the options want it.
fn image(
    name: &str,
    pixels: &[u8],
    [height, width, channels]: [usize; 3],
    options: &ImageOptions,
) -> std::result::Result<Image, ImageError> {
    let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else {
        let problem = format!("an image of {height} × {width} pixels");
        return Err(ImageError::TooLarge { entry: name.into(), problem });
    };
    let image = match channels {
        1 => GrayImage::from_raw(w, h, pixels.to_vec()).map(DynamicImage::ImageLuma8),
        _ => RgbImage::from_raw(w, h, pixels.to_vec()).map(DynamicImage::ImageRgb8),
    };
    let reason =
        || ImageError::NotImage { entry: name.into(), reason: "its pixels are not all there".into() };
    fit(name, image.ok_or_else(reason)?, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassSource;

    /// An array of bytes as numpy writes it.
    fn npy(shape: &str, dtype: &str, bytes: &[u8]) -> Vec<u8> {
        let head = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u16::try_from(head.len()).unwrap();
        [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], head.as_bytes(), bytes].concat()
    }

    fn npz(arrays: &[(&str, Vec<u8>)]) -> tempfile::NamedTempFile {
        use std::io::Write;
        let mut file = tempfile::Builder::new().suffix(".npz").tempfile().unwrap();
        let mut archive = zip::ZipWriter::new(&mut file);
        for (name, bytes) in arrays {
            archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        file
    }

    #[test]
    fn classes_are_labels() {
        let pixels: Vec<u8> = (0..16).collect();
        let labels: Vec<u8> = [7i64, -1, 7, -1].iter().flat_map(|l| l.to_le_bytes()).collect();
        let file = npz(&[("x", npy("(4, 2, 2)", "|u1", &pixels)), ("y", npy("(4,)", "<i8", &labels))]);
        let images = ImageClasses::read_labelled(file.path(), &ImageOptions::new().name("it")).unwrap();
        assert_eq!((images.name(), images.shape(), images.classes()), ("it".into(), [1, 2, 2], 2));
        assert_eq!((images.class_name(0), images.class_name(1)), (Some("-1"), Some("7")));
        let mut x = [0f32; 4];
        images.fill(1, 1, &mut x).unwrap();
        assert_eq!(x.map(|x| x * 255.0), [8.0, 9.0, 10.0, 11.0]);
    }

    #[test]
    fn other_arrays_are_refused() {
        let pixels = |shape| npy(shape, "|u1", &[0; 16]);
        let labels = || npy("(4,)", "|u1", &[0, 0, 1, 1]);
        for (arrays, word) in [
            (vec![("a", pixels("(4, 2, 2)"))], "there are: a"),
            (vec![("x", pixels("(4, 4)")), ("y", labels())], "[4, 4]"),
            (vec![("x", pixels("(4, 2, 2)")), ("y", npy("(3,)", "|u1", &[0; 3]))], "3 labels"),
            (vec![("x", npy("(2, 2, 2)", "<i2", &[0; 16])), ("y", npy("(2,)", "|u1", &[0; 2]))], "others"),
            (vec![("x", pixels("(4, 2, 2)")), ("y", npy("(4,)", "<f4", &[0; 16]))], "integers"),
            (vec![("x", pixels("(4, 2, 2)")), ("y", npy("(4,)", "|u1", &[0, 0, 0, 1]))], "too few images"),
            (vec![("x", npy("(0, 99999, 9)", "|u1", &[])), ("y", npy("(0,)", "|u1", &[]))], "1 to 4096"),
            (vec![("x", npy("(0, 9, 9)", "|u1", &[])), ("y", npy("(0,)", "|u1", &[]))], "no images"),
            (vec![("x", pixels("(4, 2, 2)")), ("y", npy("(4,)", "<u8", &[255; 32]))], "no f64 holds"),
            (
                [
                    [("x", pixels("(4, 2, 2)")), ("y", labels())],
                    [("images", pixels("(4, 2, 2)")), ("labels", labels())],
                ]
                .concat(),
                "twice",
            ),
        ] {
            let file = npz(&arrays);
            let refused =
                ImageClasses::read_labelled(file.path(), &ImageOptions::new()).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
        assert!(ImageClasses::read_labelled("nowhere.npz", &ImageOptions::new()).is_err());
    }

    #[test]
    fn mnist_as_it_is_handed_on() {
        let Some(path) = msr_testkit::shared("data/mnist/mnist_12k.npz") else { return };
        let images = ImageClasses::read_labelled(&path, &ImageOptions::new()).unwrap();
        assert_eq!((images.shape(), images.classes(), images.examples()), ([1, 28, 28], 10, 1_200));
    }
}
