//! The usual layout of mini-ImageNet: `train.csv`, `val.csv` and `test.csv` with the class of each
//! file in a folder `images` beside them.
//!
//! Source: Ravi, Larochelle, "Optimization as a Model for Few-Shot Learning" (ICLR 2017), whose
//! split it is.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ImageError;
use super::layout::{Found, group, parent};
use super::source::{Entry, Listing, Source};

/// The folder of the images.
const IMAGES: &str = "images";

/// The tables, when there are some beside a folder of images.
pub(super) fn find(listing: &Listing) -> Vec<Entry> {
    let is_table = |entry: &&Entry| {
        let (folder, name) = (parent(&entry.name), own(&entry.name));
        let images = if folder.is_empty() { format!("{IMAGES}/") } else { format!("{folder}/{IMAGES}/") };
        name.strip_suffix(".csv").is_some_and(|stem| group(stem).is_some())
            && listing.files.iter().any(|file| file.name.starts_with(&images))
    };
    listing.files.iter().filter(is_table).cloned().collect()
}

/// The classes that the tables name, in the order of groups and labels, each with its images in the
/// order of their names.
pub(super) fn classes(
    source: &mut Source<'_>,
    tables: &[Entry],
    listing: &Listing,
) -> Result<Vec<Found>, ImageError> {
    let files: BTreeMap<&str, &Entry> = listing.files.iter().map(|file| (file.name.as_str(), file)).collect();
    let mut classes: BTreeMap<(String, String), BTreeMap<String, Entry>> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for table in tables {
        let bytes = source.read(table)?;
        let refuse =
            |line: usize, problem: String| ImageError::Table { entry: table.name.clone(), line, problem };
        let text = String::from_utf8(bytes).map_err(|_| refuse(1, "it is no text in UTF-8".into()))?;
        let stem = own(&table.name).trim_end_matches(".csv");
        let split = group(stem).unwrap_or(stem);
        let folder = parent(&table.name);
        let folder = if folder.is_empty() { IMAGES.into() } else { format!("{folder}/{IMAGES}") };
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let head: Vec<String> = lines
            .next()
            .map(|(_, line)| fields(line).map(str::to_ascii_lowercase).collect())
            .unwrap_or_default();
        let column = |name: &str| head.iter().position(|field| field == name);
        let (Some(of_file), Some(of_label)) = (column("filename"), column("label")) else {
            return Err(refuse(1, "it should name the columns, `filename,label`".into()));
        };
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let refuse = |problem: String| Err(refuse(number + 1, problem));
            let row: Vec<&str> = fields(line).collect();
            let (Some(file), Some(label)) = (row.get(of_file), row.get(of_label)) else {
                return refuse(format!("expected {} columns, got {}", head.len(), row.len()));
            };
            if label.is_empty() || label.contains(['/', '\\']) {
                return refuse(format!("`{}` is no name of a class", msr_files::printable(label)));
            }
            if file.split(['/', '\\']).any(|part| part == "..") || file.starts_with(['/', '\\']) {
                return Err(ImageError::Outside { entry: (*file).into() });
            }
            let name = format!("{folder}/{file}");
            let Some(entry) = files.get(name.as_str()) else {
                let (name, folder) = (msr_files::printable(file), msr_files::printable(&folder));
                return refuse(format!("there is no {name} in {folder}"));
            };
            if !used.insert(name.clone()) {
                return Err(ImageError::Duplicate { name });
            }
            let class = classes.entry((split.into(), format!("{split}/{label}"))).or_default();
            class.insert(name, (*entry).clone());
        }
    }
    if classes.is_empty() {
        return Err(ImageError::Layout { problem: "the tables name no images".into() });
    }
    let found = |((group, name), images): ((String, String), BTreeMap<String, Entry>)| Found {
        group: Some(group),
        name,
        images: images.into_values().collect(),
    };
    Ok(classes.into_iter().map(found).collect())
}

/// The name of a file without its folder.
fn own(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, own)| own)
}

/// The fields of a line, without quotes.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| field.trim().trim_matches('"'))
}
