//! What the values of a column are.

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::schema::types::ColumnDescriptor;

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Booleans, signed integers and floats, as they are stored.
    Plain,
    /// Integers that are stored as if they had a sign.
    Unsigned,
    /// Half-precision floats.
    Half,
    /// Integers to be divided by ten to this power; of any stored type.
    Decimal(u32),
    /// Text in UTF-8.
    Text,
}

/// What the values mean; in words, when they are neither numbers nor text.
pub(super) fn meaning(column: &ColumnDescriptor) -> Result<Meaning, String> {
    let stored = column.physical_type();
    match column.logical_type_ref() {
        Some(LogicalType::Float16) if column.type_length() == 2 => return Ok(Meaning::Half),
        Some(LogicalType::Uuid) => return Err("identifiers (UUID)".into()),
        Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)) => {
            return Err("dates or times".into());
        }
        _ => {}
    }
    match column.converted_type() {
        ConvertedType::DECIMAL => {
            let scale = u32::try_from(column.type_scale()).ok().filter(|&scale| scale <= 76);
            let decimal = scale.map(Meaning::Decimal);
            return decimal.ok_or_else(|| format!("decimal numbers of scale {}", column.type_scale()));
        }
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
            return Ok(Meaning::Unsigned);
        }
        ConvertedType::DATE
        | ConvertedType::TIME_MILLIS
        | ConvertedType::TIME_MICROS
        | ConvertedType::TIMESTAMP_MILLIS
        | ConvertedType::TIMESTAMP_MICROS
        | ConvertedType::INTERVAL => return Err("dates or times".into()),
        ConvertedType::BSON => return Err("documents (BSON)".into()),
        _ => {}
    }
    match stored {
        Type::BOOLEAN | Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE => Ok(Meaning::Plain),
        Type::BYTE_ARRAY => Ok(Meaning::Text),
        Type::INT96 => Err("dates or times".into()),
        Type::FIXED_LEN_BYTE_ARRAY => Err(format!("raw bytes, {} of them each", column.type_length())),
    }
}

/// A half-precision number, exactly. Source: IEEE 754, binary16.
pub(super) fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + mantissa) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The integer in big-endian bytes with a sign, unless it has more than 128 bits.
pub(super) fn big_endian(bytes: &[u8]) -> Option<i128> {
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let fill = if is_negative { 0xff } else { 0 };
    let extra = bytes.len().saturating_sub(16);
    let (over, low) = bytes.split_at(extra);
    if over.iter().any(|&byte| byte != fill) {
        return None;
    }
    let number =
        low.iter().fold(if is_negative { -1i128 } else { 0 }, |all, &byte| all << 8 | i128::from(byte));
    ((number < 0) == is_negative).then_some(number)
}

/// An integer over ten to a power, as a text.
pub(super) fn decimal(number: i128, scale: u32) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale as usize + 1);
    let (whole, rest) = digits.split_at(digits.len() - scale as usize);
    let sign = if number < 0 { "-" } else { "" };
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::{big_endian, decimal, half};

    #[test]
    fn halves_are_those_of_the_standard() {
        let found = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00].map(half);
        assert_eq!(found, [1.0, -2.0, 2f64.powi(-24), 65504.0, 0.0, f64::INFINITY]);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn decimals_are_exact_texts() {
        assert_eq!(big_endian(&[0xff, 0x85]), Some(-123));
        assert_eq!(big_endian(&[0; 40]), Some(0));
        assert_eq!(big_endian(&[0xff; 40]), Some(-1));
        assert_eq!(big_endian(&[1; 17]), None);
        assert_eq!(big_endian(&[&[0][..], &[0x80][..], &[0; 15][..]].concat()), None, "2 to the 127");
        assert_eq!(
            (decimal(-123, 2), decimal(5, 3), decimal(7, 0)),
            ("-1.23".into(), "0.005".into(), "7".into())
        );
    }
}
