//! What can be wrong with images, their folders and archives, and the files that keep them.

use msr_files::printable;

/// What is wrong with a set of images; entries are named as they lie in their folder or archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file or folder inside cannot be read.
    #[error("{}: {reason}", printable(.entry))]
    Read {
        /// The file or folder.
        entry: String,
        /// The reason.
        reason: std::io::Error,
    },

    /// A name that leads out of the folder or archive.
    #[error("{} leads outside; what is read lies in the folder or archive itself", printable(.entry))]
    Outside {
        /// The name.
        entry: String,
    },

    /// A link inside an archive.
    #[error("{} is a link; put the file itself into the archive", printable(.entry))]
    Link {
        /// The name.
        entry: String,
    },

    /// A zip archive that is none, or holds what no archive of images does.
    #[error("no readable zip archive ({reason}); download it again, or make it anew")]
    Archive {
        /// What is wrong.
        reason: String,
    },

    /// No images, or images in folders from which no classes follow.
    #[error("{problem}")]
    Layout {
        /// What is wrong, and what is expected.
        problem: String,
    },

    /// A folder of a class without any image.
    #[error("there are no images in {}; remove the folder, or put PNG or JPEG images there", printable(.class))]
    Empty {
        /// The folder.
        class: String,
    },

    /// A class with fewer images than are asked for.
    #[error(
        "the class {} has too few images, {has} of at least {least}; add images, or remove the class",
        printable(.class)
    )]
    TooFew {
        /// The class.
        class: String,
        /// The images that it has.
        has: usize,
        /// The images that it should have.
        least: usize,
    },

    /// A class, or a file, that is there twice.
    #[error("{} is there twice; remove or rename one of the two", printable(.name))]
    Duplicate {
        /// Its name.
        name: String,
    },

    /// A table `train.csv`, `val.csv` or `test.csv` that cannot be followed.
    #[error("{}, line {line}: {problem}", printable(.entry))]
    Table {
        /// The table.
        entry: String,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong, and what is expected.
        problem: String,
    },

    /// A file that should be an image, and is none.
    #[error("{}: no readable PNG or JPEG image ({reason}); repair or remove it", printable(.entry))]
    NotImage {
        /// The file.
        entry: String,
        /// What is wrong.
        reason: String,
    },

    /// An image, a file or a set that is larger than what is read.
    #[error("{}: {problem}", printable(.entry))]
    TooLarge {
        /// The file, or the set.
        entry: String,
        /// How large it is, and what is read at most.
        problem: String,
    },

    /// Images of several sizes, when no size was asked for.
    #[error(
        "{} has {} × {} pixels (height × width), other images have {} × {}; name a size, to which all are scaled",
        printable(.entry), .size.0, .size.1, .others.0, .others.1
    )]
    Sizes {
        /// The image.
        entry: String,
        /// Its height and width.
        size: (usize, usize),
        /// Those of the images before it.
        others: (usize, usize),
    },

    /// Grey and coloured images, when no number of channels was asked for.
    #[error(
        "{} is {}, other images are {}; name the channels, 1 or 3, to which all are converted",
        printable(.entry), colour(*.coloured), colour(!*.coloured)
    )]
    Channels {
        /// The image.
        entry: String,
        /// Whether it is coloured.
        coloured: bool,
    },

    /// An image that one can see through.
    #[error("{} is transparent in places; put it on a background first", printable(.entry))]
    Transparent {
        /// The image.
        entry: String,
    },

    /// A file that does not keep images.
    #[error("this is no file of images; make it with `msr data`")]
    NotKept,

    /// A file of images as another version of this program writes it.
    #[error(
        "images in version {version} of the format, and this program reads {}; make it again with `msr data`",
        super::keep::VERSION
    )]
    Version {
        /// The version in the file.
        version: u32,
    },

    /// A file of images that was cut or changed.
    #[error("the file of images is damaged ({reason}); make it again with `msr data`")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

fn colour(coloured: bool) -> &'static str {
    if coloured { "coloured" } else { "grey" }
}
