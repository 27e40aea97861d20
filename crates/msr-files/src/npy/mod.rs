//! The header of an `.npy` array: magic, version, and a Python dictionary with three keys.
//!
//! Own code rather than a crate: the readers at hand multiply the dimensions of a hostile header
//! without checking for overflow, and allocate before they compare with the bytes that are there.
//! Source: the numpy documentation, "NPY format", versions 1 to 3.

mod dtype;
mod literal;

use std::io::Read;

use self::dtype::Dtype;
use self::literal::Literal;
use crate::element::Encoding;
use crate::error::{Error, Result};

pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longer headers than this are no plain arrays.
const LONGEST: usize = 1 << 16;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the numbers lie, or the type in words where it is none that is read here.
    pub(crate) encoding: std::result::Result<Encoding, String>,
    /// Whether the first index runs fastest.
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<u64>,
}

impl Header {
    /// Reads the header of `array` and counts its bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`], which says what is wrong with it.
    pub fn read(array: &str, reader: &mut impl Read) -> Result<(Self, u64)> {
        read(reader).map_err(|problem| Error::damaged(array, problem))
    }

    /// How the numbers lie.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for records, texts, objects, times and complex numbers.
    pub fn encoding(&self, array: &str) -> Result<Encoding> {
        self.encoding.clone().map_err(|what| {
            Error::unsupported(
                array,
                format!("its elements are {what}; floats, integers and booleans are read, convert it with array.astype"),
            )
        })
    }

    /// The sizes of its dimensions.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Whether the first index runs fastest, and not the last.
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// The number of elements, unless it is more than a `u64`.
    pub fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d))
    }
}

fn read(reader: &mut impl Read) -> std::result::Result<(Header, u64), String> {
    let ended = |_| "the header ends too early".to_string();
    let mut start = [0u8; 8];
    reader.read_exact(&mut start).map_err(ended)?;
    if &start[..6] != MAGIC {
        return Err("it does not start with the .npy magic".into());
    }
    let (size, length) = match start[6] {
        1 => {
            let mut bytes = [0u8; 2];
            reader.read_exact(&mut bytes).map_err(ended)?;
            (2, usize::from(u16::from_le_bytes(bytes)))
        }
        2 | 3 => {
            let mut bytes = [0u8; 4];
            reader.read_exact(&mut bytes).map_err(ended)?;
            (4, u32::from_le_bytes(bytes) as usize)
        }
        version => return Err(format!("unknown .npy version {version}")),
    };
    if length > LONGEST {
        return Err(format!("the header claims {length} bytes"));
    }
    let mut bytes = vec![0u8; length];
    reader.read_exact(&mut bytes).map_err(ended)?;
    // Versions 1 and 2 are Latin-1, version 3 is UTF-8; the keys and numbers are the same in both.
    let text =
        String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().iter().map(|&b| char::from(b)).collect());
    let header = parse(&text)
        .map_err(|problem| format!("the header {:?} is not understood: {problem}", shortened(&text)))?;
    Ok((header, (start.len() + size + length) as u64))
}

/// What a message shows of a header.
fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    let text = text.trim_end();
    let shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() { shown + "…" } else { shown }
}

fn parse(text: &str) -> std::result::Result<Header, String> {
    let Literal::Dict(entries) = literal::parse(text)? else { return Err("it is no dictionary".into()) };
    // Of two entries with one key the last one counts, as in Python.
    let get = |key: &str| {
        let found = entries.iter().rev().find(|(k, _)| matches!(k, Literal::Text(k) if k == key));
        found.map(|(_, value)| value).ok_or_else(|| format!("there is no '{key}'"))
    };
    let fortran_order = match get("fortran_order")? {
        Literal::Bool(order) => *order,
        _ => return Err("'fortran_order' is neither True nor False".into()),
    };
    let Literal::Tuple(sizes) = get("shape")? else { return Err("'shape' is no tuple".into()) };
    let size = |size: &Literal| match size {
        Literal::Integer(size) => u64::try_from(*size).map_err(|_| format!("a dimension of {size}")),
        _ => Err("a dimension is no integer".to_string()),
    };
    let shape = sizes.iter().map(size).collect::<std::result::Result<_, _>>()?;
    let encoding = match dtype::read(get("descr")?)? {
        Dtype::Numbers(encoding) => Ok(encoding),
        Dtype::Other(what) => Err(what),
    };
    Ok(Header { encoding, fortran_order, shape })
}

/// The header of a little-endian array in C order, as numpy writes it: padded so that the data
/// starts at a multiple of 64 bytes. `descr` is a type as numpy calls it: `<f4`, `<i8`.
pub fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let dims = if shape.len() == 1 { dims.trim_end() } else { dims.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    text.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests;
