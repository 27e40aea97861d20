//! The types of numbers in files, and what they are as the numbers that are wanted.

/// The largest integers up to which `f64` and `f32` have every integer.
const WHOLE_F64: i128 = 1 << 53;
const WHOLE_F32: i128 = 1 << 24;

/// The type of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Element {
    /// A byte: zero is false, all others are true.
    Bool,
    /// Signed integers of 8 bits.
    I8,
    /// Signed integers of 16 bits.
    I16,
    /// Signed integers of 32 bits.
    I32,
    /// Signed integers of 64 bits.
    I64,
    /// Unsigned integers of 8 bits.
    U8,
    /// Unsigned integers of 16 bits.
    U16,
    /// Unsigned integers of 32 bits.
    U32,
    /// Unsigned integers of 64 bits.
    U64,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of a single-precision number.
    Bf16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// One byte with 4 bits of exponent: no infinity, one NaN of each sign. Source: Micikevicius
    /// and others, "FP8 formats for deep learning" (2022).
    F8E4M3,
    /// One byte with 5 bits of exponent, as IEEE 754 would have it.
    F8E5M2,
}

/// How numbers lie in the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// Their type.
    pub element: Element,
    /// Whether the first byte is the most significant one.
    pub big_endian: bool,
}

/// A number that the wanted type does not have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfit {
    pub(crate) index: usize,
    pub(crate) value: String,
    pub(crate) wanted: &'static str,
}

impl Element {
    /// The number of bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 | Self::F8E4M3 | Self::F8E5M2 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether these are integers or booleans.
    pub fn is_integer(self) -> bool {
        !matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64 | Self::F8E4M3 | Self::F8E5M2)
    }
}

/// A number as it lies in a file.
enum Number {
    Integer(i128),
    Float(f64),
}

impl Encoding {
    /// Little-endian numbers.
    pub fn little(element: Element) -> Self {
        Self { element, big_endian: false }
    }

    /// The number in these bytes, of which there are as many as the type has; the value is exact.
    fn number(self, bytes: &[u8]) -> Number {
        let mut raw = [0; 8];
        let size = self.element.size().min(bytes.len());
        raw[..size].copy_from_slice(&bytes[..size]);
        if self.big_endian {
            raw[..size].reverse();
        }
        let bits = u64::from_le_bytes(raw);
        match self.element {
            Element::Bool => Number::Integer(i128::from(bits != 0)),
            Element::I8 => Number::Integer((bits as i8).into()),
            Element::I16 => Number::Integer((bits as i16).into()),
            Element::I32 => Number::Integer((bits as i32).into()),
            Element::I64 => Number::Integer((bits as i64).into()),
            Element::U8 | Element::U16 | Element::U32 | Element::U64 => Number::Integer(bits.into()),
            Element::F32 => Number::Float(f32::from_bits(bits as u32).into()),
            Element::Bf16 => Number::Float(f32::from_bits((bits as u32) << 16).into()),
            Element::F64 => Number::Float(f64::from_bits(bits)),
            Element::F16 => Number::Float(small_float(bits as u32, 5, 10)),
            Element::F8E5M2 => Number::Float(small_float(bits as u32, 5, 2)),
            // All ones is its only NaN; what would be infinite elsewhere is a number here.
            Element::F8E4M3 if bits & 0x7f == 0x7f => Number::Float(f64::NAN),
            Element::F8E4M3 => Number::Float(small_finite(bits as u32, 4, 3)),
        }
    }

    fn numbers(self, bytes: &[u8]) -> impl Iterator<Item = (usize, Number)> {
        bytes.chunks_exact(self.element.size()).map(move |bytes| self.number(bytes)).enumerate()
    }

    /// The numbers as `f64`, all of them exactly.
    pub(crate) fn to_f64(self, bytes: &[u8]) -> Result<Vec<f64>, Unfit> {
        let exact = |(index, number)| match number {
            Number::Float(x) => Ok(x),
            Number::Integer(i) if i.abs() <= WHOLE_F64 => Ok(i as f64),
            Number::Integer(i) => Err(unfit(index, i, "no f64 holds exactly")),
        };
        self.numbers(bytes).map(exact).collect()
    }

