//! An array of a file whose first dimension counts tasks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

use msr_files::{Entry, Npz};

use crate::error::{Error, Result};

/// Compressed arrays that take more bytes than this in memory are refused: they could only be read
/// as a whole.
const COMPRESSED: u64 = 4 << 30;

/// The numbers of all tasks.
#[derive(Debug)]
pub(super) struct Array {
    entry: Entry,
    data: Data,
}

/// Where the numbers are.
#[derive(Debug)]
enum Data {
    Memory(Vec<f32>),
    /// In the file, from this byte on.
    File(u64),
}

/// The numbers of which an array is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Numbers,
    /// Classes, counted from zero.
    Labels,
}

/// The file of a problem.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    /// Whether arrays can be read from the file later.
    pub(super) stays: bool,
    /// Arrays that would take more bytes than this in memory do.
    pub(super) in_memory: u64,
}

/// The bytes that an array takes in memory: as it is stored, or once it is what tasks are made of,
/// whichever is more.
fn memory(entry: &Entry) -> u64 {
    let count = entry.bytes / entry.encoding.element.size() as u64;
    entry.bytes.max(count.saturating_mul(size_of::<f32>() as u64))
}

impl Array {
    /// Reads an array, or where it is, when it is large. Its numbers are checked when they are
    /// read.
    pub(super) fn read<R: Read + Seek>(
        npz: &mut Npz<R>,
        entry: Entry,
        kind: Kind,
        source: &Source<'_>,
    ) -> Result<Self> {
        let Source { path, stays, in_memory } = *source;
        let unsupported = |problem: String| {
            Error::file(path, msr_files::Error::Unsupported { array: entry.name.clone(), problem })
        };
        let memory = memory(&entry);
        let large = memory > in_memory && stays;
        if let (true, Some(start)) = (large, entry.start) {
            if entry.fortran_order {
                return Err(unsupported(
                    "it is in Fortran order and too large for memory, so that no task lies in one piece; convert it with \
                     numpy.ascontiguousarray"
                        .into(),
                ));
            }
            return Ok(Self { entry, data: Data::File(start) });
        }
        let most = COMPRESSED.max(in_memory);
        if memory > most {
            return Err(unsupported(format!(
                "{memory} bytes of numbers that are compressed can only be read as a whole, which is too much; write the \
                 file with numpy.savez, without compression"
            )));
        }
        let (entry, bytes) = npz.read(&entry.name, most).map_err(|e| Error::file(path, e))?;
        let data = entry.to_f32(&bytes).map_err(|e| Error::file(path, e))?;
        let array = Self { data: Data::Memory(Vec::new()), entry };
        for (task, numbers) in data.chunks_exact(array.per_task().max(1)).enumerate() {
            array.check(path, kind, task, numbers)?;
        }
        Ok(Self { data: Data::Memory(data), ..array })
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.entry.shape
    }

    /// The numbers of one task.
    pub(super) fn per_task(&self) -> usize {
        self.entry.shape[1..].iter().product()
    }

    /// The first numbers of a task, as many as `out` has.
    pub(super) fn copy(
        &self,
        path: &Path,
        file: Option<&Mutex<File>>,
        (task, kind): (usize, Kind),
        out: &mut [f32],
    ) -> Result<()> {
        let first = task * self.per_task();
        match (&self.data, file) {
            (Data::Memory(data), _) => out.copy_from_slice(&data[first..first + out.len()]),
            (Data::File(start), Some(file)) => {
                let size = self.entry.encoding.element.size();
                let mut bytes = vec![0u8; out.len() * size];
                let io = |reason| Error::Io { path: path.into(), reason };
                {
                    // A thread that panicked while reading leaves nothing half-done but the
                    // position.
                    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    file.seek(SeekFrom::Start(start + (size * first) as u64)).map_err(io)?;
                    file.read_exact(&mut bytes).map_err(io)?;
                }
                self.entry.fill_f32(&bytes, out).map_err(|e| Error::file(path, e))?;
                self.check(path, kind, task, out)?;
            }
            (Data::File(_), None) => {
                let reason = std::io::Error::other("the file is no longer open");
                return Err(Error::Io { path: path.into(), reason });
            }
        }
        Ok(())
    }

    /// Refuses NaN and infinity in the entry of a task, and labels that are none.
    fn check(&self, path: &Path, kind: Kind, task: usize, numbers: &[f32]) -> Result<()> {
        let (path, array) = (path.to_path_buf(), self.entry.name.clone());
        if let Some(index) = numbers.iter().position(|v| !v.is_finite()) {
            return Err(Error::NotFinite { path, array, task, index, value: numbers[index] });
        }
        let is_class = |v: &f32| *v >= 0.0 && v.fract() == 0.0;
        match numbers.iter().position(|v| kind == Kind::Labels && !is_class(v)) {
            Some(index) => Err(Error::Label { path, array, task, index, value: numbers[index] }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use msr_files::{Element, Encoding};

    use super::*;

    /// A byte becomes four: it is what the numbers take once they are read that counts.
    #[test]
    fn arrays_are_as_large_as_what_they_become() -> Result<()> {
        let path = Path::new("file.npz");
        let empty = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        let mut npz = Npz::open(Cursor::new(empty)).map_err(|e| Error::file(path, e))?;
        for (element, start, in_memory, bytes) in [
            (Element::U8, None, 0, (1 << 30) + 4),
            (Element::F16, None, 0, (2 << 30) + 4),
            (Element::F64, None, 0, (4 << 30) + 8),
            (Element::U8, Some(100), 1000, 252),
            (Element::F32, Some(100), 1000, 1004),
        ] {
            let encoding = Encoding { element, big_endian: false };
            let shape = vec![2, bytes as usize / 2 / element.size()];
            let entry = Entry { name: "x".into(), encoding, shape, fortran_order: false, start, bytes };
            let source = Source { path, stays: start.is_some(), in_memory };
            let found = Array::read(&mut npz, entry, Kind::Numbers, &source);
            match start {
                Some(_) => assert!(matches!(found?.data, Data::File(100)), "{element:?}"),
                None => assert!(
                    found.is_err_and(|e| e.to_string().contains("numbers that are compressed")),
                    "{element:?}"
                ),
            }
        }
        Ok(())
    }
}
