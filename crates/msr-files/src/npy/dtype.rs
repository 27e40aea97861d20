//! numpy's types.

use super::literal::Literal;
use crate::element::{Element, Encoding};

/// What the elements of an array are.
pub(super) enum Dtype {
    Numbers(Encoding),
    /// In words.
    Other(String),
}

/// The type that a header names; on failure, why it is none.
pub(super) fn read(descr: &Literal) -> Result<Dtype, String> {
    match descr {
        Literal::Text(name) => Ok(named(name)),
        Literal::List(fields) => Ok(Dtype::Other(format!("records with fields {}", field_names(fields)))),
        Literal::Dict(_) => Ok(Dtype::Other("records".into())),
        Literal::Tuple(_) => Ok(Dtype::Other("subarrays".into())),
        _ => Err("'descr' is no type".into()),
    }
}

fn named(name: &str) -> Dtype {
    let (big_endian, rest) = match name.split_at_checked(1) {
        Some((">", rest)) => (true, rest),
        Some(("<" | "|", rest)) => (false, rest),
        // The order of the machine that reads, as in numpy.
        Some(("=", rest)) => (cfg!(target_endian = "big"), rest),
        _ => (cfg!(target_endian = "big"), name),
    };
    let element = match rest {
        "f2" | "e" | "float16" => Element::F16,
        "f4" | "f" | "float32" => Element::F32,
        "f8" | "d" | "float64" => Element::F64,
        "i1" | "int8" => Element::I8,
        "i2" | "int16" => Element::I16,
        "i4" | "int32" => Element::I32,
        "i8" | "int64" => Element::I64,
        "u1" | "uint8" => Element::U8,
        "u2" | "uint16" => Element::U16,
        "u4" | "uint32" => Element::U32,
        "u8" | "uint64" => Element::U64,
        "b1" | "?" | "bool" => Element::Bool,
        other => return Dtype::Other(other_type(name, other)),
    };
    Dtype::Numbers(Encoding { element, big_endian: big_endian && element.size() > 1 })
}

/// What a type is that holds no plain numbers.
fn other_type(name: &str, code: &str) -> String {
    let kind = match code.chars().next() {
        Some('O') => "Python objects",
        Some('U' | 'S' | 'a') => "texts",
        Some('c') => "complex numbers",
        Some('M' | 'm') => "times",
        Some('V') => "raw bytes or records",
        _ => return format!("of the type {}", quoted(name)),
    };
    format!("{kind} ({})", quoted(name))
}

fn quoted(name: &str) -> String {
    let shown: String = name.chars().take(40).collect();
    format!("'{}'", shown.escape_debug())
}

fn field_names(fields: &[Literal]) -> String {
    const MOST: usize = 8;
    let name = |field: &Literal| match field {
        Literal::Tuple(parts) => match parts.first() {
            Some(Literal::Text(name)) => name.chars().take(40).collect(),
            Some(Literal::Tuple(titled)) => match titled.last() {
                Some(Literal::Text(name)) => name.chars().take(40).collect(),
                _ => "?".to_string(),
            },
            _ => "?".to_string(),
        },
        _ => "?".to_string(),
    };
    let mut names = fields.iter().take(MOST).map(name).collect::<Vec<_>>().join(", ");
    if fields.len() > MOST {
        names.push_str(", …");
    }
    names
}
