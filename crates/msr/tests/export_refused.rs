//! `msr export` where there is nothing to export, or nowhere to put it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use command::{msr, refuses, text};

mod command;

/// A verdict that an exchange of two inputs was found, or none, in a folder.
fn verdict(folder: &Path, answer: &str, pairs: bool) {
    let symmetry = r#", "symmetry": {"name": "C_2", "order": "2", "outputs": 1, "inputs": 2, "input_shape": [2],
        "output_shape": [1], "signed": false, "generators": [{"outputs": "()", "inputs": "(0 1)"}], "free_parameters": 1}"#;
    let symmetry = if answer == "found" { symmetry } else { "" };
    let json = format!(
        r#"{{"format": 1, "verdict": "{answer}", "said": "{answer}: as it is", "pairs": {pairs}{symmetry}}}"#
    );
    std::fs::write(folder.join("verdict.json"), json).unwrap();
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tied.py");
    let to = |from: &Path, words: &[&str]| {
        refuses(&["export", text(from), "--to", "pytorch", "--out", text(&out)], words);
    };
    let nowhere = folder.path().join("nowhere");
    to(&nowhere, &["nowhere does not exist; name the folder that `msr discover --out` has made"]);
    to(folder.path(), &["there is no verdict.json in", "--resume goes on after a stop"]);
    verdict(folder.path(), "undecided", false);
    to(
        folder.path(),
        &["the verdict is undecided, so there is nothing to export; it says: undecided: as it is"],
    );
    verdict(folder.path(), "none", false);
    to(folder.path(), &["no symmetry was found, so there is nothing to export"]);
    assert!(!out.exists());
    refuses(&["export", text(folder.path()), "--to", "keras", "--out", text(&out)], &["not a known target"]);
}

#[test]
fn folders_are_made_and_one_is_no_plural() {
    let folder = tempfile::tempdir().unwrap();
    verdict(folder.path(), "found", false);
    let out = folder.path().join("new").join("and newer").join("tied.py");
    let said = msr(&["export", text(folder.path()), "--to", "pytorch", "--out", text(&out)]);
    assert!(said.ok && out.is_file(), "{}", said.err);
    assert_eq!(said.err, "");
    let words = "1 output and 2 inputs tied by C_2, order 2; 1 free parameter in place of 2, for pytorch";
    assert!(said.out.contains(words), "{}", said.out);
    let file = folder.path().join("verdict.json").join("tied.py");
    refuses(
        &["export", text(folder.path()), "--to", "pytorch", "--out", text(&file)],
        &["cannot be made; give another --out"],
    );
}

#[test]
fn a_layer_of_products_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    verdict(folder.path(), "found", true);
    for (target, is_warned) in
        [("pytorch", true), ("onnx", true), ("escnn", true), ("npz", true), ("gap", false)]
    {
        let out = folder.path().join(target);
        let said = msr(&["export", text(folder.path()), "--to", target, "--out", text(&out)]);
        let words = "warning: the symmetry was found in the products of inputs (--pairs); what is written is the linear";
        assert!(said.ok, "{}", said.err);
        assert_eq!(said.err.starts_with(words), is_warned, "{target}: {}", said.err);
        let bytes = std::fs::read(&out).unwrap();
        let written = String::from_utf8_lossy(&bytes);
        assert_eq!(written.contains("found in the products of inputs"), target != "npz", "{target}");
    }
}
