//! `msr data omniglot`: from the official archives, or from what is there.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use msr_data::ImageOptions;

use super::download::{Download, is_digest};
use super::{To, keep};

/// Where the archives are.
const ADDRESS: &str = "https://github.com/brendenlake/omniglot/raw/master/python";
/// The archives, in the order of their classes, and their SHA-256.
///
/// Source: `url_checksums/omniglot.txt` of TensorFlow Datasets; what it says of
/// `images_background_small1.zip` and `images_background_small2.zip` was compared with these files.
const ARCHIVES: [(&str, &str); 2] = [
    ("images_background.zip", "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640"),
    ("images_evaluation.zip", "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee"),
];
/// The folder of what was downloaded, beside the file of images.
const DOWNLOADS: &str = "downloads";

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Flags {
    /// The archives, once for each, or a folder with images_background.zip and
    /// images_evaluation.zip or with what was unpacked from them; images may have any size.
    #[arg(long, value_name = "PATH")]
    from: Vec<PathBuf>,
    /// Pixels along a side, to which images are scaled.
    #[arg(long, default_value_t = 28)]
    size: usize,
    /// Another address of the two archives, up to their names.
    #[arg(long, value_name = "URL", default_value = ADDRESS, conflicts_with = "from")]
    url: String,
    /// What the archives' SHA-256 must be, when it is not that of the official ones.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "from")]
    sha256: Vec<String>,
    #[command(flatten)]
    to: To,
}

/// Downloads what is missing, reads the characters and keeps them.
pub fn run(flags: &Flags) -> Result<()> {
    let options = ImageOptions::new().name("Omniglot").size(flags.size)?.channels(1)?;
    let options = options.ink().class_levels(2)?;
    let digests = digests(&flags.sha256)?;
    let file = flags.to.file("omniglot")?;
    let from = if flags.from.is_empty() {
        download(&flags.url, &digests, &flags.to.folder.join(DOWNLOADS))?
    } else {
        flags.from.iter().flat_map(|path| archives(path)).collect()
    };
    keep(&from, &options, &file, |_| Ok(()))
}

/// The digests that the archives must have.
fn digests(named: &[String]) -> Result<Vec<String>> {
    if named.is_empty() {
        return Ok(ARCHIVES.iter().map(|(_, digest)| (*digest).to_string()).collect());
    }
    ensure!(
        named.len() == ARCHIVES.len() && named.iter().all(|digest| is_digest(digest)),
        "--sha256 takes the digests of {} and {}, 64 hexadecimal digits each, with a comma between",
        ARCHIVES[0].0,
        ARCHIVES[1].0
    );
    Ok(named.iter().map(|digest| digest.to_ascii_lowercase()).collect())
}

/// The archives in a folder; the path itself where there are none.
fn archives(path: &Path) -> Vec<PathBuf> {
    let inside: Vec<PathBuf> = ARCHIVES.iter().map(|(name, _)| path.join(name)).collect();
    if inside.iter().all(|path| path.is_file()) { inside } else { vec![path.into()] }
}

/// Downloads the archives that are not in the folder.
fn download(address: &str, digests: &[String], folder: &Path) -> Result<Vec<PathBuf>> {
    ensure!(
        address.starts_with("https://") || address.starts_with("http://"),
        "`{address}` is no address; it begins with https:// or http://"
    );
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut paths = Vec::new();
    for ((name, _), digest) in ARCHIVES.iter().zip(digests) {
        let (url, path) = (format!("{}/{name}", address.trim_end_matches('/')), folder.join(name));
        Download { url: &url, path: &path, digest, name }.run()?;
        paths.push(path);
    }
    Ok(paths)
}
