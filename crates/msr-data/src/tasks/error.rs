//! What can be wrong with the tasks of a user.

use std::path::{Path, PathBuf};

use msr_files::printable;

/// What keeps tasks from being read. A message is one line, names the file, and says what to do;
/// options are called as on the command line, `--task-column` for
/// [`TaskOptions::task_column`](super::TaskOptions).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The operating system refused to read.
    #[error("{}: {reason}; name a file or folder that can be read", shown(.path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        reason: std::io::Error,
    },

    /// An option that cannot be meant, whatever the data are.
    #[error("{problem}")]
    Options {
        /// What is wrong, and what to write.
        problem: String,
    },

    /// A file, or what it holds as a whole.
    #[error("{}: {problem}", shown(.path))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A row of a table.
    #[error("{}, {place}: {problem}", shown(.path))]
    Row {
        /// The file.
        path: PathBuf,
        /// Which line or row.
        place: Place,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A value of a table.
    #[error("{}, {place}, column `{}`: found {found}; expected {expected}", shown(.path), brief(.column))]
    Value {
        /// The file.
        path: PathBuf,
        /// Which line or row.
        place: Place,
        /// The column.
        column: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },

    /// An array that is damaged, missing, or of a kind that is not read.
    #[error("{}: {problem}", shown(.path))]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong, and with which array.
        problem: msr_files::Error,
    },

    /// More numbers than are kept.
    #[error(
        "{}: {numbers} numbers would be kept, and at most {most} are; name fewer columns or tasks, or raise the limit",
        shown(.path)
    )]
    TooLarge {
        /// The file, or the first of them.
        path: PathBuf,
        /// So many numbers, or more.
        numbers: u128,
        /// The limit, [`TaskOptions::most_numbers`](super::TaskOptions::most_numbers).
        most: u64,
    },
}

/// A result of reading tasks.
pub type Result<T> = std::result::Result<T, TaskError>;

/// Where in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The line of a text, from 1 on, as an editor shows it.
    Line(u64),
    /// The row of a Parquet file, from 1 on.
    Row(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl TaskError {
    pub(super) fn options(problem: impl Into<String>) -> Self {
        Self::Options { problem: problem.into() }
    }

    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File { path: path.into(), problem: problem.into() }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |reason| Self::Io { path: path.into(), reason }
    }

    pub(super) fn array(path: &Path) -> impl Fn(msr_files::Error) -> Self {
        move |problem| match problem {
            msr_files::Error::Io { reason, .. } => Self::Io { path: path.into(), reason },
            problem => Self::Array { path: path.into(), problem },
        }
    }
}

/// A path on one line.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// A text out of a file, as a message shows it: on one line, and not without end.
pub(super) fn brief(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    printable(&shown).into_owned()
}

/// The first of the names.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let mut names = names.into_iter();
    let mut shown = names.by_ref().take(MOST).map(brief).collect::<Vec<_>>().join(", ");
    match names.count() {
        0 if shown.is_empty() => "none".into(),
        0 => shown,
        more => {
            shown.push_str(&format!(" and {more} more"));
            shown
        }
    }
}
