//! `msr inspect` as a user meets it, and the experiments that make what it reads.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use command::{msr, refuses, text};
use msr_groups::{Action, PlaneGroup, SharingPattern, SteerableBasis, parse_group};
use msr_layers::{
    Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, ReparamLinear, ReparamLinearConfig, SeededVars,
    Sequential,
};
use msr_symmetry::Learned;

mod command;

fn says(args: &[&str], words: &[&str]) -> String {
    let said = msr(args);
    assert!(said.ok, "{args:?}: {}", said.err);
    for word in words {
        assert!(said.out.contains(word), "{args:?} says\n{}\nnot `{word}`", said.out);
    }
    said.out
}

/// Writes tensors of single precision.
fn file(folder: &Path, name: &str, tensors: &[(&str, Vec<f64>, &[usize])]) -> PathBuf {
    let tensors: HashMap<String, Tensor> = tensors
        .iter()
        .map(|(name, data, shape)| {
            let data: Vec<f32> = data.iter().map(|&x| x as f32).collect();
            (name.to_string(), Tensor::from_vec(data, *shape, &Device::Cpu).unwrap())
        })
        .collect();
    let path = folder.join(name);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    path
}

fn pattern(call: &str) -> SharingPattern {
    let action = Action::natural(&parse_group(call).unwrap());
    SharingPattern::new(&action, &action).unwrap()
}

#[test]
fn groups_are_read_out_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let dihedral = pattern("dihedral(12)");
    let weight = dihedral.expand(&[0.3, -1.2, 0.7, 2.0, 0.1, -0.4, 1.5]).unwrap();
    let path = file(folder.path(), "weight.safetensors", &[("fc.weight", weight, &[12, 12])]);
    let out = says(
        &["inspect", text(&path)],
        &["a weight matrix", "D_12, order 24", "(0 1 2 3 4 5 6 7 8 9 10 11)"],
    );
    assert!(out.contains("| D_12 "), "{out}");
    let picture = std::fs::read(folder.path().join("weight.fc_weight.png")).unwrap();
    assert_eq!(&picture[1..4], b"PNG");

    // A symmetry matrix with other numbers of outputs and inputs says nothing of its shape.
    let group = parse_group("symmetric(4)").unwrap();
    let (output, input) = (Action::parse(&group, "unordered_pairs"), Action::parse(&group, "distinct_pairs"));
    let pattern = SharingPattern::new(&output.unwrap(), &input.unwrap()).unwrap();
    let (rows, k) = (pattern.labels().len(), pattern.free_parameters());
    let path = file(folder.path(), "u.safetensors", &[("symmetry", pattern.dense().unwrap(), &[rows, k])]);
    refuses(&["inspect", text(&path)], &["72 rows", "--outputs"]);
    refuses(&["inspect", text(&path), "--outputs", "7"], &["not a multiple of 7"]);
    let picture = folder.path().join("here.png");
    let args = ["inspect", text(&path), "--outputs", "6", "--picture", text(&picture)];
    says(&args, &["6 outputs × 12 inputs", "S_4, order 24"]);
    assert!(picture.exists());

    // Nothing is claimed where there is nothing.
    let noise: Vec<f64> = (0..64u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 8) / 1e7).collect();
    let path = file(folder.path(), "noise.safetensors", &[("weight", noise, &[8, 8])]);
    says(&["inspect", text(&path)], &["No exact symmetry", "by residual", "| S_8 "]);

    // Small is not zero: ties of 0.02 with noise of a millionth, and others that are zero.
    let small: Vec<f64> =
        (0..144).map(|i| if i % 13 == 0 { 1.0 } else { 0.02 } + 1e-6 * f64::from(i % 7)).collect();
    let zero: Vec<f64> =
        (0..144).map(|i| if i % 13 == 0 { 1.0 } else { 1e-6 * f64::from(i % 7 - 3) }).collect();
    let path = file(folder.path(), "small.safetensors", &[("w", small, &[12, 12])]);
    assert!(!says(&["inspect", text(&path)], &["S_12"]).contains("are zero"));
    let path = file(folder.path(), "zero.safetensors", &[("w", zero, &[12, 12])]);
    says(&["inspect", text(&path)], &["S_12", "132 of the weights are zero", "| S_12 "]);
    // What is too large to be read is ranked all the same.
    let large = vec![1.0; 230 * 230 * 2];
    let path = file(folder.path(), "large.safetensors", &[("symmetry", large, &[230 * 230, 2])]);
    says(&["inspect", text(&path)], &["Not read: 52900 weights", "S_230"]);
}

