//! Folders, links and several files.

use std::fs;
use std::path::PathBuf;

use msr_data::tasks::{TaskOptions, TasksFrom};

use super::{from, plain, refused, with};
use crate::make::{Folder, TWO_TASKS, counting, npz};

#[test]
fn folders_and_paths() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("nothing.csv")).unwrap();
    folder.file("deep/task1/t.csv", TWO_TASKS);
    folder.file("mixed/a.csv", "x0,y\n1,2\n3,4\n");
    folder.file("mixed/b.npz", npz(&[]));
    folder.file("other/a.csv", "x0,y\n1,2\n3,4\n");
    folder.file("other/b.csv", "x0,x1,y\n1,2,3\n3,4,5\n");
    folder.file("odd/notes", "none");
    folder.file("odd/README.md", "none");
    folder.file("twice/a.csv", "x0,y\n1,2\n3,4\n");
    folder.file("twice/a.tsv", "x0\ty\n1\t2\n3\t4\n");
    folder.file("wide/a.npz", npz(&[("x", counting(&[2, 3])), ("y", counting(&[2]))]));
    folder.file("wide/b.npz", npz(&[("x", counting(&[2, 4])), ("y", counting(&[2]))]));
    folder.file("bad/a.csv", "x0,y\n1,2\n3,4\n");
    folder.file("bad/b.csv", "x0,y\n1,2\n3,four\n");
    let one = folder.file("one.csv", TWO_TASKS);
    let cases: [(&str, Vec<PathBuf>, TaskOptions, &[&str]); 14] = [
        ("no paths", vec![], plain(), &["name a file"]),
        ("a path to nothing", vec![at("none.csv")], plain(), &["none.csv"]),
        ("a folder called as a file", vec![at("nothing.csv")], plain(), &["no files in the folder"]),
        ("only folders", vec![at("deep")], plain(), &["only folders in it (task1)"]),
        ("two kinds", vec![at("mixed")], plain(), &["b.npz", "another kind than a.csv"]),
        ("other columns", vec![at("other")], plain(), &["b.csv", "x0, x1", "of a.csv"]),
        ("only files of no kind", vec![at("odd")], plain(), &["README.md", "does not end in"]),
        ("one name for two tasks", vec![at("twice")], plain(), &["two files are called `a`"]),
        ("other widths", vec![at("wide")], plain(), &["b.npz", "[4]", "[3]"]),
        ("a file that is wrong", vec![at("bad")], plain(), &["b.csv, line 3, column `y`"]),
        ("tasks that are made into tasks", vec![at("bad")], from(TasksFrom::Labels), &["already"]),
        ("a folder among files", vec![one.clone(), at("bad")], plain(), &["bad", "folder"]),
        ("a file twice", vec![one.clone(), one.clone()], with("", "", "task"), &["named twice"]),
        (
            "a task column in one file of several",
            vec![one, at("other/a.csv")],
            with("x0", "y", "task"),
            &["a.csv", "no column `task`"],
        ),
    ];
    for (name, paths, options, words) in cases {
        refused(&folder, name, &paths, &options, words);
    }
}

#[cfg(unix)]
#[test]
fn links_and_devices() {
    let folder = Folder::new();
    folder.file("d/a.csv", "x0,y\n1,2\n3,4\n");
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(at("nowhere.csv"), at("d/b.csv")).unwrap();
    refused(&folder, "a link to nothing", &[at("d/b.csv")], &plain(), &["b.csv"]);
    refused(&folder, "a link to nothing in a folder", &[at("d")], &plain(), &["b.csv"]);
    std::os::unix::fs::symlink("/dev/zero", at("zero.csv")).unwrap();
    refused(&folder, "a device", &[at("zero.csv")], &plain(), &["no regular file"]);
}
