//! Tasks of a user's own, out of the files that people have.
//!
//! - Arrays in an `.npz` or `.safetensors` file: x `(tasks, examples, …)` and y `(tasks, examples,
//!   …)`; or a group of arrays for each task, `task0/x` and `task0/y`, `x_0` and `y_0`, with as
//!   many examples as each has; or support and query sets, `x_support` and `x_query`, which are
//!   joined.
//! - A table (`.csv`, `.tsv`, packed with gzip or not, or `.parquet`) with a column that says which
//!   task a row belongs to.
//! - A folder of such files, a file for each task.
//! - One set of data, of which [`TasksFrom`] makes tasks.
//!
//! Everything that reads here takes files of any origin: it returns tasks or a [`TaskError`], and
//! keeps no more numbers than [`TaskOptions::most_numbers`]. Tables are read row by row, or row
//! group by row group, and only the columns that are needed. Arrays lie in memory with their file.
//!
//! # Example
//! ```
//! use msr_data::tasks::{TaskOptions, read_tasks};
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("measured.csv");
//! std::fs::write(&path, "task,x0,x1,y\na,1,2,3\nb,0,1,1\na,2,2,4\nb,5,1,6\n")?;
//! let data = read_tasks(&[path], &TaskOptions::default())?;
//! assert_eq!((data.tasks.len(), data.inputs, data.outputs), (2, 2, 1));
//! assert_eq!(data.tasks[0].name, "a");
//! assert_eq!((&data.tasks[0].x[..], &data.tasks[0].y[..]), (&[1.0, 2.0, 2.0, 2.0][..], &[3.0, 4.0][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrays;
mod columns;
mod data;
mod error;
mod example;
mod files;
mod make;
mod natural;
mod number;
mod options;
mod parquet;
mod quality;
mod rows;
mod sniff;
mod source;
mod survey;
mod table;
mod text;

use std::path::{Path, PathBuf};

pub use self::data::{Division, TaskData, TaskRows};
pub use self::error::{Place, TaskError};
pub use self::options::{TaskOptions, TasksFrom, parse_shape};
pub use self::quality::{Concern, Side, quality};
pub use self::survey::Survey;

use self::arrays::Opened;
use self::data::Raw;
use self::error::Result;
use self::files::{Files, files};
use self::make::make;
use self::rows::limit;
use self::sniff::{Kind, stem};
use self::survey::Sizes;

/// Reads tasks from a file, from several files or from a folder of them (a file for each task).
///
/// # Errors
/// [`TaskError`], which names the file and says what to do: for files that cannot be read, are
/// damaged or of another kind, hold texts, NaN or nothing where numbers should be, tasks that
/// differ in their inputs or outputs, tasks of fewer than two examples, options that do not fit the
/// data, and more numbers than [`TaskOptions::most_numbers`].
pub fn read_tasks(paths: &[PathBuf], options: &TaskOptions) -> Result<TaskData> {
    options.check()?;
    let Files { files, kind, notes } = files(paths)?;
    let shown = paths.first().map_or(Path::new(""), PathBuf::as_path);
    one_set(&files, kind, options)?;
    let mut raw = match kind {
        Kind::Arrays => arrays(&files, options)?,
        Kind::Text | Kind::Parquet => table::read(&files, kind, options)?,
    };
    raw.notes.extend(notes);
    make(shown, raw, options)
}

/// How much [`read_tasks`] would read, without reading it all.
///
/// # Errors
/// As [`read_tasks`], for what can be seen in headers.
pub fn survey(paths: &[PathBuf], options: &TaskOptions) -> Result<Survey> {
    options.check()?;
    let Files { files, kind, .. } = files(paths)?;
    one_set(&files, kind, options)?;
    let sizes = match kind {
        Kind::Arrays => {
            let mut all = Sizes { is_exact: true, ..Sizes::default() };
            for path in &files {
                let bytes = in_memory(path, options)?;
                let one = Opened::new(path, &bytes, options)?.survey(files.len() == 1, options)?;
                all = Sizes { examples: all.examples.saturating_add(one.examples), ..one };
            }
            if files.len() > 1 {
                all.tasks = Some(files.len() as u64);
            }
            all
        }
        Kind::Text | Kind::Parquet => table::survey(&files, kind, options)?,
    };
    Ok(Survey::new(files.len(), &sizes))
}

/// Refuses to make tasks of what is tasks already.
fn one_set(files: &[PathBuf], kind: Kind, options: &TaskOptions) -> Result<()> {
    let is_column = kind == Kind::Arrays && options.column().is_some();
    match files {
        [first, _, ..] if options.divides().is_some() || is_column => Err(TaskError::file(
            first,
            "there are several files, each a task already; leave out --tasks-from and --task-column, or name one file",
        )),
        _ => Ok(()),
    }
}

/// The bytes of a file of arrays, unless there are more than could be kept.
fn in_memory(path: &Path, options: &TaskOptions) -> Result<Vec<u8>> {
    let size = path.metadata().map_err(TaskError::io(path))?.len();
    // Names and headers have some room, and other arrays.
    let most = options.most_numbers.saturating_mul(8).saturating_add(1 << 24);
    if size > most {
        let problem = format!(
            "the file has {size} bytes, and at most {most} are read; write x and y alone, raise the limit, or use \
             a Parquet file"
        );
        return Err(TaskError::file(path, problem));
    }
    msr_files::read(path).map_err(TaskError::array(path))
}

/// The tasks of files of arrays, a file for each task unless there is one.
fn arrays(files: &[PathBuf], options: &TaskOptions) -> Result<Raw> {
    let mut all: Option<Raw> = None;
    for path in files {
        let name = stem(path);
        let bytes = in_memory(path, options)?;
        let alone = (files.len() > 1).then_some(name.as_str());
        let raw = Opened::new(path, &bytes, options)?.read(alone, options)?;
        let Some(all) = &mut all else {
            all = Some(raw);
            continue;
        };
        if (&raw.input_shape, &raw.output_shape) != (&all.input_shape, &all.output_shape) {
            return Err(TaskError::file(
                path,
                format!(
                    "its examples have inputs {:?} and outputs {:?}, those before have {:?} and {:?}; all tasks need \
                     the same",
                    raw.input_shape, raw.output_shape, all.input_shape, all.output_shape
                ),
            ));
        }
        if all.tasks.iter().any(|task| task.name == name) {
            let problem = format!("two files are called `{}`; rename one of them", error::brief(&name));
            return Err(TaskError::file(path, problem));
        }
        all.tasks.extend(raw.tasks);
        let kept: u128 = all.tasks.iter().map(|task| (task.x.len() + task.y.len()) as u128).sum();
        limit(path, kept, options.most_numbers)?;
    }
    all.ok_or_else(|| TaskError::options("there are no files"))
}
