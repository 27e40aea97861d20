//! Archives of arrays, as `numpy.savez` writes them.

use std::io::{Read, Seek, SeekFrom};

use zip::{CompressionMethod, ZipArchive};

use crate::element::Encoding;
use crate::error::{Error, Result};
use crate::npy::Header;

/// The arrays of an `.npz` file, compressed or not, one at a time: a damaged array keeps no other
/// from being read.
#[derive(Debug)]
pub struct Npz<R> {
    archive: ZipArchive<R>,
    /// The bytes of the file.
    length: u64,
}

/// An array of an archive, whose header was read and agrees with the bytes that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without `.npy`.
    pub name: String,
    /// How its numbers lie.
    pub encoding: Encoding,
    /// The sizes of its dimensions; their product is no more than `usize` holds.
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest, and not the last.
    pub fortran_order: bool,
    /// Where its numbers start in the file, when they are not compressed.
    pub start: Option<u64>,
    /// The bytes of its numbers.
    pub bytes: u64,
}

const SUFFIX: &str = ".npy";
/// Compressed arrays of no more bytes than this are read whatever they were compressed to.
const SMALL: u64 = 32 << 20;
/// The most that a larger array may be of what it was compressed to: a file of nothing but zeros
/// reaches a thousand.
const RATIO: u64 = 100;

impl<R: Read + Seek> Npz<R> {
    /// Reads the list of what is in an archive.
    ///
    /// # Errors
    /// [`Error::Format`] when it is none, or a damaged one.
    pub fn open(mut reader: R) -> Result<Self> {
        let problem = |e| {
            Error::format(format!("this is not a readable .npz archive ({e}); write it with numpy.savez"))
        };
        let length = reader.seek(SeekFrom::End(0)).map_err(|e| problem(e.into()))?;
        Ok(Self { archive: ZipArchive::new(reader).map_err(problem)?, length })
    }

    /// The names of the arrays, in order.
    pub fn names(&self) -> Vec<String> {
        let name = |name: std::borrow::Cow<'_, str>| name.strip_suffix(SUFFIX).map(String::from);
        let mut names: Vec<String> = self.archive.file_names().flatten().filter_map(name).collect();
        names.sort();
        names
    }

    /// Whether there is such an array.
    pub fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(&format!("{name}{SUFFIX}")).is_some()
    }

    fn index(&self, name: &str) -> Result<usize> {
        let found = self.archive.index_for_name(&format!("{name}{SUFFIX}"));
        found.ok_or_else(|| Error::Missing { array: name.into(), found: self.names() })
    }

    /// Refuses methods of compression that are not read, by their names.
    fn is_readable(&mut self, index: usize, name: &str) -> Result<()> {
        let member = self.archive.by_index_raw(index).map_err(|e| Error::damaged(name, e.to_string()))?;
        let advice = "write the file with numpy.savez or numpy.savez_compressed";
        if member.encrypted() {
            return Err(Error::unsupported(name, format!("it is encrypted; {advice}")));
        }
        let method = match member.compression() {
            CompressionMethod::Stored | CompressionMethod::Deflated => return Ok(()),
            CompressionMethod::BZIP2 => "bzip2".to_string(),
            CompressionMethod::LZMA => "lzma".to_string(),
            CompressionMethod::XZ => "xz".to_string(),
            CompressionMethod::ZSTD => "zstd".to_string(),
            CompressionMethod::DEFLATE64 => "deflate64".to_string(),
            other => other.to_string(),
        };
        Err(Error::unsupported(name, format!("it is compressed with {method}, which is not read; {advice}")))
    }

    /// What an array is, without its numbers.
    ///
    /// # Errors
    /// [`Error::Missing`], which lists the arrays that there are; [`Error::Unsupported`] for
    /// elements and compressions that are not read; [`Error::Damaged`] when its header cannot be
    /// read or claims more than there is.
    pub fn entry(&mut self, name: &str) -> Result<Entry> {
        self.with(name, |_, entry, _| Ok(entry))
    }

    /// An array with the bytes of its numbers, of which there may be `most`.
    ///
    /// # Errors
    /// As [`Npz::entry`]; [`Error::Unsupported`] when there are more bytes, or more than 32 MiB and
    /// a hundred times what they were compressed to; [`Error::Damaged`] when there are fewer, or
    /// they do not match their checksum.
    pub fn read(&mut self, name: &str, most: u64) -> Result<(Entry, Vec<u8>)> {
        self.with(name, |member, entry, compressed| {
            let unsupported = |problem: String| Err(Error::unsupported(&entry.name, problem));
            if entry.bytes > most {
                return unsupported(format!(
                    "its {} bytes are more than the {most} that are read at once",
                    entry.bytes
                ));
            }
            if entry.bytes > SMALL.max(compressed.saturating_mul(RATIO)) {
                return unsupported(format!(
                    "its {} bytes are more than {RATIO} times the {compressed} to which they were compressed; write \
                     the file with numpy.savez, without compression",
                    entry.bytes
                ));
            }
            let damaged = |problem: String| Error::damaged(&entry.name, problem);
            let mut bytes = Vec::new();
            let read = member.take(entry.bytes).read_to_end(&mut bytes);
            read.map_err(|e| damaged(format!("the data cannot be read ({e})")))?;
            if bytes.len() as u64 != entry.bytes {
                return Err(damaged(format!("{} bytes of data instead of {}", bytes.len(), entry.bytes)));
            }
            // Reading past the end makes the archive reader verify its checksum.
            match member.read(&mut [0u8; 1]) {
                Ok(0) => Ok((entry, bytes)),
                Ok(_) => Err(damaged("there are more bytes than the shape accounts for".into())),
                Err(e) => Err(damaged(e.to_string())),
            }
        })
    }

    /// Opens an array and hands it on, with the bytes that it was compressed to, when its header
    /// agrees with the bytes that are there.
    fn with<T>(
        &mut self,
        name: &str,
        then: impl FnOnce(&mut dyn Read, Entry, u64) -> Result<T>,
    ) -> Result<T> {
        let index = self.index(name)?;
        self.is_readable(index, name)?;
        let damaged = |problem: String| Error::damaged(name, problem);
        let mut member = self.archive.by_index(index).map_err(|e| damaged(e.to_string()))?;
        let (header, header_bytes) = Header::read(name, &mut member)?;
        let available = member.size().saturating_sub(header_bytes);
        let stored = member.compression() == CompressionMethod::Stored;
        let start = member.data_start().filter(|_| stored).map(|start| start + header_bytes);
        let entry = entry(name, &header, available, start)?;
        // No more than there can be, whatever the archive says.
        let compressed = member.compressed_size().min(self.length);
        then(&mut member, entry, compressed)
    }
}

