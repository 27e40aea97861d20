//! `msr inspect` on files of other programs, on odd ones, and on places that pictures cannot have.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use command::{command, msr, refuses, text};

mod command;

fn says(args: &[&str], words: &[&str]) -> String {
    let said = msr(args);
    assert!(said.ok, "{args:?}: {}", said.err);
    for word in words {
        assert!(said.out.contains(word), "{args:?} says\n{}\nnot `{word}`", said.out);
    }
    said.out
}

/// A safetensors file of tensors: name, type, shape, bytes.
fn tensors(path: &Path, list: &[(&str, &str, &[usize], Vec<u8>)]) -> PathBuf {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in list {
        let offsets = [data.len(), data.len() + bytes.len()];
        header.insert(
            (*name).into(),
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }),
        );
        data.extend(bytes);
    }
    let header = serde_json::to_vec(&header).unwrap();
    fs::write(path, [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()).unwrap();
    path.into()
}

/// The weight of a circle of six: entry (y, x) depends on (x − y) mod 6.
fn circle(task: usize) -> Vec<f64> {
    let v = |i: usize| [2.0, 0.3, -1.0, 0.7, -1.4, 0.9][i] * (1.0 + task as f64) + (task * i) as f64;
    (0..36).map(|at| v((at % 6 + 6 - at / 6) % 6)).collect()
}

fn floats(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect()
}

fn npy(shape: &[usize], values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    [msr_files::npy_header("<f8", shape), data].concat()
}

/// Plain npy and npz, and a weight for each task in every format: what is tied in all of them.
#[test]
fn arrays_of_numpy_and_stacks_of_weights_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let stack: Vec<f64> = (0..5).flat_map(circle).collect();
    fs::write(at("one.npy"), npy(&[6, 6], &circle(0))).unwrap();
    says(&["inspect", text(&at("one.npy"))], &["array: a weight matrix", "C_6, order 6"]);
    fs::write(at("stack.npy"), npy(&[5, 6, 6], &stack)).unwrap();
    let mut archive = zip::ZipWriter::new(fs::File::create(at("stack.npz")).unwrap());
    let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
    for (name, bytes) in [("w.npy", npy(&[5, 6, 6], &stack)), ("names.npy", npy(&[5], &[0.0; 5]))] {
        archive.start_file(name, options).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
    tensors(
        &at("stack.safetensors"),
        &[("w", "F32", &[5, 6, 6], floats(&stack)), ("b", "F32", &[2], vec![0; 8])],
    );
    for name in ["stack.npy", "stack.npz", "stack.safetensors"] {
        says(
            &["inspect", text(&at(name))],
            &["weight matrices of 5 tasks, 6 outputs × 6 inputs", "C_6, order 6"],
        );
    }
    refuses(&["inspect", text(&at("stack.npz")), "--tensor", "names"], &["`names` has the shape [5]"]);
    refuses(
        &["inspect", text(&at("stack.npz")), "--tensor", "v"],
        &["no tensor `v`", "names [5], w [5, 6, 6]"],
    );
}

/// What else is in a file keeps no matrix from being read; and what can be read exactly is.
#[test]
fn other_tensors_of_any_type_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    for (dtype, size) in [
        ("BOOL", 2),
        ("I8", 2),
        ("U64", 16),
        ("C64", 16),
        ("F8_E4M3", 2),
        ("F8_E5M2", 2),
        ("U16", 4),
        ("F4", 1),
    ] {
        let other = ("z", dtype, &[2usize][..], vec![0xff; size]);
        tensors(&path, &[("w", "F32", &[6, 6], floats(&circle(0))), other]);
        says(&["inspect", "--no-picture", text(&path), "--tensor", "w"], &["C_6, order 6"]);
        says(&["inspect", "--no-picture", text(&path)], &["C_6, order 6"]);
    }
    for dtype in ["BOOL", "U8", "I8", "F8_E5M2"] {
        let byte = |at: usize| if at.is_multiple_of(7) { 0x3c } else { 0 };
        tensors(&path, &[("w", dtype, &[6, 6], (0..36).map(byte).collect())]);
        says(&["inspect", "--no-picture", text(&path)], &["S_6, order 720"]);
    }
    tensors(&path, &[("w", "C64", &[2, 2], vec![0; 32])]);
    refuses(&["inspect", text(&path), "--tensor", "w"], &["`w`", "C64", "convert"]);
}

/// One number of this type hung the program for ever.
#[test]
fn eight_bit_floats_do_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let path = tensors(&folder.path().join("f8.safetensors"), &[("w", "F8_E4M3", &[1, 1], vec![0])]);
    let started = Instant::now();
    says(&["inspect", text(&path)], &["1 outputs × 1 inputs", "fewer than two weights"]);
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Nothing with huge dimensions is believed to have numbers.
#[test]
fn matrices_without_entries_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zero.safetensors");
    for shape in [&[0, usize::MAX][..], &[usize::MAX, 0], &[0, 0], &[0, 3, 3], &[0, usize::MAX, usize::MAX]] {
        tensors(&path, &[("w", "F32", shape, Vec::new())]);
        for flags in [&[][..], &["--tensor", "w"], &["--tensor", "w", "--outputs", "3"], &["--kernel", "3"]] {
            let said = msr(&[&["inspect", text(&path)], flags].concat());
            assert!(!said.ok && !said.err.contains("panicked"), "{shape:?} {flags:?}: {}", said.err);
            assert!(said.err.len() < 500, "{}", said.err);
        }
    }
    fs::write(&path, npy(&[0, usize::MAX], &[])).unwrap();
    refuses(&["inspect", text(&path), "--tensor", "array"], &["`array` has no entries"]);
}

