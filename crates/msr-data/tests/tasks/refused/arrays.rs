//! Files of arrays.

use msr_data::tasks::{TaskOptions, TasksFrom};

use super::{Case, case, from, plain, with};
use crate::make::{TWO_TASKS, array, counting, doubles, npz, safetensors};

pub fn arrays() -> Vec<Case> {
    let pair = |x: Vec<u8>, y: Vec<u8>| npz(&[("x", x), ("y", y)]);
    let good = || pair(counting(&[2, 3, 2]), counting(&[2, 3]));
    let bytes = |count: usize| vec![0u8; count];
    let mut nan = vec![0.5; 6];
    nan[4] = f64::NAN;
    let cut = |at: usize| good()[..at].to_vec();
    let cut_tensors =
        |at: usize| safetensors(&[("x", &[2, 2, 1], &[1.0; 4]), ("y", &[2, 2, 1], &[1.0; 4])])[..at].to_vec();
    let huge = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let claims = |shape: &str| pair(msr_testkit::npy(&huge(shape), &[]), counting(&[2, 3]));
    vec![
        case("empty", "t.npz", "", plain(), &["empty"]),
        case("cut within the first array", "t.npz", cut(100), plain(), &["not a readable .npz archive"]),
        case(
            "cut within the list",
            "t.npz",
            cut(good().len() - 30),
            plain(),
            &["not a readable .npz archive"],
        ),
        case("nothing inside", "t.npz", npz(&[]), plain(), &["there are none"]),
        case("a lone array", "t.npy", counting(&[2, 3]), plain(), &["it holds one array", "numpy.savez"]),
        case("cut tensors", "t.safetensors", cut_tensors(5), plain(), &["not a safetensors file"]),
        case("cut header of tensors", "t.safetensors", cut_tensors(40), plain(), &["not a safetensors file"]),
        case(
            "cut numbers of tensors",
            "t.safetensors",
            cut_tensors(180),
            plain(),
            &["not a safetensors file"],
        ),
        case(
            "texts",
            "t.npz",
            pair(array("<U1", &[2, 2], &bytes(16)), counting(&[2, 2])),
            plain(),
            &["texts", "astype"],
        ),
        case(
            "objects",
            "t.npz",
            pair(array("|O", &[2, 2], &bytes(16)), counting(&[2, 2])),
            plain(),
            &["Python objects"],
        ),
        case(
            "complex",
            "t.npz",
            pair(array("<c8", &[2, 2], &bytes(32)), counting(&[2, 2])),
            plain(),
            &["complex"],
        ),
        case(
            "no dimensions",
            "t.npz",
            pair(doubles(&[], &[1.0]), counting(&[2, 2])),
            plain(),
            &["array `x` is ()"],
        ),
        case(
            "no examples",
            "t.npz",
            pair(counting(&[2, 0, 3]), counting(&[2, 0])),
            plain(),
            &["holds no numbers"],
        ),
        case(
            "other counts",
            "t.npz",
            pair(counting(&[2, 3, 2]), counting(&[2, 4])),
            plain(),
            &["(2, 3, 2)", "same tasks and examples"],
        ),
        case(
            "one set of data",
            "t.npz",
            pair(counting(&[6, 2]), counting(&[6])),
            plain(),
            &["--tasks-from", "--task-column"],
        ),
        case(
            "y by another name",
            "t.npz",
            npz(&[("x", counting(&[2, 3, 2])), ("the targets", counting(&[2, 3])), ("time", counting(&[7]))]),
            plain(),
            &["none of its outputs, `y`", "if it holds them, add --y 'the targets'"],
        ),
        case("no y", "t.npz", npz(&[("x", counting(&[2, 2]))]), plain(), &["none of its outputs, `y`"]),
        case(
            "other names",
            "t.npz",
            npz(&[("in", counting(&[2, 2])), ("out", counting(&[2, 2]))]),
            plain(),
            &["there are in, out", "--x and --y"],
        ),
        case("a name that is missing", "t.npz", good(), with("pixels", "y", ""), &["`pixels`"]),
        case(
            "NaN",
            "t.npz",
            pair(counting(&[2, 3]), doubles(&[2, 3], &nan)),
            plain(),
            &["`y`", "[1,1] is NaN"],
        ),
        case(
            "an integer that is too large",
            "t.npz",
            pair(array("<u8", &[1, 2], &[255; 16]), counting(&[1, 2])),
            plain(),
            &["no f64 holds"],
        ),
        case(
            "ragged",
            "t.npz",
            npz(&[
                ("a/x", counting(&[2, 3])),
                ("a/y", counting(&[2])),
                ("b/x", counting(&[2, 4])),
                ("b/y", counting(&[2])),
            ]),
            plain(),
            &["`b/x`", "(4)", "(3)"],
        ),
        case(
            "a group without y",
            "t.npz",
            npz(&[("a/x", counting(&[2, 3])), ("a/y", counting(&[2])), ("b/x", counting(&[2, 3]))]),
            plain(),
            &["task `b`", "none of its outputs"],
        ),
        case(
            "a group of one example",
            "t.npz",
            npz(&[("a/x", counting(&[1, 3])), ("a/y", counting(&[1]))]),
            plain(),
            &["task `a` has 1 example"],
        ),
        case(
            "groups, and made into tasks",
            "t.npz",
            npz(&[("a/x", counting(&[2, 3])), ("a/y", counting(&[2]))]),
            from(TasksFrom::Outputs),
            &["tasks already"],
        ),
        case(
            "support without query's y",
            "t.npz",
            npz(&[
                ("x_support", counting(&[2, 2])),
                ("y_support", counting(&[2, 2])),
                ("x_query", counting(&[2, 2])),
            ]),
            plain(),
            &["`x_query`", "none of its outputs"],
        ),
        case(
            "x and support",
            "t.npz",
            npz(&[
                ("x", counting(&[2, 2])),
                ("y", counting(&[2, 2])),
                ("x_support", counting(&[2, 2])),
                ("y_support", counting(&[2, 2])),
            ]),
            plain(),
            &["keep one of both"],
        ),
        case(
            "support of other tasks",
            "t.npz",
            npz(&[
                ("x_support", counting(&[2, 2])),
                ("y_support", counting(&[2, 2])),
                ("x_query", counting(&[3, 2])),
                ("y_query", counting(&[3, 2])),
            ]),
            plain(),
            &["`x_query` has 3 tasks"],
        ),
        case(
            "one name for two",
            "t.npz",
            npz(&[("a/x", counting(&[2, 2])), ("a_x", counting(&[2, 2])), ("a/y", counting(&[2]))]),
            plain(),
            &["both inputs of one task"],
        ),
        case(
            "a task for other rows",
            "t.npz",
            npz(&[("x", counting(&[4, 2])), ("y", counting(&[4])), ("t", counting(&[3]))]),
            with("", "", "t"),
            &["`t` is (3)", "4 rows"],
        ),
        case("x as the task", "t.npz", good(), with("", "", "x"), &["name another array"]),
        case(
            "claims a terabyte",
            "t.npz",
            claims("(1000000, 1000000)"),
            plain(),
            &["needs more than the 0 bytes"],
        ),
        case(
            "claims more than there is",
            "t.npz",
            claims("(18446744073709551615, 2, 0)"),
            plain(),
            &["array `x`"],
        ),
        case("a bomb", "t.npz", bomb(), plain(), &["more than 100 times", "without compression"]),
        case("limit", "t.npz", good(), TaskOptions { most_numbers: 17, ..plain() }, &["18 numbers"]),
        case(
            "labels of two numbers",
            "t.npz",
            pair(counting(&[2, 3, 2]), counting(&[2, 3, 2])),
            TaskOptions { classes: true, ..plain() },
            &["2 outputs"],
        ),
        case("a table called arrays", "t.npz", TWO_TASKS, plain(), &["this is no .npz file", "numpy.savez"]),
        case("a picture called arrays", "t.npy", b"\x89PNG....", plain(), &["no .npy file but a PNG image"]),
    ]
}

/// A gigabyte of zeros, packed.
fn bomb() -> Vec<u8> {
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["x.npy", "y.npy"] {
        use std::io::Write;
        writer.start_file(name, options).unwrap();
        let block = vec![0u8; 1 << 20];
        writer.write_all(&msr_files::npy_header("<f8", &[2, 1 << 25])).unwrap();
        (0..512).for_each(|_| writer.write_all(&block).unwrap());
    }
    writer.finish().unwrap().into_inner()
}
