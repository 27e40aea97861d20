//! Odd files and names: what readers must refuse or read, and never stumble over.

mod formats;
mod mutation;
mod texts;

pub use formats::{npy, safetensors, zip};
pub use mutation::mutated;
pub use texts::{ODD_TEXTS, VALID_TEXTS};

/// A file that a reader may be handed.
#[derive(Clone, Debug)]
pub struct OddFile {
    /// What is odd about it, and its format as the extension.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

const PLAIN: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 1), }";

/// Files that are whole: the beginning of every mutation.
pub fn whole_files() -> Vec<OddFile> {
    let floats: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let array = npy(PLAIN, &floats);
    let labels = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", &[0, 1, 1, 0]);
    let weights = r#"{"symmetry":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[32,34]}}"#;
    let named = r#"{"__metadata__":{"weight_shape":"2x2"},"symmetry":{"dtype":"F32","shape":[4,1],"data_offsets":[0,16]}}"#;
    vec![
        file("plain.npy", array.clone()),
        file("labels.npz", zip(&[("x.npy", 0, &array), ("y.npy", 0, &labels)])),
        file("values.npz", zip(&[("x.npy", 0, &array), ("y.npy", 0, &array), ("w.npy", 0, &array)])),
        file("bare.safetensors", safetensors(weights, &[0x3f; 34])),
        file("named.safetensors", safetensors(named, &floats)),
    ]
}

/// The list: one file for each way in which files have been odd. Some of them can be read.
pub fn odd_files() -> Vec<OddFile> {
    let mut files = arrays();
    files.extend(archives());
    files.extend(tensors());
    files
}

fn file(name: &'static str, bytes: Vec<u8>) -> OddFile {
    OddFile { name, bytes }
}

