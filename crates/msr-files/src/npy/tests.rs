//! Headers as numpy and others write them, and as an attacker does.

use super::{Header, npy_header};
use crate::element::{Element, Encoding};
use crate::error::Result;

fn with(text: &str) -> Result<Header> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    Header::read("x", &mut bytes.as_slice()).map(|(header, _)| header)
}

#[test]
fn what_is_written_is_read() {
    for shape in [&[][..], &[7], &[2, 3, 1, 70]] {
        let bytes = npy_header("<f4", shape);
        assert_eq!(bytes.len() % 64, 0);
        let (header, length) = Header::read("x", &mut bytes.as_slice()).unwrap();
        let shape: Vec<u64> = shape.iter().map(|&d| d as u64).collect();
        assert_eq!((header.shape(), length), (&shape[..], bytes.len() as u64));
        assert_eq!(header.encoding("x").unwrap(), Encoding::little(Element::F32));
    }
}

/// Headers that numpy reads, one for each way in which they differ from those it writes.
#[test]
fn headers_that_numpy_reads_are_read() {
    let little = Encoding::little(Element::F32);
    for text in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, 1, 5), }",
        r#"{"descr": "<f4", "fortran_order": False, "shape": (3, 4, 1, 5)}"#,
        "{'descr' : '<f4' , 'fortran_order' : False, 'shape' : ( 3,4 , 1,5,) }  \n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L, 1L, 5L), }",
        "{u'descr': u'<f4', u'fortran_order': False, u'shape': (3, 4, 1, 5), }",
        "{'shape': (3, 4, 1, 5), 'fortran_order': False, 'descr': '=f4'}",
        "{'shape': (3, 4, 1, 5), 'fortran_order': False, 'descr': 'f4'}",
        "{'shape': (3, 4, 1, 5), 'fortran_order': False, 'descr': 'float32'}",
        "{'desc\\x72': '<f4', 'fortran_order': False, 'shape': (0x3, 4, 0b1, 0o5)}",
    ] {
        let header = with(text).unwrap();
        assert_eq!((header.shape(), header.encoding("x").unwrap()), (&[3, 4, 1, 5][..], little), "{text}");
    }
    for (descr, element, big_endian) in [
        (">f8", Element::F64, true),
        ("<f2", Element::F16, false),
        ("|b1", Element::Bool, false),
        ("?", Element::Bool, false),
        ("|u1", Element::U8, false),
        (">i2", Element::I16, true),
        ("<i8", Element::I64, false),
    ] {
        let header = with(&format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': (), }}")).unwrap();
        assert_eq!(header.encoding("x").unwrap(), Encoding { element, big_endian });
        assert!(header.fortran_order() && header.elements() == Some(1));
    }
}

/// What is no array of numbers is called by its name, not damaged.
#[test]
fn other_types_are_named() {
    for (descr, words) in [
        ("[('a', '<f4'), ('b', '<i4', (2,))]", "records with fields a, b"),
        ("('<f4', (3,))", "subarrays"),
        ("'|O'", "Python objects"),
        ("'<U7'", "texts"),
        ("'|S3'", "texts"),
        ("'<c8'", "complex numbers"),
        ("'<M8[ns]'", "times"),
        ("'|V16'", "raw bytes"),
        ("'<f16'", "'<f16'"),
    ] {
        let header = with(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (3,), }}")).unwrap();
        let message = header.encoding("x").unwrap_err().to_string();
        assert!(message.contains(words) && !message.contains("damaged"), "{message}");
    }
}

#[test]
fn hostile_headers_are_refused() {
    let deep = format!("{{'descr': {}", "(".repeat(20_000));
    for text in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -1), }",
        "{'descr': '<f4', 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } + 1",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3",
        "{'descr': '<f4\\",
        "{'descr': 7, 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999999999999999999999,), }",
        "['descr']",
        "",
        &deep,
    ] {
        let message = with(text).unwrap_err().to_string();
        assert!(message.contains("damaged") && message.len() < 500, "{text:.100}: {message}");
    }
    let read = |bytes: &[u8]| Header::read("x", &mut &bytes[..]);
    assert!(read(b"PK\x03\x04").is_err());
    assert!(read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").is_err());
    let huge =
        with("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }").unwrap();
    assert_eq!(huge.elements(), None);
}