/// What is nearly a larger group is said, in words and as JSON.
#[test]
fn almost_symmetries_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let v = [0.0, 1.0, 2.0, 3.0, 2.0, 1.02];
    let entry = |i: usize| v[(i % 6 + 6 - i / 6) % 6] + 1e-3 * ((i + 1) as f64 * 12.9898).sin();
    let path = file(folder.path(), "w.safetensors", &[("w", (0..36).map(entry).collect(), &[6, 6])]);
    says(
        &["inspect", text(&path)],
        &["Symmetry: C_6, order 6", "D_6, order 12, but for a difference of 10 noise widths."],
    );
    let json: serde_json::Value =
        serde_json::from_str(&says(&["inspect", "--json", text(&path)], &[])).unwrap();
    let group = &json["layers"][0]["group"];
    assert_eq!((&group["name"], &group["almost"]["order"]), (&"C_6".into(), &"12".into()));
    assert!((group["almost"]["separation"].as_f64().unwrap() - 10.0).abs() < 0.5);
}

#[test]
fn files_that_cannot_be_read_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    refuses(&["inspect", "/nowhere/x.safetensors"], &["/nowhere/x.safetensors", "No such file"]);
    let path = folder.path().join("text.safetensors");
    std::fs::write(&path, "hello").unwrap();
    refuses(&["inspect", text(&path)], &["not a safetensors file"]);
    let path = file(folder.path(), "vector.safetensors", &[("bias", vec![1.0; 3], &[3])]);
    refuses(&["inspect", text(&path)], &["no matrix", "bias [3]"]);
    refuses(&["inspect", text(&path), "--tensor", "bias"], &["two dimensions"]);
    let two = [("a", vec![1.0; 4], &[2usize, 2][..]), ("b", vec![1.0; 4], &[2, 2])];
    let path = file(folder.path(), "two.safetensors", &two);
    refuses(&["inspect", text(&path)], &["--tensor", "a, b"]);
    refuses(&["inspect", text(&path), "--tensor", "c"], &["no tensor `c`"]);
    let path = file(folder.path(), "nan.safetensors", &[("w", vec![f64::NAN; 4], &[2, 2])]);
    refuses(&["inspect", text(&path)], &["entry 0 is NaN"]);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        4,
        "nothing is written for what is refused"
    );
}

#[test]
fn an_experiment_leaves_what_inspect_reads() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let narrow =
        ["reproduce", "groups", "--problems", "s_8;c_7:c_3", "--seeds", "1", "--outer-steps", "1200"];
    let said =
        says(&[&narrow[..], &["--out", text(&out)]].concat(), &["S_8 (40320)", "C_7 ⋊ C_3 (21)", "1 of 1"]);
    assert!(said.contains("bounds were not checked"), "{said}");
    for name in ["groups.md", "results.json", "recovered.png", "cells/C_7-:-C_3-MSR-seed0/result.json"] {
        let name = name.replace("-:-", "---");
        assert!(out.join(&name).exists(), "{name}");
    }
    let cell = out.join("cells/S_8-MSR-seed0");
    assert!(cell.join("recovered.png").exists());
    says(
        &["inspect", text(&cell.join("learned.safetensors"))],
        &["S_8, order 40320", "8 outputs × 8 inputs"],
    );
    let again = says(&["reproduce", "groups", "--resume", "--out", text(&out)], &["S_8 (40320)"]);
    assert!(again.contains("| S_8"), "{again}");

    let fresh = folder.path().join("fresh");
    refuses(
        &["reproduce", "groups", "--problems", "C_13", "--out", text(&fresh)],
        &["no problem `C_13`", "Q_8"],
    );
    refuses(&["reproduce", "groups", "--record", "--quick", "--out", text(&fresh)], &["whole experiment"]);
    assert!(!fresh.exists(), "a request that is refused leaves no folder");
}

