//! The error type of this crate.

use std::path::{Path, PathBuf};

use crate::text::printable;

/// What can go wrong while a file is written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("{path}: {reason}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: std::io::Error,
    },

    /// A path that leads to something that must not be replaced, or cannot be read to its end.
    #[error("{path} is {what}, not a regular file; name another path", path = .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },

    /// A path without the name of a file.
    #[error("the path \"{path}\" names no file", path = .path.display())]
    NoName {
        /// The path.
        path: PathBuf,
    },

    /// A file that is there already, and was to be made anew.
    #[error("{path} is there already, and is not overwritten; name another path", path = .path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },

    /// Bytes that are no file of a format that is read here.
    #[error("{problem}")]
    Format {
        /// What is wrong, and what to do.
        problem: String,
    },

    /// An array is missing.
    #[error("there is no array `{}`; there are {}", printable(.array), names(.found))]
    Missing {
        /// The array that was looked for.
        array: String,
        /// The arrays that are there.
        found: Vec<String>,
    },

    /// The bytes of an array contradict each other, or end too early.
    #[error("array `{}`: {problem}; the file is damaged, write it again", printable(.array))]
    Damaged {
        /// The array.
        array: String,
        /// What is wrong.
        problem: String,
    },

    /// An array that is whole, but of a kind that is not read here.
    #[error("array `{}`: {problem}", printable(.array))]
    Unsupported {
        /// The array.
        array: String,
        /// What it is, and what to do.
        problem: String,
    },

    /// A number that the type in which it is wanted does not have.
    #[error("array `{}`: element {index} is {value}, which {wanted}", printable(.array))]
    Inexact {
        /// The array.
        array: String,
        /// The position, row by row.
        index: usize,
        /// The number.
        value: String,
        /// What was wanted, as the end of the sentence.
        wanted: &'static str,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |reason| Self::Io { path: path.into(), reason }
    }

    pub(crate) fn format(problem: impl Into<String>) -> Self {
        Self::Format { problem: problem.into() }
    }

    pub(crate) fn damaged(array: &str, problem: impl Into<String>) -> Self {
        Self::Damaged { array: array.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(array: &str, problem: impl Into<String>) -> Self {
        Self::Unsupported { array: array.into(), problem: problem.into() }
    }
}

/// The first of the names, so that a message stays a message.
fn names(found: &[String]) -> String {
    const MOST: usize = 20;
    let mut shown =
        found.iter().take(MOST).map(|n| format!("`{}`", printable(n))).collect::<Vec<_>>().join(", ");
    match found.len() {
        0 => "none".into(),
        n if n > MOST => {
            shown.push_str(&format!(" and {} more", n - MOST));
            shown
        }
        _ => shown,
    }
}
