//! Where images lie: a folder or a zip archive, as names and bytes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::ImageError;
use crate::error::Error;

/// The most bytes of one file inside.
const MOST_BYTES: u64 = 1 << 26;
/// The most files and folders inside.
const MOST_ENTRIES: usize = 1 << 22;
/// How deep folders may be nested: a link may lead in circles.
const DEEPEST: usize = 8;

/// What can be read, and at any place.
pub(super) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A folder or an archive.
pub(super) enum Source<'a> {
    Folder,
    Archive(Box<ZipArchive<Box<dyn ReadSeek + 'a>>>),
}

/// A file inside.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its name from the top, parts divided by `/`.
    pub name: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Path(PathBuf),
    Index(usize),
}

/// All that is inside, but for what is hidden.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub files: Vec<Entry>,
    pub folders: Vec<String>,
}

impl<'a> Source<'a> {
    /// Opens the folder or archive at a path, and lists what is inside.
    pub fn open(path: &Path) -> Result<(Self, Listing), Error> {
        let io = |reason| Error::Io { path: path.into(), reason };
        let kind = fs::metadata(path).map_err(io)?;
        if kind.is_dir() {
            let root = path.canonicalize().map_err(io)?;
            let listing = folder(&root).map_err(|e| Error::images(path, e))?;
            return Ok((Self::Folder, listing));
        }
        if !kind.is_file() {
            let problem = "images are read from a folder or a zip archive, and this is neither".into();
            return Err(Error::images(path, ImageError::Layout { problem }));
        }
        let file = BufReader::new(File::open(path).map_err(io)?);
        Self::archive(Box::new(file)).map_err(|e| Error::images(path, e))
    }

    /// An archive in memory.
    pub fn bytes(archive: &'a [u8]) -> Result<(Self, Listing), ImageError> {
        Self::archive(Box::new(Cursor::new(archive)))
    }

    fn archive(reader: Box<dyn ReadSeek + 'a>) -> Result<(Self, Listing), ImageError> {
        let odd = |e: ZipError| ImageError::Archive { reason: e.to_string() };
        let mut archive = ZipArchive::new(reader).map_err(odd)?;
        let refuse = |reason: &str| Err(ImageError::Archive { reason: reason.into() });
        if archive.len() > MOST_ENTRIES {
            return refuse("it has more than four million entries");
        }
        if archive.has_duplicate_names() {
            return refuse("two of its entries have the same name");
        }
        if archive.has_overlapping_files().map_err(odd)? {
            return refuse("its entries share bytes");
        }
        let mut listing = Listing::default();
        let mut seen = BTreeSet::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(odd)?;
            let raw = entry.name().map_err(odd)?;
            let Some(name) = inside(&raw)? else { continue };
            if entry.is_symlink() {
                return Err(ImageError::Link { entry: name });
            }
            if entry.is_dir() {
                listing.folders.push(name);
                continue;
            }
            if !seen.insert(name.clone()) {
                return Err(ImageError::Duplicate { name });
            }
            listing.files.push(Entry { name, place: Place::Index(index) });
        }
        Ok((Self::Archive(Box::new(archive)), listing))
    }

    /// The bytes of a file inside: no more than it says that it has, and than are read at all.
    pub fn read(&mut self, entry: &Entry) -> Result<Vec<u8>, ImageError> {
        let name = || entry.name.clone();
        let io = |reason| ImageError::Read { entry: name(), reason };
        let large = |size: u64| {
            let problem = format!("it has {size} bytes; at most {MOST_BYTES} of a file are read");
            Err(ImageError::TooLarge { entry: name(), problem })
        };
        let mut bytes = Vec::new();
        match (self, &entry.place) {
            (Self::Archive(archive), Place::Index(index)) => {
                let odd = |e: ZipError| ImageError::NotImage { entry: name(), reason: e.to_string() };
                let member = archive.by_index(*index).map_err(odd)?;
                let stated = member.size();
                if stated > MOST_BYTES {
                    return large(stated);
                }
                // Reading to the end makes the archive's reader verify the checksum.
                let not = |e: std::io::Error| ImageError::NotImage { entry: name(), reason: e.to_string() };
                member.take(stated + 1).read_to_end(&mut bytes).map_err(not)?;
                if bytes.len() as u64 > stated {
                    let problem = format!("it unpacks to more than the {stated} bytes that it says it has");
                    return Err(ImageError::TooLarge { entry: name(), problem });
                }
            }
            (_, Place::Path(path)) => {
                let file = File::open(path).map_err(io)?;
                let size = file.metadata().map_err(io)?.len();
                if size > MOST_BYTES {
                    return large(size);
                }
                file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
                if bytes.len() as u64 > MOST_BYTES {
                    return large(bytes.len() as u64);
                }
            }
            // An entry is read from where it was listed.
            (Self::Folder, Place::Index(_)) => return Err(io(std::io::ErrorKind::NotFound.into())),
        }
        Ok(bytes)
    }
}

/// The name of an entry of an archive in plain parts; `None` for what is hidden.
fn inside(raw: &str) -> Result<Option<String>, ImageError> {
    let name = raw.replace('\\', "/");
    let drive = name.as_bytes().get(1) == Some(&b':');
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if name.starts_with('/') || drive || name.contains('\0') || parts.contains(&"..") {
        return Err(ImageError::Outside { entry: raw.into() });
    }
    let is_hidden = parts.is_empty() || parts.iter().any(|part| hidden(part));
    Ok((!is_hidden).then(|| parts.join("/")))
}

/// What systems leave in folders for themselves.
fn hidden(part: &str) -> bool {
    part.starts_with('.') || part == "__MACOSX"
}

/// All that is in a folder. Links are followed to what is in it, too.
fn folder(root: &Path) -> Result<Listing, ImageError> {
    let mut listing = Listing::default();
    let mut waiting = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, name)) = waiting.pop() {
        let at = |name: &str| {
            let entry = if name.is_empty() { "the folder".into() } else { name.to_string() };
            move |reason| ImageError::Read { entry, reason }
        };
        for entry in fs::read_dir(&folder).map_err(at(&name))? {
            let entry = entry.map_err(at(&name))?;
            let Ok(own) = entry.file_name().into_string() else {
                let problem = format!("{}: a name that is no text; rename it", entry.path().display());
                return Err(ImageError::Layout { problem });
            };
            if hidden(&own) {
                continue;
            }
            let own = if name.is_empty() { own } else { format!("{name}/{own}") };
            let path = entry.path();
            let mut kind = entry.file_type().map_err(at(&own))?;
            if kind.is_symlink() {
                let end = path.canonicalize().map_err(at(&own))?;
                if !end.starts_with(root) {
                    return Err(ImageError::Outside { entry: own });
                }
                kind = end.metadata().map_err(at(&own))?.file_type();
            }
            if listing.files.len() + listing.folders.len() >= MOST_ENTRIES {
                let problem = "there are more than four million files and folders".into();
                return Err(ImageError::TooLarge { entry: own, problem });
            }
            if kind.is_dir() {
                if own.matches('/').count() + 1 >= DEEPEST {
                    let problem =
                        format!("folders are nested {DEEPEST} deep; name the one that holds the classes");
                    return Err(ImageError::TooLarge { entry: own, problem });
                }
                listing.folders.push(own.clone());
                waiting.push((path, own));
            } else if kind.is_file() {
                listing.files.push(Entry { name: own, place: Place::Path(path) });
            }
        }
    }
    Ok(listing)
}
