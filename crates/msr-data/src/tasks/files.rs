//! Which files there are.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::{Result, TaskError, list};
use super::natural::natural;
use super::sniff::{KINDS, Kind, kind};

/// What other programs leave in folders.
const LEFT_BEHIND: [&str; 6] =
    ["_SUCCESS", "_metadata", "_common_metadata", "__MACOSX", "Thumbs.db", "desktop.ini"];
/// The most files of a folder.
const MOST_FILES: usize = 1 << 20;

/// Files of one kind.
#[derive(Debug)]
pub(super) struct Files {
    pub files: Vec<PathBuf>,
    pub kind: Kind,
    pub notes: Vec<String>,
}

/// The files at these paths: files, or one folder of them.
pub(super) fn files(paths: &[PathBuf]) -> Result<Files> {
    let Some(first) = paths.first() else {
        return Err(TaskError::options("name a file, a folder, or several files"));
    };
    let mut notes = Vec::new();
    let files = match paths {
        [folder] if fs::metadata(folder).map_err(TaskError::io(folder))?.is_dir() => {
            let (files, folders) = inside(folder)?;
            if files.is_empty() {
                let only = if folders.is_empty() {
                    "there are no files in the folder".to_string()
                } else {
                    format!("there are only folders in it ({})", list(folders.iter().map(String::as_str)))
                };
                let problem = format!("{only}; name a folder with a file for each task, {KINDS}");
                return Err(TaskError::file(folder, problem));
            }
            if !folders.is_empty() {
                let names = list(folders.iter().map(String::as_str));
                notes.push(format!("folders in the folder that were left out: {names}"));
            }
            let (files, others) = of_most(files)?;
            if !others.is_empty() {
                let names = list(others.iter().map(String::as_str));
                notes.push(format!("files of other kinds that were left out: {names}"));
            }
            files
        }
        _ => paths.to_vec(),
    };
    let mut named = BTreeSet::new();
    let mut common: Option<(Kind, &Path)> = None;
    for path in &files {
        let kind = one(path)?;
        if !named.insert(path) {
            return Err(TaskError::file(path, "the file is named twice; name it once"));
        }
        let (before, other) = *common.get_or_insert((kind, path));
        if before != kind {
            let problem = format!(
                "it is of another kind than {}; all files are to be of one kind, a file for each task",
                other.file_name().unwrap_or_default().to_string_lossy()
            );
            return Err(TaskError::file(path, msr_files::printable(&problem)));
        }
    }
    let kind = common.map_or(Kind::Text, |(kind, _)| kind);
    if files.is_empty() {
        return Err(TaskError::file(first, "there are no files"));
    }
    Ok(Files { files, kind, notes })
}

/// The files of the kind that most files of a folder are of, and the names of the others: pictures,
/// and a readme beside tables. All of them, where no kind is that of most.
fn of_most(files: Vec<PathBuf>) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let mut kinds = Vec::new();
    for path in &files {
        // Texts beside tables are seldom tables.
        let is_text = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"));
        kinds.push(match one(path) {
            Ok(kind) => Some((kind, is_text)),
            Err(TaskError::File { .. }) => None,
            Err(problem) => return Err(problem),
        });
    }
    let count = |kind: &(Kind, bool)| kinds.iter().flatten().filter(|other| *other == kind).count();
    let Some(&most) = kinds.iter().flatten().max_by_key(|kind| (count(kind), !kind.1)) else {
        return Ok((files, Vec::new()));
    };
    let is_tie = |kind: &(Kind, bool)| *kind != most && kind.0 != most.0 && count(kind) == count(&most);
    if kinds.iter().flatten().any(is_tie) {
        return Ok((files, Vec::new()));
    }
    let (mut kept, mut others) = (Vec::new(), Vec::new());
    for (path, kind) in files.into_iter().zip(&kinds) {
        if *kind == Some(most) {
            kept.push(path);
        } else {
            others.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    Ok((kept, others))
}

/// The kind of a file that can be read more than once.
fn one(path: &Path) -> Result<Kind> {
    let found = fs::metadata(path).map_err(TaskError::io(path))?;
    if found.is_dir() {
        return Err(TaskError::file(path, "this is a folder; name files, or one folder alone"));
    }
    if !found.is_file() {
        return Err(TaskError::file(path, "this is no regular file; write what comes from it into one"));
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(TaskError::io(path))?;
    file.take(16).read_to_end(&mut start).map_err(TaskError::io(path))?;
    kind(path, &start)
}

/// The files and the folders in a folder, without what is hidden, `2` before `10`.
fn inside(folder: &Path) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(TaskError::io(folder))? {
        let entry = entry.map_err(TaskError::io(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || LEFT_BEHIND.contains(&name.as_str()) {
            continue;
        }
        let path = entry.path();
        // Links are followed, and have to lead somewhere.
        if fs::metadata(&path).map_err(TaskError::io(&path))?.is_dir() {
            folders.push(name);
        } else {
            files.push((name, path));
        }
        if files.len() > MOST_FILES {
            let problem = format!("there are more than {MOST_FILES} files in it; put tasks into one file");
            return Err(TaskError::file(folder, problem));
        }
    }
    files.sort_by(|(a, _), (b, _)| natural(a, b));
    folders.sort_by(|a, b| natural(a, b));
    Ok((files.into_iter().map(|(_, path)| path).collect(), folders))
}
