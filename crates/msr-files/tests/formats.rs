//! Files of numpy's, read to the last number; and those that are not read, called by their names.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{Cursor, Write};
use std::path::Path;

use msr_files::{Arrays, Error, read};

fn golden(name: &str) -> Vec<u8> {
    read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)).unwrap()
}

/// Every type of number, in both byte orders and both orders of dimensions, compressed or not.
#[test]
fn every_type_and_order_of_numpy_is_read() {
    let numbers: Vec<f64> = (0..24).map(f64::from).collect();
    let odd: Vec<f64> = (0..24).map(|i| f64::from(i % 2)).collect();
    for name in ["types.npz", "compressed.npz"] {
        let bytes = golden(name);
        let mut arrays = Arrays::from_bytes(&bytes).unwrap();
        let list = arrays.list().unwrap();
        assert_eq!(list.len(), 48);
        for array in list {
            assert_eq!(array.shape, [2, 3, 4], "{}", array.name);
            let expected = if array.name.starts_with("b1") { &odd } else { &numbers };
            assert_eq!(&arrays.numbers(&array.name).unwrap(), expected, "{}", array.name);
        }
    }
    for version in 1..=3 {
        let bytes = golden(&format!("version{version}.npy"));
        assert_eq!(Arrays::from_bytes(&bytes).unwrap().numbers("array").unwrap(), numbers);
    }
}

/// What is whole but not read is called by its name, and keeps nothing else from being read.
#[test]
fn arrays_that_are_not_read_are_named_and_keep_no_other_from_being_read() {
    let bytes = golden("others.npz");
    let mut arrays = Arrays::from_bytes(&bytes).unwrap();
    assert_eq!(arrays.numbers("fine").unwrap().len(), 24);
    for (name, words) in [
        ("records", "records with fields a, b"),
        ("texts", "texts"),
        ("complex", "complex numbers"),
        ("times", "times"),
        ("objects", "Python objects"),
    ] {
        let problem = arrays.numbers(name).unwrap_err();
        assert!(matches!(problem, Error::Unsupported { .. }), "{problem:?}");
        assert!(problem.to_string().contains(words), "{problem}");
    }
    for name in ["bzip2", "lzma"] {
        let bytes = golden(&format!("{name}.npz"));
        let mut arrays = Arrays::from_bytes(&bytes).unwrap();
        let message = arrays.numbers("x").unwrap_err().to_string();
        assert!(
            message.contains(&format!("compressed with {name}")) && !message.contains("damaged"),
            "{message}"
        );
        assert_eq!(arrays.numbers("y").unwrap().len(), 24);
    }
}

/// Some kilobytes that unpack to many megabytes, and numbers that become eight times as large, are
/// refused before they are unpacked.
#[test]
fn small_files_of_huge_arrays_are_not_unpacked() {
    let count = 40 << 20;
    let header = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': (2, {}), }}\n", count / 2);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
    let deflated = options.compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("x.npy", deflated).unwrap();
    archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    archive.write_all(&vec![0; count]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let mut arrays = Arrays::from_bytes(&bytes).unwrap();
    assert_eq!(arrays.list().unwrap()[0].shape, [2, count / 2]);
    let problem = arrays.numbers("x").unwrap_err();
    assert!(matches!(problem, Error::Unsupported { .. }), "{problem}");
    assert!(problem.to_string().contains("more than 100 times"), "{problem}");
}
