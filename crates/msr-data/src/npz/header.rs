//! The header of an `.npy` member: magic, version, and a Python dictionary with three keys.
//!
//! Own code rather than a crate: the readers at hand multiply the dimensions of a hostile header
//! without checking for overflow, and allocate before they compare with the bytes that are there.
//! Source: the numpy documentation, "NPY format", versions 1 to 3.

use std::io::Read;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longer headers than this are no plain arrays.
const LONGEST: usize = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
}

impl Header {
    /// Reads a header and counts its bytes; on failure, says what is wrong with it.
    pub(super) fn read(reader: &mut impl Read) -> Result<(Self, u64), String> {
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
        let mut text = vec![0u8; length];
        reader.read_exact(&mut text).map_err(ended)?;
        let text = String::from_utf8(text).map_err(|_| "the header is no text".to_string())?;
        match Self::parse(&text) {
            Some(header) => Ok((header, (start.len() + size + length) as u64)),
            None => Err(format!("the header {:?} is not understood", text.trim_end())),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let at = text.find(&format!("'{key}':"))?;
            Some(text[at + key.len() + 3..].trim_start())
        };
        let descr = value("descr")?.strip_prefix('\'')?.split_once('\'')?.0.to_string();
        let fortran_order = match value("fortran_order")? {
            v if v.starts_with("False") => false,
            v if v.starts_with("True") => true,
            _ => return None,
        };
        let (dims, _) = value("shape")?.strip_prefix('(')?.split_once(')')?;
        let shape = dims
            .split(',')
            .map(str::trim)
            .filter(|d| !d.is_empty())
            .map(|d| d.parse().ok())
            .collect::<Option<Vec<u64>>>()?;
        Some(Self { descr, fortran_order, shape })
    }

    /// The header of a C-ordered little-endian `float32` array, as numpy writes it: padded so that
    /// the data starts at a multiple of 64 bytes.
    pub(super) fn for_f32(shape: &[usize]) -> Vec<u8> {
        let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
        let dims = if shape.len() == 1 { dims.trim_end() } else { dims.trim_end_matches(", ") };
        let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({dims}), }}");
        let unpadded = MAGIC.len() + 4 + text.len() + 1;
        text.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
        text.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    /// The number of elements, unless it overflows.
    pub(super) fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d))
    }
}

#[cfg(test)]
mod tests {
    use super::Header;

    #[test]
    fn what_is_written_is_read() {
        for shape in [&[][..], &[7], &[2, 3, 1, 70]] {
            let bytes = Header::for_f32(shape);
            assert_eq!(bytes.len() % 64, 0);
            let read = Header::read(&mut bytes.as_slice());
            let shape = shape.iter().map(|&d| d as u64).collect();
            let header = Header { descr: "<f4".into(), fortran_order: false, shape };
            assert_eq!(read, Ok((header, bytes.len() as u64)));
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let with = |text: &str| {
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text.as_bytes());
            Header::read(&mut bytes.as_slice())
        };
        assert!(with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, -1), }").is_err());
        assert!(with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }").is_err());
        assert!(with("{'descr': '<f4', 'shape': (3,), }").is_err());
        assert!(with("").is_err());
        assert!(Header::read(&mut &b"PK\x03\x04"[..]).is_err());
        assert!(Header::read(&mut &b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..]).is_err());
        let huge = with("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }");
        assert_eq!(huge.map(|(h, _)| h.elements()), Ok(None));
    }
}