/// Rotations and flips of convolutions: a full U with the taps named, and Kronecker factors as a
/// run leaves them.
#[test]
fn convolutions_name_their_rotations() {
    let folder = tempfile::tempdir().unwrap();
    let basis = SteerableBasis::new(PlaneGroup::RotationsAndFlips(4), 3).unwrap();
    let columns = basis.len();
    let symmetry: Vec<f64> =
        (0..8 * 9).flat_map(|row| basis.filters().iter().map(move |filter| filter[row])).collect();
    let path = file(folder.path(), "full.safetensors", &[("conv.symmetry", symmetry, &[72, columns])]);
    let kernel = ["inspect", text(&path), "--kernel", "3"];
    says(&kernel, &["8 channels, 3 × 3 taps", "Symmetry: D_4, order 8", "| D_4   | 8     | 0.0000   |"]);
    refuses(&["inspect", text(&path), "--kernel", "5"], &["72 rows", "5 × 5 taps"]);
    // Twice as many input channels, half as many output ones: fields of two.
    let halves = ["inspect", text(&path), "--kernel", "3", "--outputs", "4"];
    says(&halves, &["4 channels × 2 input channels, 3 × 3 taps", "| D_2 "]);
    refuses(
        &["inspect", text(&path), "--kernel", "3", "--outputs", "3"],
        &["8 filters", "3 output channels"],
    );
    refuses(&["inspect", text(&path), "--kernel", "4"], &["72 rows"]);
    refuses(&["inspect", text(&path), "--kernel", "3", "--tensor", "none"], &["no tensor `none`"]);
    // Where training starts, at the identity, there is no symmetry to name.
    let zeros = |n: usize| vec![0.0; n * n];
    let start = file(
        folder.path(),
        "start.safetensors",
        &[("symmetry_out", zeros(8), &[8, 8]), ("symmetry_taps", zeros(9), &[9, 9])],
    );
    says(
        &["inspect", text(&start)],
        &["Kronecker factors", "8 channels, 3 × 3 taps", "none is claimed; no group has a residual"],
    );
    for more in [&["--kernel", "3"][..], &["--tensor", "symmetry_taps"]] {
        says(&[&["inspect", text(&start)], more].concat(), &["8 channels, 3 × 3 taps"]);
    }
    refuses(&["inspect", text(&start), "--kernel", "5"], &["3 × 3 taps", "leave out --kernel"]);
    refuses(&["inspect", text(&start), "--picture", "a.png"], &["--picture"]);
    // Several convolutions: one must be named; Adam's moments in a checkpoint are none.
    let (full, adam) = (vec![0.5; 72 * 2], vec![0.1; 72 * 2]);
    let factors = [("a.symmetry_out", zeros(8), &[8, 8][..]), ("a.symmetry_taps", zeros(9), &[9, 9])];
    let more = [("b.symmetry", full, &[72, 2][..]), ("adam.first.b.symmetry", adam, &[72, 2])];
    let mixed = file(folder.path(), "mixed.safetensors", &[&factors[..], &more].concat());
    says(&["inspect", text(&mixed)], &["a.symmetry_out, a.symmetry_taps"]);
    refuses(&["inspect", text(&mixed), "--kernel", "3"], &["a.symmetry_out, b.symmetry", "--tensor"]);
    says(
        &["inspect", text(&mixed), "--kernel", "3", "--tensor", "b.symmetry"],
        &["b.symmetry: a convolution"],
    );
    let moments = ["inspect", text(&mixed), "--kernel", "3", "--tensor", "adam.first.b.symmetry"];
    says(&moments, &["adam.first.b.symmetry: a convolution"]);
    let of_factor = [("adam.first.a.symmetry_out", vec![0.5; 64], &[8, 8][..])];
    let mixed = file(folder.path(), "moment.safetensors", &[&factors[..], &of_factor].concat());
    says(&["inspect", text(&mixed)], &["a.symmetry_out, a.symmetry_taps"]);
    // As checkpoints call them since their version 2.
    let moments = [
        ("adam.first/a.symmetry_out", vec![0.5; 64], &[8, 8][..]),
        ("adam.second/a.symmetry_out", vec![0.5; 64], &[8, 8][..]),
        ("adam.first/a.symmetry_taps", vec![0.5; 81], &[9, 9][..]),
    ];
    let second = file(folder.path(), "second.safetensors", &[&factors[..], &moments].concat());
    says(&["inspect", text(&second)], &["a.symmetry_out, a.symmetry_taps"]);
    let moment = ["inspect", text(&mixed), "--tensor", "adam.first.a.symmetry_out"];
    says(&moment, &["adam.first.a.symmetry_out: a weight matrix"]);
    let checkpoint = file(folder.path(), "checkpoint.safetensors", &more);
    refuses(&["inspect", text(&checkpoint)], &["`b.symmetry` has 72 rows", "--kernel"]);
    let half = file(folder.path(), "half.safetensors", &[("symmetry_out", zeros(8), &[8, 8])]);
    refuses(&["inspect", text(&half)], &["no tensor `symmetry_taps`"]);
}

