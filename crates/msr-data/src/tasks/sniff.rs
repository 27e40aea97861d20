//! What a file is, by its name and by how it begins.

use std::path::Path;

use super::error::{Result, TaskError};

/// What is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.npz` and `.safetensors`.
    Arrays,
    /// `.csv`, `.tsv`, packed or not.
    Text,
    /// `.parquet`.
    Parquet,
}

/// What can be read, for messages.
pub(super) const KINDS: &str = ".csv, .tsv, .csv.gz, .parquet, .npz or .safetensors";

const ENDINGS: [(&str, Kind); 13] = [
    (".csv", Kind::Text),
    (".tsv", Kind::Text),
    (".tab", Kind::Text),
    (".txt", Kind::Text),
    (".csv.gz", Kind::Text),
    (".tsv.gz", Kind::Text),
    (".txt.gz", Kind::Text),
    (".parquet", Kind::Parquet),
    (".parq", Kind::Parquet),
    (".pq", Kind::Parquet),
    (".npz", Kind::Arrays),
    (".npy", Kind::Arrays),
    (".safetensors", Kind::Arrays),
];

/// How a file with one array of numpy's begins.
pub(super) const NUMPY: &[u8] = b"\x93NUMPY";

/// How files begin that are mistaken for tables.
const OTHERS: [(&[u8], &str); 12] = [
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive, as spreadsheets (.xlsx) and .npz files are"),
    (b"PAR1", "a Parquet file"),
    (NUMPY, "a numpy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document of an office program"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"ARROW1", "an Arrow (feather) file"),
];

/// The ending of a name that says what the file is, with its kind.
fn ending(name: &str) -> Option<(&'static str, Kind)> {
    let name = name.to_ascii_lowercase();
    ENDINGS
        .iter()
        .filter(|(ending, _)| name.ends_with(ending))
        .max_by_key(|(ending, _)| ending.len())
        .copied()
}

/// What a file is called without its ending.
pub(super) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let length = ending(&name).map_or(0, |(ending, _)| ending.len());
    let stem = name.get(..name.len() - length).unwrap_or(&name);
    if stem.is_empty() { name.clone() } else { stem.into() }
}

/// What a file is by its name, or else by its first bytes.
pub(super) fn kind(path: &Path, start: &[u8]) -> Result<Kind> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if let Some((_, kind)) = ending(&name) {
        return Ok(kind);
    }
    match start {
        [b'P', b'A', b'R', b'1', ..] => Ok(Kind::Parquet),
        [b'P', b'K', 3 | 5, ..] | [_, _, _, _, _, 0, 0, 0, b'{', ..] => Ok(Kind::Arrays),
        _ => {
            let what = other(start).map_or_else(String::new, |what| format!("it is {what}; "));
            let problem = format!("{what}its name does not end in {KINDS}; give it the right ending");
            Err(TaskError::file(path, problem))
        }
    }
}

/// What bytes are that are not text.
fn other(start: &[u8]) -> Option<&'static str> {
    OTHERS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| *what)
}

/// Why a file is not what its name promises, numpy's; none if it may be.
pub(super) fn not_an_archive(path: &Path, start: &[u8]) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let is_numpy = start.starts_with(b"PK") || start.starts_with(NUMPY);
    let ending = [".npz", ".npy"].into_iter().find(|ending| name.ends_with(ending)).filter(|_| !is_numpy)?;
    let what = other(start).map_or_else(String::new, |what| format!(" but {what}"));
    Some(format!(
        "this is no {ending} file{what}, though its name ends so; write it with numpy.savez, or give it the right ending"
    ))
}

/// Why the beginning of a file is not that of a table; none if it may be.
pub(super) fn not_a_table(start: &[u8]) -> Option<String> {
    let advice = "write the table as comma-separated text with a header";
    if start.is_empty() {
        return Some(format!("the file is empty; {advice}"));
    }
    if let Some(what) = other(start) {
        return Some(format!("this is {what}, and not the text that its name promises; {advice}"));
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Some("this is text in UTF-16; save it as UTF-8".into());
    }
    if start.contains(&0) {
        return Some(format!("there are NUL bytes in it, so it is no text in UTF-8; {advice}"));
    }
    let text = String::from_utf8_lossy(start.get(..512).unwrap_or(start)).trim_start().to_ascii_lowercase();
    if ["<!doctype", "<html", "<?xml", "<head", "<body"].iter().any(|tag| text.starts_with(tag)) {
        return Some(
            "this is a web page, perhaps an error in place of a download; download the table again".into(),
        );
    }
    if text.starts_with('{') || text.starts_with("[{") || text.starts_with("[[") {
        return Some(format!("this is JSON; {advice}"));
    }
    text.is_empty().then(|| format!("there are only blanks in it; {advice}"))
}
