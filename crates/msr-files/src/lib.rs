//! Files: how all of this workspace writes them, and how numbers are read from the formats of
//! others.
//!
//! - [`write_atomic`], [`write_new`], [`AtomicFile`]: a file is the old one or the new one,
//!   whenever the machine stops; nothing but a regular file is ever replaced.
//! - [`read`]: the bytes of a file, and a refusal of what has no end.
//! - [`Arrays`]: the arrays of an `.npy`, `.npz` or safetensors file, one at a time and whatever
//!   the others are; [`Npz`], the same from a reader, for files that do not fit into memory.
//! - [`printable`]: names out of files, without what a terminal would take for commands.
//! - [`Element`], [`Encoding`]: the types of numbers, and what they are as `f64`, `f32` or labels.
//!
//! Everything that reads takes bytes of any origin: it returns a value or an [`Error`], and ends.
//! It allocates in proportion to the bytes that are there (a compressed array of more than 32 MiB
//! is at most a hundred times what it was compressed to, and each number becomes up to eight
//! bytes, twice where it has to be put in order), and never for what a header only claims.
//!
//! # Example
//! ```
//! use msr_files::Arrays;
//!
//! # fn main() -> msr_files::Result<()> {
//! let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }";
//! let mut file = b"\x93NUMPY\x01\x00".to_vec();
//! file.extend((header.len() as u16).to_le_bytes());
//! file.extend(header.bytes());
//! file.extend([0, 1, 0, 2, 0, 3, 0, 4]);
//! let mut arrays = Arrays::from_bytes(&file)?;
//! let array = arrays.list()?.remove(0);
//! assert_eq!(array.shape, [2, 2]);
//! assert_eq!(arrays.numbers(&array.name)?, [1.0, 3.0, 2.0, 4.0]);
//! # Ok(())
//! # }
//! ```

mod arrays;
mod atomic;
mod element;
mod error;
mod npy;
mod npz;
mod place;
mod tensors;
mod text;

pub use arrays::{Array, Arrays};
pub use atomic::{AtomicFile, is_temporary, write_atomic, write_new};
pub use element::{Element, Encoding};
pub use error::{Error, Result};
pub use npy::{Header, npy_header};
pub use npz::{Entry, Npz};
pub use place::{open_to_write, read};
pub use text::{acts_on_terminal, printable, printable_json, printable_lines};
