//! The values of a column of a row group, as numbers or as texts.

use std::collections::HashMap;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};

use super::meaning::{Meaning, big_endian, decimal, half};

/// Values are decoded in parts of no more than this.
const PART: usize = 1 << 16;
/// The largest integer up to which `f64` has every one.
const WHOLE: u64 = 1 << 53;

/// What is wanted of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Numbers,
    Texts,
}

/// What is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// Row by row, as many for each as the column has.
    Numbers(Vec<f64>),
    /// For each row, which of the texts.
    Texts(Vec<u32>, Vec<String>),
}

/// What keeps values from being read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    /// The file contradicts itself.
    Damaged(String),
    /// In this row of the row group there is something else than was expected.
    Value { row: usize, found: String, expected: String },
}

/// Levels of a column: where values are missing, and where lists end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub rows: usize,
    /// So many values a row.
    pub width: usize,
    pub most_definition: i16,
    pub is_repeated: bool,
}

/// A value as it is stored.
trait Stored: Clone {
    /// As a number, or what is there and what was expected.
    fn number(&self, meaning: Meaning) -> Result<f64, (String, &'static str)>;
    fn text(&self, meaning: Meaning) -> Result<String, (String, &'static str)>;
}

const EXACT: &str = "an integer of at most 53 bits, which double precision holds exactly";
const FINITE: &str = "a finite number; remove the row";
const A_NUMBER: &str = "a number; leave the column out, or write numbers for its texts";

fn float(value: f64) -> Result<f64, (String, &'static str)> {
    if value.is_finite() { Ok(value) } else { Err((format!("{value}"), FINITE)) }
}

fn integer(value: i128, meaning: Meaning) -> Result<f64, (String, &'static str)> {
    match meaning {
        // The nearest number, as of the digits in a text.
        Meaning::Decimal(scale) => {
            let text = decimal(value, scale);
            text.parse().map_err(|_| (text, A_NUMBER)).and_then(float)
        }
        _ if value.unsigned_abs() <= WHOLE.into() => Ok(value as f64),
        _ => Err((format!("{value}"), EXACT)),
    }
}

macro_rules! integers {
    ($signed:ty, $unsigned:ty) => {
        impl Stored for $signed {
            fn number(&self, meaning: Meaning) -> Result<f64, (String, &'static str)> {
                let value = if meaning == Meaning::Unsigned {
                    i128::from(*self as $unsigned)
                } else {
                    i128::from(*self)
                };
                integer(value, meaning)
            }
            fn text(&self, meaning: Meaning) -> Result<String, (String, &'static str)> {
                Ok(match meaning {
                    Meaning::Unsigned => (*self as $unsigned).to_string(),
                    Meaning::Decimal(scale) => decimal((*self).into(), scale),
                    _ => self.to_string(),
                })
            }
        }
    };
}
integers!(i32, u32);
integers!(i64, u64);

macro_rules! floats {
    ($float:ty) => {
        impl Stored for $float {
            fn number(&self, _: Meaning) -> Result<f64, (String, &'static str)> {
                float((*self).into())
            }
            fn text(&self, meaning: Meaning) -> Result<String, (String, &'static str)> {
                self.number(meaning).map(|_| self.to_string())
            }
        }
    };
}
floats!(f32);
floats!(f64);

impl Stored for bool {
    fn number(&self, _: Meaning) -> Result<f64, (String, &'static str)> {
        Ok(f64::from(u8::from(*self)))
    }
    fn text(&self, _: Meaning) -> Result<String, (String, &'static str)> {
        Ok(self.to_string())
    }
}

/// Bytes are texts, decimals or halves.
fn bytes_as_number(bytes: &[u8], meaning: Meaning) -> Result<f64, (String, &'static str)> {
    match (meaning, bytes) {
        (Meaning::Decimal(_), _) => match big_endian(bytes) {
            Some(value) => integer(value, meaning),
            None => Err(("a decimal of more than 128 bits".into(), "a smaller number")),
        },
        (Meaning::Half, &[low, high]) => float(half(u16::from_le_bytes([low, high]))),
        _ => Err((format!("`{}`", super::brief(&String::from_utf8_lossy(bytes))), A_NUMBER)),
    }
}

fn bytes_as_text(bytes: &[u8], meaning: Meaning) -> Result<String, (String, &'static str)> {
    match meaning {
        Meaning::Text => String::from_utf8(bytes.to_vec()).map_err(|_| {
            let shown = super::brief(&String::from_utf8_lossy(bytes));
            (format!("`{shown}`"), "text in UTF-8; write the column as strings")
        }),
        Meaning::Decimal(scale) => match big_endian(bytes) {
            Some(value) => Ok(decimal(value, scale)),
            None => Err(("a decimal of more than 128 bits".into(), "a smaller number")),
        },
        _ => bytes_as_number(bytes, meaning).map(|value| value.to_string()),
    }
}

impl Stored for ByteArray {
    fn number(&self, meaning: Meaning) -> Result<f64, (String, &'static str)> {
        bytes_as_number(self.data(), meaning)
    }
    fn text(&self, meaning: Meaning) -> Result<String, (String, &'static str)> {
        bytes_as_text(self.data(), meaning)
    }
}

impl Stored for FixedLenByteArray {
    fn number(&self, meaning: Meaning) -> Result<f64, (String, &'static str)> {
        bytes_as_number(self.data(), meaning)
    }
    fn text(&self, meaning: Meaning) -> Result<String, (String, &'static str)> {
        bytes_as_text(self.data(), meaning)
    }
}

/// All values of a column.
pub(super) fn read(
    reader: ColumnReader,
    meaning: Meaning,
    wanted: Wanted,
    shape: Shape,
) -> Result<Values, Problem> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::Int32ColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::Int64ColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::FloatColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::DoubleColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::ByteArrayColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => column(reader, meaning, wanted, shape),
        ColumnReader::Int96ColumnReader(_) => Err(Problem::Damaged("a column of dates".into())),
    }
}