/// Names out of a file do not command the terminal: not on stdout, not on stderr, not in JSON.
#[test]
fn names_out_of_files_are_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let name = "w\u{1b}[31m\u{9b}2J\u{202e}\nSymmetry: fake\u{7}";
    let path = tensors(&folder.path().join("x.safetensors"), &[(name, "F32", &[6, 6], floats(&circle(0)))]);
    let clean = |text: &str| {
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
        assert!(!text.contains("\nSymmetry: fake"), "{text:?}");
    };
    let out =
        says(&["inspect", "--no-picture", text(&path)], &["w\\u{1b}[31m\\u{9b}2J\\u{202e}\\nSymmetry: fake"]);
    clean(&out);
    let said = msr(&["inspect", "--no-picture", text(&path), "--json"]);
    clean(&said.err);
    assert!(!said.out.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7}']), "{}", said.out);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["layers"][0]["tensor"], name);
    for flags in [&["--tensor", "none"][..], &["--outputs", "5"], &["--kernel", "5", "--tensor", name]] {
        let said = msr(&[&["inspect", text(&path)], flags].concat());
        assert!(!said.ok);
        clean(&said.err);
    }
    let flat = tensors(&folder.path().join("y.safetensors"), &[(name, "F32", &[6], vec![0; 24])]);
    clean(&msr(&["inspect", text(&flat)]).err);
}

/// A program whose output was lost has not done what it was asked to; one whose reader went away
/// has.
#[cfg(target_os = "linux")]
#[test]
fn lost_output_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = tensors(&folder.path().join("w.safetensors"), &[("w", "F32", &[6, 6], floats(&circle(0)))]);
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let inspect = ["inspect", "--no-picture", text(&path)];
    let json = ["inspect", "--no-picture", "--json", text(&path)];
    for args in
        [&inspect[..], &json, &["completions", "bash"], &["--help"], &["reproduce", "table1", "--help"]]
    {
        let output = command().args(args).stdout(full()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains("No space left"), "{args:?}: {err}");
    }
    // With nowhere to say it, the code still says it.
    for (args, code) in [
        (&["inspect", "/no/such/file"][..], 1),
        (&["inspect", "--no-such-flag"], 2),
        (&["-vv", "inspect", "/no/such/file"], 1),
        (&["reproduce", "table1", "--out", "/no/such/folder", "--resume"], 1),
    ] {
        let status = command().args(args).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
    let out = folder.path().join("run");
    let run = [
        "-vv",
        "reproduce",
        "table1",
        "--methods",
        "maml-conv",
        "--ranks",
        "1",
        "--outer-steps",
        "2",
        "--out",
    ];
    let run = [&run[..], &[text(&out)]].concat();
    let status = command().args(&run).stdout(Stdio::null()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(0), "events that are lost are no failure, and no panic");
    let status = command().args(inspect).stdout(Stdio::piped()).spawn().map(|mut child| {
        drop(child.stdout.take());
        child.wait().unwrap()
    });
    assert_eq!(status.unwrap().code(), Some(0), "a reader may go away");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A picture takes no one's place: the same one stays, another gets another name, and one that was
/// asked for by name is refused before anything is done.
#[test]
fn no_picture_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let path = tensors(&at("m.safetensors"), &[("w", "F32", &[6, 6], floats(&circle(0)))]);
    let inspect = ["inspect", text(&path)];
    says(&inspect, &["m.w.png (and .svg)"]);
    says(&inspect, &["m.w.png (and .svg)"]);
    assert_eq!(names(folder.path()), ["m.safetensors", "m.w.png", "m.w.svg"]);
    fs::write(at("m.w.svg"), "mine").unwrap();
    says(&inspect, &["m.w-2.png (and .svg)"]);
    assert_eq!(fs::read(at("m.w.svg")).unwrap(), b"mine");
    assert_eq!(names(folder.path()), ["m.safetensors", "m.w-2.png", "m.w-2.svg", "m.w.png", "m.w.svg"]);
    for (name, words) in [
        ("m.w.png", "m.w.png is there already"),
        ("m.w.svg", "m.w.png is there already"),
        ("p.jpg", "name a file that ends in .png"),
        ("p", "name a file that ends in .png"),
        ("no/such/folder.png", "folder.png: No such file"),
    ] {
        let named = at(name);
        refuses(&[&inspect[..], &["--picture", text(&named)]].concat(), &[words]);
    }
    says(&[&inspect[..], &["--picture", text(&at("p.svg"))]].concat(), &["p.png (and .svg)"]);
    assert!(at("p.png").exists() && at("p.svg").exists());
    let before = names(folder.path());
    assert!(!says(&[&inspect[..], &["--no-picture"]].concat(), &["C_6"]).contains("picture"));
    assert_eq!(names(folder.path()), before);
}

