//! Thrift's compact protocol, as far as the headers of pages need it.
//!
//! Source: the Thrift project, "Thrift Compact protocol encoding". The library that decodes pages
//! keeps its own reader of these to itself.

/// A value of a field; of those that no header of a page has, that they were there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Integer(i64),
    Struct(Fields),
    Other,
}

/// The fields of a struct by their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(Vec<(i64, Value)>);

impl Fields {
    fn get(&self, field: i64) -> Option<&Value> {
        self.0.iter().find(|(number, _)| *number == field).map(|(_, value)| value)
    }

    /// The integer in a field, when it is one that a `u32` or an `i32` holds and not negative.
    pub fn count(&self, field: i64) -> Option<usize> {
        match self.get(field) {
            Some(Value::Integer(value)) if *value <= i64::from(i32::MAX) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The same for one that may be negative.
    pub fn integer(&self, field: i64) -> Option<i64> {
        match self.get(field) {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn flag(&self, field: i64) -> Option<bool> {
        match self.get(field) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn fields(&self, field: i64) -> Option<&Fields> {
        match self.get(field) {
            Some(Value::Struct(fields)) => Some(fields),
            _ => None,
        }
    }
}

/// Structs and lists are nested no deeper.
const DEEPEST: usize = 16;
/// A struct has no more fields that count.
const MOST_FIELDS: usize = 64;

/// Reads the struct that bytes begin with, and how many of them it takes; none when they are none.
pub(super) fn read(bytes: &[u8]) -> Option<(Fields, usize)> {
    let mut reader = Reader { bytes, at: 0 };
    let fields = reader.fields(0)?;
    Some((fields, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        (end <= self.bytes.len()).then(|| self.at = end)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Signs are in the lowest bit.
    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn fields(&mut self, depth: usize) -> Option<Fields> {
        if depth > DEEPEST {
            return None;
        }
        let (mut fields, mut number) = (Vec::new(), 0i64);
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Some(Fields(fields));
            }
            number = match head >> 4 {
                0 => self.signed()?,
                step => number.checked_add(i64::from(step))?,
            };
            let value = match kind {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                kind => self.value(kind, depth)?,
            };
            if fields.len() == MOST_FIELDS {
                return None;
            }
            fields.push((number, value));
        }
    }

    /// A value that stands for itself, as in a list.
    fn value(&mut self, kind: u8, depth: usize) -> Option<Value> {
        match kind {
            1..=3 => self.skip(1)?,
            4..=6 => return Some(Value::Integer(self.signed()?)),
            7 => self.skip(8)?,
            8 => {
                let length = self.unsigned()?;
                self.skip(length)?;
            }
            9 | 10 => {
                let head = self.byte()?;
                let size = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
                self.values(size, &[head & 0x0f], depth)?;
            }
            11 => {
                let size = self.unsigned()?;
                if size > 0 {
                    let kinds = self.byte()?;
                    self.values(size, &[kinds >> 4, kinds & 0x0f], depth)?;
                }
            }
            12 => return Some(Value::Struct(self.fields(depth + 1)?)),
            _ => return None,
        }
        Some(Value::Other)
    }

    /// Each of them takes a byte at least, so that this ends.
    fn values(&mut self, size: u64, kinds: &[u8], depth: usize) -> Option<()> {
        if depth >= DEEPEST || size > (self.bytes.len() - self.at) as u64 {
            return None;
        }
        for _ in 0..size {
            for &kind in kinds {
                self.value(kind, depth + 1)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    /// By hand, from the description of the protocol.
    #[test]
    fn a_header_is_read() {
        // 1: i32 0; 2: i32 300; 5: struct { 1: i32 -1; 2: true; 3: binary "ab"; 4: two i32 }
        let bytes =
            [0x15, 0, 0x15, 0xd8, 0x04, 0x3c, 0x15, 1, 0x11, 0x18, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0, 0, 9];
        let (fields, size) = read(&bytes).unwrap();
        assert_eq!((size, fields.count(1), fields.count(2), fields.count(3)), (19, Some(0), Some(300), None));
        let inner = fields.fields(5).unwrap();
        assert_eq!((inner.integer(1), inner.count(1), inner.flag(2)), (Some(-1), None, Some(true)));
        for end in 0..18 {
            assert_eq!(read(&bytes[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn what_claims_too_much_is_none() {
        assert_eq!(read(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]), None, "a list of billions");
        assert_eq!(read(&[0x1c; 100]), None, "structs in structs");
        assert_eq!(read(&[0x19; 100]), None, "lists in lists");
        assert_eq!(read(&[0xff; 100]), None);
    }
}
