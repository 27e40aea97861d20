//! A file from the network, which goes on where it was cut short.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{HumanBytes, ProgressBar};
use msr_report::say;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::HeaderMap;

use super::bar;

/// How often in a row nothing may come, and how often a connection may break at all.
const TRIES: u32 = 4;
const MOST_TRIES: u32 = 100;
/// How long the first wait after that is; each is twice the one before.
const WAIT: Duration = Duration::from_millis(200);
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// The most bytes of a file.
const MOST_BYTES: u64 = 1 << 30;

/// A file, and where it comes from.
pub struct Download<'a> {
    pub url: &'a str,
    pub path: &'a Path,
    /// What its SHA-256 must be.
    pub digest: &'a str,
    pub name: &'static str,
}

/// What came of a connection.
enum Came {
    All,
    /// Not all; why.
    Part(String),
}

/// Whether this is a SHA-256 in hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Download<'_> {
    /// Downloads the file, unless it is there. What came is in `<name>.part`, and which file of the
    /// server's it is a part of in `<name>.part.tag`, until all has come and has the right digest.
    ///
    /// # Errors
    /// When the server has no such file, another one than when the download began, or one with
    /// another digest; when the connection breaks again and again; when the disk is full.
    pub fn run(&self) -> Result<()> {
        let Self { path, name, .. } = self;
        if path.try_exists().with_context(|| path.display().to_string())? {
            let found = digest(&mut open(path)?)?;
            ensure!(
                found == self.digest,
                "{} has the SHA-256 {found}, not {}; remove it, and it is downloaded again",
                path.display(),
                self.digest
            );
            return Ok(());
        }
        let part = self.part();
        let mut file = msr_files::open_to_write(&part)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            bail!("{} is being written by another process; wait for it", part.display());
        }
        // Another process may have ended just now.
        if path.try_exists().unwrap_or(false) {
            self.forget()?;
            return self.run();
        }
        let bar = bar(name, "{bytes}/{total_bytes} {eta}")?;
        if let Err(error) = self.fetch(&mut file, &bar) {
            if file.metadata().is_ok_and(|part| part.len() == 0) {
                let _ = self.forget();
            }
            return Err(error);
        }
        bar.finish_and_clear();
        let in_part = || part.display().to_string();
        file.sync_all().with_context(in_part)?;
        let found = digest(&mut file).with_context(in_part)?;
        if found != self.digest {
            self.forget()?;
            bail!(
                "{} has the SHA-256 {found}, not {}: it is another file, or was changed on its way, and was removed; \
                 try again, or get it elsewhere and name it with --from",
                self.url,
                self.digest
            );
        }
        fs::rename(&part, path).with_context(in_part)?;
        let _ = fs::remove_file(self.tag());
        say(&format!("{}: {}, SHA-256 {found}", path.display(), HumanBytes(file.metadata()?.len())));
        Ok(())
    }

    fn part(&self) -> PathBuf {
        self.path.with_file_name(format!("{}.part", self.name))
    }

    fn tag(&self) -> PathBuf {
        self.path.with_file_name(format!("{}.part.tag", self.name))
    }

    /// Removes what came.
    fn forget(&self) -> Result<()> {
        let _ = fs::remove_file(self.tag());
        let part = self.part();
        match fs::remove_file(&part) {
            // Another process has made the archive of it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.with_context(|| part.display().to_string()),
        }
    }

    /// Asks until all has come.
    fn fetch(&self, file: &mut File, bar: &ProgressBar) -> Result<()> {
        let agent = Agent::new_with_config(
            Agent::config_builder()
                .http_status_as_error(false)
                .timeout_connect(Some(SILENCE))
                .timeout_recv_response(Some(SILENCE))
                .timeout_per_read(Some(SILENCE))
                .user_agent(concat!("msr/", env!("CARGO_PKG_VERSION")))
                .build(),
        );
        let (mut silent, mut tries) = (0, 0);
        loop {
            let before = file.metadata()?.len();
            let reason = match self.ask(&agent, file, bar)? {
                Came::All => return Ok(()),
                Came::Part(reason) => reason,
            };
            let more = file.metadata()?.len() > before;
            (silent, tries) = (if more { 0 } else { silent + 1 }, tries + 1);
            if silent == TRIES || tries == MOST_TRIES {
                bail!(
                    "{}: {reason}; what came is kept, and the same command goes on from there. --url names another \
                     address, --from archives that you have",
                    self.url
                );
            }
            sleep(WAIT * 2u32.pow(silent));
        }
    }

    /// Asks once, for what is missing, and adds what comes.
    fn ask(&self, agent: &Agent, file: &mut File, bar: &ProgressBar) -> Result<Came> {
        let tag = fs::read_to_string(self.tag()).ok().filter(|tag| !tag.is_empty());
        // Without its tag nobody knows what the part is of.
        let have = if tag.is_some() { file.metadata()?.len() } else { 0 };
        let mut request = agent.get(self.url).header("Accept-Encoding", "identity");
        if let Some(tag) = tag.as_ref().filter(|_| have > 0) {
            request = request.header("Range", format!("bytes={have}-")).header("If-Range", tag);
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(ureq::Error::BadUri(problem)) => bail!("`{}` is no address ({problem})", self.url),
            Err(error) => return Ok(Came::Part(error.to_string())),
        };
        let (status, headers) = (response.status().as_u16(), response.headers());
        let now = version(headers);
        let is_other = have > 0 && now.is_some() && now != tag;
        let total = match (status, range(headers)) {
            (200 | 206 | 416, _) if is_other => return self.changed(),
            (200, _) => {
                // All of it: the first time, or from a server that knows no parts.
                file.set_len(0)?;
                msr_files::write_atomic(self.tag(), now.unwrap_or_default().as_bytes())?;
                response.body().content_length()
            }
            (206, Some((Some(start), total))) if start == have => Some(total),
            // There is nothing after what came.
            (416, Some((None, total))) if total == have => return Ok(Came::All),
            (206 | 416, _) => return self.changed(),
            (404 | 410, _) => bail!(
                "{} is not there (status {status}); name another address with --url, or the archives with --from",
                self.url
            ),
            (408 | 429 | 500.., _) => return Ok(Came::Part(format!("the server says {status}"))),
            _ => bail!(
                "{}: the server says {status}; name another address with --url, or the archives with --from",
                self.url
            ),
        };
        ensure!(
            total.is_none_or(|total| total <= MOST_BYTES),
            "{} has more than {} bytes, and is not what it should be",
            self.url,
            MOST_BYTES
        );
        bar.set_length(total.unwrap_or(0));
        self.add(file, response.into_body().into_reader(), total, bar)
    }

    /// Adds what a connection brings to the part.
    fn add(
        &self,
        file: &mut File,
        mut from: impl Read,
        total: Option<u64>,
        bar: &ProgressBar,
    ) -> Result<Came> {
        let in_part = || self.part().display().to_string();
        let mut have = file.seek(SeekFrom::End(0)).with_context(in_part)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            bar.set_position(have);
            let count = match from.read(&mut buffer) {
                Ok(0) if total.is_none_or(|total| have == total) => return Ok(Came::All),
                Ok(0) => return Ok(Came::Part(format!("the connection ended after {have} bytes"))),
                Ok(count) => count,
                Err(error) => return Ok(Came::Part(error.to_string())),
            };
            have += count as u64;
            ensure!(have <= total.unwrap_or(MOST_BYTES), "{} sends more bytes than it said", self.url);
            file.write_all(&buffer[..count]).with_context(in_part)?;
        }
    }

    fn changed(&self) -> Result<Came> {
        bail!(
            "the file at {} is another one than when its download began; remove {}, and it begins anew",
            self.url,
            self.part().display()
        )
    }
}

/// What tells one version of a file from another: its strong entity tag, or its date.
fn version(headers: &HeaderMap) -> Option<String> {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string);
    of("etag").filter(|tag| !tag.starts_with("W/")).or_else(|| of("last-modified"))
}

/// Where a part begins (nowhere, when there is none), and how long the whole is.
fn range(headers: &HeaderMap) -> Option<(Option<u64>, u64)> {
    let text = headers.get("content-range")?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let total = total.parse().ok()?;
    match range.split_once('-') {
        Some((start, _)) => Some((Some(start.parse().ok()?), total)),
        None => Some((None, total)),
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| path.display().to_string())
}

/// The SHA-256 of all that is in a file.
fn digest(file: &mut File) -> Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hash.update(&buffer[..count]),
        }
    }
}