/// Checks a header against the bytes that come after it, before anything is allocated.
pub(crate) fn entry(name: &str, header: &Header, available: u64, start: Option<u64>) -> Result<Entry> {
    let encoding = header.encoding(name)?;
    let size = encoding.element.size() as u64;
    let bytes = header.elements().and_then(|n| n.checked_mul(size)).filter(|&bytes| bytes <= available);
    let shape: Option<Vec<usize>> = header.shape.iter().map(|&d| usize::try_from(d).ok()).collect();
    let (Some(bytes), Some(shape)) = (bytes, shape) else {
        return Err(Error::damaged(
            name,
            format!(
                "shape {:?} needs more than the {available} bytes that are there",
                shortened(&header.shape)
            ),
        ));
    };
    if bytes != available {
        return Err(Error::damaged(name, "there are more bytes than the shape accounts for"));
    }
    Ok(Entry { name: name.into(), encoding, shape, fortran_order: header.fortran_order, start, bytes })
}

/// What a message shows of a shape.
fn shortened(shape: &[u64]) -> &[u64] {
    &shape[..shape.len().min(8)]
}

impl Entry {
    /// The numbers in these bytes of the array as `f64`, each exactly, the last index fastest.
    ///
    /// # Errors
    /// [`Error::Inexact`] for an integer that no `f64` holds.
    pub fn to_f64(&self, bytes: &[u8]) -> Result<Vec<f64>> {
        let numbers = self.encoding.to_f64(bytes).map_err(|unfit| self.inexact(unfit))?;
        Ok(if self.fortran_order { c_order(numbers, &self.shape) } else { numbers })
    }

    /// The numbers in these bytes of the array as `f32`, the last index fastest: floats rounded to
    /// the nearest, integers exact.
    ///
    /// # Errors
    /// [`Error::Inexact`] for an integer that no `f32` holds, and a float that is too large.
    pub fn to_f32(&self, bytes: &[u8]) -> Result<Vec<f32>> {
        let mut numbers = vec![0f32; bytes.len() / self.encoding.element.size()];
        self.fill_f32(bytes, &mut numbers)?;
        Ok(if self.fortran_order { c_order(numbers, &self.shape) } else { numbers })
    }

    /// Writes the numbers in these bytes to `out` in the order in which they lie, as
    /// [`Entry::to_f32`]; for parts of an array.
    ///
    /// # Errors
    /// As [`Entry::to_f32`].
    pub fn fill_f32(&self, bytes: &[u8], out: &mut [f32]) -> Result<()> {
        self.encoding.fill_f32(bytes, out).map_err(|unfit| self.inexact(unfit))
    }

    fn inexact(&self, unfit: crate::element::Unfit) -> Error {
        let crate::element::Unfit { index, value, wanted } = unfit;
        Error::Inexact { array: self.name.clone(), index, value, wanted }
    }
}

/// The numbers of an array whose first index runs fastest, with the last index fastest.
fn c_order<T: Copy>(numbers: Vec<T>, shape: &[usize]) -> Vec<T> {
    if shape.len() < 2 || numbers.is_empty() {
        return numbers;
    }
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &size in shape {
        strides.push(stride);
        stride *= size;
    }
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let mut ordered = Vec::with_capacity(numbers.len());
    for _ in 0..numbers.len() {
        ordered.push(numbers[at]);
        // The next index: the last one that is not at its end goes up, those behind it go back.
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}