/// A file of a stack says what its layers are: all of them are looked at, and one is chosen by its
/// tensor. What cannot be read says why, and a file of a later version is not taken for bare
/// tensors.
#[test]
fn files_that_say_what_they_are_are_taken_at_their_word() {
    let folder = tempfile::tempdir().unwrap();
    let vars = SeededVars::new(0);
    let vb = |name: &str| vars.builder(DType::F32, &Device::Cpu).pp(name);
    let conv = |kernel| ReparamConv2dConfig::kronecker(Conv2dConfig::new(2, 8, kernel));
    let stack = Sequential::new()
        .with(ReparamConv2d::new(conv(3), vb("odd")).unwrap())
        .with(ReparamConv2d::new(conv(2), vb("even")).unwrap())
        .with(ReparamLinear::new(ReparamLinearConfig::new(4, 6, 3), vb("fc")).unwrap());
    let path = folder.path().join("stack.safetensors");
    let bytes = Learned::of(&stack).unwrap().to_bytes().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    says(
        &["inspect", text(&path)],
        &[
            "odd.factor_out, odd.factor_taps: Kronecker factors of a convolution, 8 channels × 2 input channels",
            "Not read: a 2 × 2 kernel has no centre",
            "fc.symmetry: a symmetry matrix, k = 3, 6 outputs × 4 inputs",
        ],
    );
    let json: serde_json::Value =
        serde_json::from_str(&says(&["inspect", "--json", text(&path)], &[])).unwrap();
    assert_eq!(json["layers"].as_array().map(Vec::len), Some(3));
    assert!(json["layers"][1]["reason"].as_str().unwrap().contains("2 × 2"));
    assert!(folder.path().join("stack.fc_symmetry.svg").exists());
    let one = says(&["inspect", text(&path), "--tensor", "fc.symmetry"], &["6 outputs × 4 inputs"]);
    assert!(!one.contains("odd."), "{one}");
    refuses(
        &["inspect", text(&path), "--tensor", "odd.factor_out", "--kernel", "5"],
        &["the file says that there are 3 taps", "leave out --kernel"],
    );
    let later = String::from_utf8_lossy(&bytes).contains("version\\\":1");
    assert!(later);
    let at = bytes.windows(11).position(|w| w == b"version\\\":1").unwrap();
    let mut newer = bytes.clone();
    newer[at + 10] = b'9';
    std::fs::write(&path, &newer).unwrap();
    refuses(&["inspect", text(&path)], &["version 9 of the format", "newer msr"]);
}
