//! The arrays of a file, whatever its format.

use std::io::Cursor;

use safetensors::SafeTensors;

use crate::element::Element;
use crate::error::{Error, Result};
use crate::npy::{Header, MAGIC};
use crate::npz::{Npz, entry};
use crate::tensors;

/// The most numbers of an array that are read at once: a gigabyte of them as `f64`.
const MOST: usize = 1 << 27;
/// How the array of an `.npy` file is called, which has no name.
const ONLY: &str = "array";
/// How a zip archive begins, and one without entries.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The arrays in the bytes of an `.npy`, `.npz` or safetensors file, each read when it is asked
/// for.
#[derive(Debug)]
pub struct Arrays<'a>(Format<'a>);

#[derive(Debug)]
enum Format<'a> {
    Npy(&'a [u8]),
    Npz(Box<Npz<Cursor<&'a [u8]>>>),
    Tensors(SafeTensors<'a>),
}

/// What an array is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Its name; that of an `.npy` file's only one is `array`.
    pub name: String,
    /// The sizes of its dimensions; none where its header cannot be read.
    pub shape: Vec<usize>,
    /// The type of its numbers, when they can be read.
    pub element: Option<Element>,
}

impl<'a> Arrays<'a> {
    /// Looks at how the bytes begin, and reads what there is as that format says.
    ///
    /// # Errors
    /// [`Error::Format`] when they are of none of the formats. An array that is damaged keeps no
    /// other from being read.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self> {
        if bytes.starts_with(MAGIC) {
            Ok(Self(Format::Npy(bytes)))
        } else if ZIP.iter().any(|magic| bytes.starts_with(magic)) {
            Ok(Self(Format::Npz(Box::new(Npz::open(Cursor::new(bytes))?))))
        } else {
            let none = |e| match e {
                Error::Format { problem } => {
                    Error::format(format!("{problem}; no .npy and no .npz file either"))
                }
                other => other,
            };
            Ok(Self(Format::Tensors(tensors::open(bytes).map_err(none)?)))
        }
    }

    /// All arrays, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`] for an `.npy` file whose header cannot be read.
    pub fn list(&mut self) -> Result<Vec<Array>> {
        let mut found = match &mut self.0 {
            Format::Npy(bytes) => {
                let (header, _) = Header::read(ONLY, &mut &bytes[..])?;
                let shape = header.shape.iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect();
                let element = header.encoding.ok().map(|encoding| encoding.element);
                vec![Array { name: ONLY.into(), shape, element }]
            }
            Format::Npz(npz) => {
                let names = npz.names();
                let array = |name: String| match npz.entry(&name) {
                    Ok(entry) => Array { name, shape: entry.shape, element: Some(entry.encoding.element) },
                    Err(_) => Array { name, shape: Vec::new(), element: None },
                };
                names.into_iter().map(array).collect()
            }
            Format::Tensors(tensors) => tensors
                .iter()
                .map(|(name, view)| Array {
                    name: name.into(),
                    shape: view.shape().to_vec(),
                    element: tensors::element(view.dtype()),
                })
                .collect::<Vec<_>>(),
        };
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The numbers of an array, each exactly, the last index fastest.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Unsupported`] for other elements than floats, integers and
    /// booleans, and for more than 2²⁷ of them; [`Error::Inexact`] for an integer that no `f64`
    /// holds; [`Error::Damaged`].
    pub fn numbers(&mut self, name: &str) -> Result<Vec<f64>> {
        let most = |count: usize| {
            let problem = format!("its {count} numbers are more than the {MOST} that are read at once");
            if count > MOST { Err(Error::unsupported(name, problem)) } else { Ok(()) }
        };
        match &mut self.0 {
            Format::Npy(_) if name != ONLY => {
                Err(Error::Missing { array: name.into(), found: vec![ONLY.into()] })
            }
            Format::Npy(bytes) => {
                let mut data = *bytes;
                let (header, header_bytes) = Header::read(name, &mut data)?;
                let entry = entry(name, &header, data.len() as u64, Some(header_bytes))?;
                most(data.len() / entry.encoding.element.size())?;
                entry.to_f64(data)
            }
            Format::Npz(npz) => {
                let size = npz.entry(name)?.encoding.element.size();
                let (entry, bytes) = npz.read(name, (size * MOST) as u64)?;
                entry.to_f64(&bytes)
            }
            Format::Tensors(tensors) => {
                if let Ok(view) = tensors.tensor(name) {
                    most(view.shape().iter().product())?;
                }
                tensors::numbers(tensors, name)
            }
        }
    }
}