    /// Writes the numbers to `out`, of which there are as many, as `f32`: floating-point numbers
    /// are rounded to the nearest, integers are exact.
    pub(crate) fn fill_f32(self, bytes: &[u8], out: &mut [f32]) -> Result<(), Unfit> {
        if self == Self::little(Element::F32) {
            let (chunks, _) = bytes.as_chunks::<4>();
            out.iter_mut().zip(chunks).for_each(|(x, &b)| *x = f32::from_le_bytes(b));
            return Ok(());
        }
        for ((index, number), out) in self.numbers(bytes).zip(out) {
            *out = match number {
                Number::Float(x) if x.is_finite() && !(x as f32).is_finite() => {
                    return Err(unfit(index, x, "is too large for a float32"));
                }
                Number::Float(x) => x as f32,
                Number::Integer(i) if i.abs() <= WHOLE_F32 => i as f32,
                Number::Integer(i) => return Err(unfit(index, i, "no float32 holds exactly")),
            };
        }
        Ok(())
    }
}

fn unfit(index: usize, value: impl ToString, wanted: &'static str) -> Unfit {
    Unfit { index, value: value.to_string(), wanted }
}

/// A binary floating-point number as IEEE 754 has them.
fn small_float(bits: u32, exponent_bits: u32, mantissa_bits: u32) -> f64 {
    let exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    if exponent + 1 < 1 << exponent_bits {
        return small_finite(bits, exponent_bits, mantissa_bits);
    }
    let size = if bits & ((1 << mantissa_bits) - 1) == 0 { f64::INFINITY } else { f64::NAN };
    if bits >> (exponent_bits + mantissa_bits) & 1 == 1 { -size } else { size }
}

/// The same where the largest exponent is one as any other.
fn small_finite(bits: u32, exponent_bits: u32, mantissa_bits: u32) -> f64 {
    let mantissa = f64::from(bits & ((1 << mantissa_bits) - 1));
    let exponent = ((bits >> mantissa_bits) & ((1 << exponent_bits) - 1)) as i32;
    let bias = (1 << (exponent_bits - 1)) - 1;
    let steps = f64::from(1u32 << mantissa_bits);
    let size = if exponent == 0 {
        mantissa / steps * 2f64.powi(1 - bias)
    } else {
        (1.0 + mantissa / steps) * 2f64.powi(exponent - bias)
    };
    if bits >> (exponent_bits + mantissa_bits) & 1 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::{Element, Encoding};

    fn f64s(element: Element, bytes: &[u8]) -> Vec<f64> {
        Encoding::little(element).to_f64(bytes).unwrap()
    }

    /// Values from the tables of the formats: smallest, largest, one, infinity.
    #[test]
    fn small_floats_are_those_of_their_tables() {
        let halves: Vec<u8> = [0x3c00u16, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000]
            .iter()
            .flat_map(|h| h.to_le_bytes())
            .collect();
        assert_eq!(f64s(Element::F16, &halves), [1.0, -2.0, 2f64.powi(-24), 65504.0, f64::INFINITY, 0.0]);
        assert_eq!(
            f64s(Element::F8E4M3, &[0x38, 0x7e, 0x01, 0x08, 0xb8]),
            [1.0, 448.0, 2f64.powi(-9), 2f64.powi(-6), -1.0]
        );
        assert_eq!(
            f64s(Element::F8E5M2, &[0x3c, 0x7b, 0x01, 0xfc]),
            [1.0, 57344.0, 2f64.powi(-16), f64::NEG_INFINITY]
        );
        assert_eq!(f64s(Element::Bf16, &[0x80, 0x3f, 0x80, 0xff]), [1.0, f64::NEG_INFINITY]);
        for nan in [f64s(Element::F8E4M3, &[0x7f, 0xff]), f64s(Element::F8E5M2, &[0x7d, 0x7f])] {
            assert!(nan.iter().all(|x| x.is_nan()));
        }
    }

    /// Every integer is exact or refused.
    #[test]
    fn integers_are_exact_or_refused() {
        let big = |x: i64| Encoding { element: Element::I64, big_endian: true }.to_f64(&x.to_be_bytes());
        assert_eq!(big(-(1 << 53)), Ok(vec![-(2f64.powi(53))]));
        assert!(big((1 << 53) + 1).unwrap_err().value == "9007199254740993");
        let mut out = [0f32];
        let words = Encoding::little(Element::U32);
        assert!(words.fill_f32(&(1u32 << 24).to_le_bytes(), &mut out).is_ok() && out == [16_777_216.0]);
        assert!(words.fill_f32(&((1u32 << 24) + 1).to_le_bytes(), &mut out).is_err());
        let doubles = Encoding::little(Element::F64);
        assert!(doubles.fill_f32(&1e39f64.to_le_bytes(), &mut out).is_err());
        assert!(doubles.fill_f32(&0.1f64.to_le_bytes(), &mut out).is_ok() && out == [0.1]);
        assert_eq!(f64s(Element::Bool, &[0, 1, 2]), [0.0, 1.0, 1.0]);
        assert_eq!(f64s(Element::I8, &[0xff]), [-1.0]);
    }
}
