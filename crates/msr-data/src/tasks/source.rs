//! The bytes of a table in text: unpacked, without a byte-order mark, and never a row without end.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::error::{Result, TaskError};

/// The most bytes of a row.
pub(super) const LONGEST_ROW: u64 = 1 << 24;
/// So many bytes at the beginning say what a file is.
const START: u64 = 1 << 16;
const BOM: &[u8] = b"\xef\xbb\xbf";
const GZIP: &[u8] = b"\x1f\x8b";

/// What the reader of rows has taken, as it and its user see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// Bytes of the row, or a little more.
    row: Rc<Cell<u64>>,
    /// Double quotes, all told.
    quotes: Rc<Cell<u64>>,
    /// Bytes, all told.
    all: Rc<Cell<u64>>,
}

impl Taken {
    /// A row begins.
    pub fn next_row(&self) {
        self.row.set(0);
    }

    /// Whether a quote is open at the end of the file, if none stands for itself.
    pub fn is_quote_open(&self) -> bool {
        self.quotes.get() % 2 == 1
    }

    pub fn bytes(&self) -> u64 {
        self.all.get()
    }
}

/// A row of more than [`LONGEST_ROW`] bytes.
#[derive(Debug)]
pub(super) struct RowTooLong;

impl fmt::Display for RowTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row has more than {LONGEST_ROW} bytes")
    }
}

impl std::error::Error for RowTooLong {}

/// The text of a file.
pub(super) struct Source {
    inner: Box<dyn Read>,
    taken: Taken,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken.row.get() > LONGEST_ROW {
            return Err(io::Error::other(RowTooLong));
        }
        let count = self.inner.read(buffer)?;
        let add = |cell: &Cell<u64>, more: usize| cell.set(cell.get() + more as u64);
        let read = buffer.get(..count).unwrap_or_default();
        add(&self.taken.row, count);
        add(&self.taken.all, count);
        add(&self.taken.quotes, read.iter().filter(|&&byte| byte == b'"').count());
        Ok(count)
    }
}

/// Opens a text, and gives its first bytes beside it.
pub(super) fn open(path: &Path) -> Result<(Source, Taken, Vec<u8>)> {
    let mut file = BufReader::new(File::open(path).map_err(TaskError::io(path))?);
    let start = beginning(&mut file).map_err(TaskError::io(path))?;
    let is_named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let is_packed = start.starts_with(GZIP);
    if is_named && !is_packed {
        let problem = "its name ends in .gz, and it is not packed with gzip; rename it, or pack it again";
        return Err(TaskError::file(path, problem));
    }
    let whole = Cursor::new(start).chain(file);
    let mut text: Box<dyn Read> =
        if is_packed { Box::new(BufReader::new(MultiGzDecoder::new(whole))) } else { Box::new(whole) };
    let mut start = beginning(&mut text).map_err(|e| unreadable(path, &e))?;
    if start.starts_with(BOM) {
        start.drain(..BOM.len());
    }
    let taken = Taken::default();
    let inner = Box::new(Cursor::new(start.clone()).chain(text));
    Ok((Source { inner, taken: taken.clone() }, taken, start))
}

/// What keeps bytes from coming, or from being unpacked.
pub(super) fn unreadable(path: &Path, reason: &io::Error) -> TaskError {
    let problem = format!("it cannot be read to its end ({reason}); write, pack or download it again");
    TaskError::file(path, problem)
}

fn beginning(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.take(START).read_to_end(&mut start)?;
    Ok(start)
}

/// The line, from 1 on, of the first letter at this byte or behind it that ends no line; none when
/// the file cannot be read again.
pub(super) fn line_at(path: &Path, byte: u64) -> Option<u64> {
    let (source, ..) = open(path).ok()?;
    let (mut line, mut was_return) = (1, false);
    for (at, letter) in BufReader::new(source).bytes().enumerate() {
        let letter = letter.ok()?;
        if at as u64 >= byte && !matches!(letter, b'\r' | b'\n') {
            break;
        }
        // `\r\n` ends one line.
        line += u64::from(letter == b'\r' || letter == b'\n' && !was_return);
        was_return = letter == b'\r';
    }
    Some(line)
}
