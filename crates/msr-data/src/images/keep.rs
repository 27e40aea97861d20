//! The file that keeps images, `NAME.msr-images`:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `MSRIMAGE` |
//! | 4 | the version, little-endian |
//! | 4 | N, the length of the description, little-endian |
//! | N | the description: JSON with names, groups, counts, shape, and what was read |
//! | … | the pixels, image after image, as they are or deflated (RFC 1951), as is said before |
//! | 32 | the SHA-256 of all bytes before |
//!
//! The same images, read from files of the same names, give the same bytes.

use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use msr_files::AtomicFile;
use sha2::{Digest, Sha256};

use super::error::ImageError;
use super::{Description, ImageClasses, Stored};
use crate::error::{Error, Result};

/// How the file begins.
const MAGIC: &[u8; 8] = b"MSRIMAGE";
/// The version of the format.
pub(super) const VERSION: u32 = 1;
/// The bytes before the description, and of the digest.
const HEAD: usize = 16;
const DIGEST: usize = 32;
/// Pieces of the pixels that are deflated to see whether all should be, and their bytes:
/// photographs hardly shrink, and take long to be read.
const PIECES: usize = 16;
const PIECE: usize = 1 << 16;

/// A file of images that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of all that comes before it in the file, which is its last 32 bytes.
    pub digest: String,
}

impl ImageClasses {
    /// Writes all images to one file, which [`ImageClasses::load`] reads quickly. It is written
    /// whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::File`] when the path is none for a file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Saved> {
        let path = path.as_ref();
        let io = |reason| Error::Io { path: path.into(), reason };
        let stored = if self.shrinks().map_err(io)? { Stored::Deflate } else { Stored::Plain };
        let about = Description { stored, ..self.about.clone() };
        let description = serde_json::to_vec(&about).map_err(|e| io(e.into()))?;
        let length = u32::try_from(description.len()).map_err(|_| io(io::ErrorKind::FileTooLarge.into()))?;
        let file = AtomicFile::create(path).map_err(|e| Error::file(path, e))?;
        let mut out = Hashed { inner: file, hash: Sha256::new(), bytes: 0 };
        let write = |out: &mut Hashed<AtomicFile>| {
            out.write_all(MAGIC)?;
            out.write_all(&VERSION.to_le_bytes())?;
            out.write_all(&length.to_le_bytes())?;
            out.write_all(&description)?;
            match stored {
                Stored::Plain => out.write_all(&self.pixels),
                Stored::Deflate => {
                    let mut deflated = DeflateEncoder::new(out, Compression::default());
                    deflated.write_all(&self.pixels)?;
                    deflated.finish().map(|_| ())
                }
            }
        };
        write(&mut out).map_err(io)?;
        let digest = out.hash.clone().finalize();
        out.write_all(&digest).map_err(io)?;
        let bytes = out.bytes;
        out.inner.commit().map_err(|e| Error::file(path, e))?;
        Ok(Saved { bytes, digest: hex(&digest) })
    }

    /// Reads a file that [`ImageClasses::save`] has written.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`]; [`Error::Images`] with [`ImageError::NotKept`],
    /// [`ImageError::Version`] or [`ImageError::Damaged`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = msr_files::read(path).map_err(|e| Error::file(path, e))?;
        Self::from_bytes(bytes).map_err(|e| Error::images(path, e))
    }

    /// The images in the bytes of such a file.
    ///
    /// # Errors
    /// As [`ImageClasses::load`].
    pub fn from_bytes(mut bytes: Vec<u8>) -> std::result::Result<Self, ImageError> {
        let damaged = |reason: &str| ImageError::Damaged { reason: reason.into() };
        if !bytes.starts_with(MAGIC) {
            return Err(ImageError::NotKept);
        }
        let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let (Some(version), Some(length)) = (number(8), number(12)) else {
            return Err(damaged("it ends too early"));
        };
        if version != VERSION {
            return Err(ImageError::Version { version });
        }
        let Some(end) = bytes.len().checked_sub(DIGEST) else { return Err(damaged("it ends too early")) };
        let digest = Sha256::digest(&bytes[..end]);
        if digest[..] != bytes[end..] {
            return Err(damaged("its SHA-256 is not the one that it ends with"));
        }
        let start = HEAD.saturating_add(length as usize);
        let about = bytes.get(HEAD..start).filter(|_| start <= end);
        let about: Description = about
            .and_then(|json| serde_json::from_slice(json).ok())
            .ok_or_else(|| damaged("its description cannot be understood"))?;
        let expected = about.bytes().ok_or_else(|| damaged("its description says what cannot be"))?;
        let pixels = match about.stored {
            Stored::Plain => {
                bytes.truncate(end);
                bytes.drain(..start);
                bytes
            }
            Stored::Deflate => {
                // Room is made as bytes come, and not for what a description claims.
                let mut pixels = Vec::new();
                let limit = (expected as u64).saturating_add(1);
                let read = DeflateDecoder::new(&bytes[start..end]).take(limit).read_to_end(&mut pixels);
                read.map_err(|e| ImageError::Damaged { reason: e.to_string() })?;
                pixels
            }
        };
        Self::new(about, pixels, Some(hex(&digest)))
    }

    /// Whether deflating makes the pixels less than half as many.
    fn shrinks(&self) -> io::Result<bool> {
        let (mut deflated, mut count) = (DeflateEncoder::new(Vec::new(), Compression::fast()), 0);
        for piece in self.pixels.chunks(self.pixels.len().div_ceil(PIECES).max(1)) {
            let piece = &piece[..piece.len().min(PIECE)];
            deflated.write_all(piece)?;
            count += piece.len();
        }
        Ok(deflated.finish()?.len() < count / 2)
    }
}

pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What writes, and hashes what it has written.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
