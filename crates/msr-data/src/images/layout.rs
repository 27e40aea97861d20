//! Which classes follow from folders.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ImageError;
use super::options::ImageOptions;
use super::source::{Entry, Listing};

/// Folders that are groups of classes and no classes, and the groups that they are.
const GROUPS: [(&str, &str); 7] = [
    ("train", "train"),
    ("val", "val"),
    ("valid", "val"),
    ("validation", "val"),
    ("test", "test"),
    ("images_background", "images_background"),
    ("images_evaluation", "images_evaluation"),
];
/// Those whose name is part of the names of their classes.
const SPLITS: [&str; 3] = ["train", "val", "test"];
/// What images that are read are called, and others.
const READ: [&str; 3] = ["png", "jpg", "jpeg"];
const NOT_READ: [&str; 9] = ["bmp", "gif", "webp", "tif", "tiff", "ppm", "pgm", "heic", "avif"];
/// What is expected, for messages.
const EXPECTED: &str = "expected are a folder for each class with its PNG or JPEG images, or folders train, val and test \
                        with such folders, or train.csv, val.csv and test.csv beside a folder images";

/// A class, and where its images are.
#[derive(Debug)]
pub(super) struct Found {
    pub group: Option<String>,
    pub name: String,
    pub images: Vec<Entry>,
}

/// The group that a folder is.
pub(super) fn group(folder: &str) -> Option<&'static str> {
    GROUPS.iter().find(|(name, _)| *name == folder).map(|(_, group)| *group)
}

/// Whether a file is an image that is read.
///
/// # Errors
/// [`ImageError::Layout`] for an image that is not.
fn is_image(name: &str) -> Result<bool, ImageError> {
    let Some((_, extension)) = name.rsplit_once('.') else { return Ok(false) };
    let extension = extension.to_ascii_lowercase();
    if NOT_READ.contains(&extension.as_str()) {
        let problem =
            format!("{}: only PNG and JPEG images are read; convert it", msr_files::printable(name));
        return Err(ImageError::Layout { problem });
    }
    Ok(READ.contains(&extension.as_str()))
}

/// The folder that a file is in, empty for the top.
pub(super) fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The classes of a folder or archive, in the order of their groups and names, each with its images
/// in the order of theirs.
pub(super) fn classes(listing: Listing, options: &ImageOptions) -> Result<Vec<Found>, ImageError> {
    let mut by_folder: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for file in listing.files {
        if is_image(&file.name)? {
            by_folder.entry(parent(&file.name).to_string()).or_default().push(file);
        }
    }
    let Some(first) = by_folder.keys().next() else {
        return Err(ImageError::Layout { problem: format!("no images are in it; {EXPECTED}") });
    };
    let is_group = |folder: &str| !options.by_path && group(folder).is_some();
    // The folders around all classes.
    let least = options.levels.unwrap_or(1);
    let parts: Vec<&str> = first.split('/').collect();
    let mut around = 0;
    while around + least < parts.len() && !is_group(parts[around]) {
        let prefix = format!("{}/", parts[..=around].join("/"));
        if !by_folder.keys().all(|folder| folder.starts_with(&prefix)) {
            break;
        }
        around += 1;
    }
    let prefix = parts[..around].iter().map(|part| format!("{part}/")).collect::<String>();
    let grouped = by_folder
        .keys()
        .all(|folder| folder[prefix.len()..].split_once('/').is_some_and(|(first, _)| is_group(first)));
    let mut found = Vec::with_capacity(by_folder.len());
    let (mut depth, mut folders) = (None, BTreeSet::new());
    for (folder, mut images) in by_folder {
        let inner = &folder[prefix.len()..];
        let here = if inner.is_empty() { 0 } else { inner.split('/').count() };
        let levels = here.saturating_sub(usize::from(grouped));
        if !(least..=options.levels.unwrap_or(2)).contains(&levels) || *depth.get_or_insert(here) != here {
            let folder = if folder.is_empty() { "the top" } else { &folder };
            let problem = format!(
                "images are in {}, {levels} folders deep, and classes are not; {EXPECTED}",
                msr_files::printable(folder)
            );
            return Err(ImageError::Layout { problem });
        }
        images.sort_by(|a, b| a.name.cmp(&b.name));
        let (group, name) = match inner.split_once('/').filter(|_| grouped) {
            Some((first, rest)) => {
                let group = group(first).unwrap_or(first);
                (Some(group.to_string()), if SPLITS.contains(&group) { inner } else { rest })
            }
            None => (None, inner),
        };
        found.push(Found { group, name: name.into(), images });
        folders.insert(folder);
    }
    // Every folder down to the classes should lead to one.
    let deepest = around + depth.unwrap_or(1);
    for folder in listing.folders {
        let leads = |class: &String| {
            class.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let after = folders.range(folder.clone()..);
        let is_deep = folder.split('/').count() > deepest;
        if folder.starts_with(&prefix) && !is_deep && !after.take_while(|c| c.starts_with(&folder)).any(leads)
        {
            return Err(ImageError::Empty { class: folder });
        }
    }
    found.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    Ok(found)
}