fn column<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    meaning: Meaning,
    wanted: Wanted,
    shape: Shape,
) -> Result<Values, Problem>
where
    T::T: Stored,
{
    let mut numbers = Vec::new();
    let (mut ids, mut texts, mut by_text) = (Vec::new(), Vec::new(), HashMap::new());
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let part = (PART / shape.width.max(1)).max(1);
    let mut row = 0;
    while row < shape.rows {
        definitions.clear();
        repetitions.clear();
        values.clear();
        let most = part.min(shape.rows - row);
        let (records, ..) = reader
            .read_records(most, Some(&mut definitions), Some(&mut repetitions), &mut values)
            .map_err(|e| Problem::Damaged(e.to_string()))?;
        if records == 0 || records > most {
            return Err(Problem::Damaged(format!("{row} rows of {} are there", shape.rows)));
        }
        let missing = |at: usize| Problem::Value {
            row: row + at / shape.width.max(1),
            found: "nothing (null)".into(),
            expected: "a value; fill in or remove rows with missing values".into(),
        };
        if shape.is_repeated {
            lists(&repetitions, row, records, shape.width)?;
        }
        // Where no level can be, there are none.
        if let Some(at) = definitions.iter().position(|&level| level < shape.most_definition) {
            return Err(missing(at));
        }
        if values.len() != records.saturating_mul(shape.width) {
            return Err(Problem::Damaged(format!("{} values for {records} rows", values.len())));
        }
        for (at, value) in values.iter().enumerate() {
            let odd = |(found, expected): (String, &str)| Problem::Value {
                row: row + at / shape.width.max(1),
                found,
                expected: expected.into(),
            };
            match wanted {
                Wanted::Numbers => numbers.push(value.number(meaning).map_err(odd)?),
                Wanted::Texts => {
                    let text = value.text(meaning).map_err(odd)?;
                    ids.push(*by_text.entry(text).or_insert_with_key(|text: &String| {
                        texts.push(text.clone());
                        (texts.len() - 1) as u32
                    }));
                }
            }
        }
        row += records;
    }
    Ok(match wanted {
        Wanted::Numbers => Values::Numbers(numbers),
        Wanted::Texts => Values::Texts(ids, texts),
    })
}

/// Refuses lists that are not all of one length.
fn lists(repetitions: &[i16], row: usize, records: usize, width: usize) -> Result<(), Problem> {
    let mut starts = repetitions.iter().enumerate().filter(|(_, level)| **level == 0).map(|(at, _)| at);
    let mut from = starts.next();
    for record in 0..records {
        let next = starts.next();
        let Some(begin) = from else {
            return Err(Problem::Damaged("rows of lists without a beginning".into()));
        };
        let length = next.unwrap_or(repetitions.len()) - begin;
        if length != width {
            return Err(Problem::Value {
                row: row + record,
                found: format!("a list of {length} values, or an empty one"),
                expected: format!("{width} values, as in the other rows"),
            });
        }
        from = next;
    }
    Ok(())
}