/// Devices, pipes and links are not replaced, nor what links lead to.
#[cfg(unix)]
#[test]
fn pictures_replace_no_devices_and_links() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let path = tensors(&at("m.safetensors"), &[("w", "F32", &[6, 6], floats(&circle(0)))]);
    assert!(std::process::Command::new("mkfifo").arg(at("pipe.png")).status().unwrap().success());
    fs::write(at("precious"), "mine").unwrap();
    symlink(at("precious"), at("link.png")).unwrap();
    symlink(at("precious"), at(".new.png.msr-tmp-0")).unwrap();
    symlink(at("precious"), at("m.w.png")).unwrap();
    for name in ["pipe.png", "link.png", "/dev/null"] {
        refuses(&["inspect", text(&path), "--picture", text(&at(name))], &[name]);
    }
    says(&["inspect", text(&path), "--picture", text(&at("new.png"))], &["new.png"]);
    says(&["inspect", text(&path)], &["m.w-2.png"]);
    assert_eq!(fs::read(at("precious")).unwrap(), b"mine");
    assert!(fs::symlink_metadata(at("pipe.png")).unwrap().file_type().is_fifo());
    refuses(&["inspect", "/dev/zero"], &["a device, not a regular file"]);
}

/// A folder that cannot be written is no reason not to read what is in it. (As root every folder
/// can be written, but for those that are no folders of files.)
#[cfg(target_os = "linux")]
#[test]
fn no_picture_is_demanded_where_none_can_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let path = tensors(&closed.join("m.safetensors"), &[("w", "F32", &[6, 6], floats(&circle(0)))]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        println!("SKIPPED: whoever runs this test may write everywhere");
        return;
    }
    says(&["inspect", text(&path)], &["C_6, order 6", "no picture: ", "--picture names another place"]);
    refuses(&["inspect", text(&path), "--picture", text(&closed.join("p.png"))], &["p.png"]);
}

/// Large weights end with an answer or a reason, and what is not drawn or ranked is said.
#[test]
fn large_weights_end_with_an_answer_or_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    for (m, n, ranked) in
        [(1, 20_000, true), (1_000_000, 1, false), (10_000, 20, true), (1100, 1000, true), (20, 50_257, true)]
    {
        let noise = |i: usize| f64::from((i as u32).wrapping_mul(2_654_435_761) >> 8) / 1e7;
        tensors(&path, &[("w", "F32", &[m, n], floats(&(0..m * n).map(noise).collect::<Vec<_>>()))]);
        let started = Instant::now();
        let words = if ranked { "by residual" } else { "Known groups are not ranked: for 1000000 × 1" };
        says(&["inspect", text(&path)], &["No exact symmetry", words, "no picture: "]);
        assert!(started.elapsed() < Duration::from_secs(60), "{m} × {n}: {:?}", started.elapsed());
    }
    assert_eq!(names(folder.path()), ["large.safetensors"]);
    let asked = msr(&["inspect", text(&path), "--picture", text(&folder.path().join("p.png"))]);
    assert!(!asked.ok && asked.out.is_empty() && asked.err.contains("leave out --picture"), "{}", asked.err);
}

/// Orders of hundreds of digits, hundreds of generators, and groups that tie nothing.
#[test]
fn what_says_nothing_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let symmetric: Vec<f64> = (0..60 * 60).map(|at| if at % 61 == 0 { 2.0 } else { 1.0 }).collect();
    tensors(&path, &[("w", "F32", &[60, 60], floats(&symmetric))]);
    let out = says(
        &["inspect", "--no-picture", text(&path)],
        &[
            "Symmetry: S_60, order 8.32e81",
            "and 51 more generators (--full shows all)",
            "| S_60  | 8.32e81 |",
        ],
    );
    assert!(out.lines().all(|line| line.chars().count() < 140), "{out}");
    let full = says(&["inspect", "--no-picture", "--full", text(&path)], &["generator"]);
    assert!(!full.contains("more generators"));
    // A group that acts on one point ties nothing.
    tensors(&path, &[("w", "F32", &[6, 1], floats(&[0.0, 1.0, 2.0, 4.0, 8.0, 16.5]))]);
    let out = says(&["inspect", "--no-picture", text(&path)], &["6 outputs × 1 inputs"]);
    assert!(!out.contains("| 6               | 0.0000   | 0.0000"), "{out}");
    // More columns than are drawn are counted.
    let columns: Vec<f64> = (0..16 * 20).map(|i| f64::from(i % 37)).collect();
    tensors(&path, &[("symmetry", "F32", &[16, 20], floats(&columns))]);
    says(&["inspect", text(&path)], &["k = 20"]);
    let svg = fs::read_to_string(folder.path().join("w.symmetry.svg")).unwrap();
    assert!(svg.contains("16 of 20 columns are shown"));
}