fn arrays() -> Vec<OddFile> {
    let of = |name, header: &str, data: &[u8]| file(name, npy(header, data));
    let deep = format!("{{'descr': {}", "(".repeat(60_000));
    vec![
        file("empty.npy", Vec::new()),
        file("magic-only.npy", b"\x93NUMPY".to_vec()),
        file("header-of-4-gigabytes.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec()),
        file("version-9.npy", b"\x93NUMPY\x09\x00\x01\x00{".to_vec()),
        of(
            "no-entries-but-a-huge-dimension.npy",
            "{'descr': '<f8', 'fortran_order': True, 'shape': (0, 18446744073709551615)}",
            &[],
        ),
        of(
            "a-huge-dimension-before-none.npy",
            "{'descr': '<f8', 'fortran_order': True, 'shape': (18446744073709551615, 2, 0)}",
            &[],
        ),
        of(
            "sizes-that-overflow.npy",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
            &[0; 8],
        ),
        of(
            "a-size-beyond-64-bits.npy",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            &[],
        ),
        of("a-negative-size.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", &[]),
        of("brackets.npy", &deep, &[]),
        of("an-open-quote.npy", "{'descr': '<f8", &[]),
        of("double-quotes.npy", "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (1, 1)}", &[0; 4]),
        of(
            "a-blank-before-the-colon.npy",
            "{'descr' : '<f4', 'fortran_order' : False, 'shape' : (1, 1)}",
            &[0; 4],
        ),
        of("long-integers.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 1L)}", &[0; 4]),
        of("unicode-keys.npy", "{u'descr': u'<f4', u'fortran_order': False, u'shape': (1, 1)}", &[0; 4]),
        of("native-order.npy", "{'descr': '=f4', 'fortran_order': False, 'shape': (1, 1)}", &[0; 4]),
        of(
            "records.npy",
            "{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,)}",
            &[0; 8],
        ),
        of(
            "objects.npy",
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
            b"\x80\x03cos\nsystem\n.",
        ),
        of("half-floats.npy", "{'descr': '>f2', 'fortran_order': False, 'shape': (1, 1)}", &[0x3c, 0]),
        of("a-large-integer.npy", "{'descr': '<u8', 'fortran_order': False, 'shape': (1, 1)}", &[0xff; 8]),
        of("too-few-bytes.npy", PLAIN, &[0; 3]),
        of("too-many-bytes.npy", PLAIN, &[0; 99]),
        of("no-dimensions.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", &[0; 4]),
        of("nan.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)}", &[0xff; 8]),
    ]
}

fn archives() -> Vec<OddFile> {
    let array = npy(PLAIN, &[0; 16]);
    let twice = zip(&[("x.npy", 0, &array), ("x.npy", 0, &array), ("y.npy", 0, &array)]);
    vec![
        file("nothing-inside.npz", zip(&[])),
        file("zip-magic-only.npz", b"PK\x03\x04".to_vec()),
        file("bzip2.npz", zip(&[("x.npy", 12, &array), ("y.npy", 0, &array)])),
        file("lzma.npz", zip(&[("x.npy", 14, &array), ("y.npy", 0, &array)])),
        file("a-method-that-nobody-has.npz", zip(&[("x.npy", 4711, &array), ("y.npy", 0, &array)])),
        file("not-really-deflated.npz", zip(&[("x.npy", 8, &array), ("y.npy", 8, &array)])),
        file("one-name-twice.npz", twice),
        file("names-that-climb-out.npz", zip(&[("../../x.npy", 0, &array), ("x\x1b[31m\n.npy", 0, &array)])),
        file("no-array-inside.npz", zip(&[("x.npy", 0, b"text"), ("y.npy", 0, b"")])),
        file("a-name-without-letters.npz", zip(&[("", 0, &array), (".npy", 0, &array)])),
    ]
}

fn tensors() -> Vec<OddFile> {
    let of = |name, header: &str, data: &[u8]| file(name, safetensors(header, data));
    let model = |sizes: &str| {
        format!(
            r#"{{"__metadata__":{{"msr.learned":"{{\"version\":1,\"model\":{{\"layer\":\"reparam_linear\",\"name\":\"\",{sizes}}},\"adapted\":[\"filter\"]}}"}},"w":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#
        )
    };
    vec![
        file("empty.safetensors", Vec::new()),
        file("a-header-of-all-bytes.safetensors", vec![0xff; 64]),
        of("no-json.safetensors", "{", &[]),
        of("brackets.safetensors", &"[".repeat(60_000), &[]),
        of("no-tensors.safetensors", "{}", &[]),
        of(
            "eight-bit-float.safetensors",
            r#"{"w":{"dtype":"F8_E4M3","shape":[1,1],"data_offsets":[0,1]}}"#,
            &[0],
        ),
        of(
            "an-eight-bit-symmetry.safetensors",
            r#"{"__metadata__":{"weight_shape":"1x1"},"symmetry":{"dtype":"F8_E4M3","shape":[1,1],"data_offsets":[0,1]}}"#,
            &[0],
        ),
        of("booleans.safetensors", r#"{"w":{"dtype":"BOOL","shape":[1,2],"data_offsets":[0,2]}}"#, &[1, 2]),
        of("complex.safetensors", r#"{"w":{"dtype":"C64","shape":[1,1],"data_offsets":[0,8]}}"#, &[0; 8]),
        of("four-bits.safetensors", r#"{"w":{"dtype":"F4","shape":[1,2],"data_offsets":[0,1]}}"#, &[0]),
        of(
            "no-entries-but-a-huge-dimension.safetensors",
            r#"{"w":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}"#,
            &[],
        ),
        of(
            "sizes-that-overflow.safetensors",
            r#"{"w":{"dtype":"F32","shape":[18446744073709551615,2,0],"data_offsets":[0,0]}}"#,
            &[],
        ),
        of(
            "offsets-that-cross.safetensors",
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            &[0; 3],
        ),
        of(
            "offsets-that-run-back.safetensors",
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#,
            &[0; 2],
        ),
        of(
            "a-name-with-escapes.safetensors",
            r#"{"w\u001b[31m\n\u009b":{"dtype":"U8","shape":[1,1],"data_offsets":[0,1]}}"#,
            &[1],
        ),
        of(
            "a-later-version.safetensors",
            r#"{"__metadata__":{"msr.learned":"{\"version\":4294967295}"}}"#,
            &[],
        ),
        of(
            "positions-that-overflow.safetensors",
            r#"{"__metadata__":{"weight_shape":"1x18446744073709551615"},"weight":{"dtype":"F32","shape":[1,1,1],"data_offsets":[0,4]}}"#,
            &[0; 4],
        ),
        of(
            "a-shape-that-is-none.safetensors",
            r#"{"__metadata__":{"weight_shape":"18446744073709551615x9x9x9"},"symmetry":{"dtype":"U8","shape":[1,1],"data_offsets":[0,1]}}"#,
            &[1],
        ),
        of(
            "a-model-of-2-to-the-60.safetensors",
            &model(
                r#"\"config\":{\"in_features\":1048576,\"out_features\":1048576,\"filter_params\":1048576,\"bias\":false,\"symmetry_std\":0.01,\"filter_std\":0.1}"#,
            ),
            &[0; 4],
        ),
        of(
            "a-model-of-2-to-the-64.safetensors",
            &model(
                r#"\"config\":{\"in_features\":18446744073709551615,\"out_features\":18446744073709551615,\"filter_params\":2,\"bias\":false,\"symmetry_std\":0.01,\"filter_std\":0.1}"#,
            ),
            &[0; 4],
        ),
    ]
}
