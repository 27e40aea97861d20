//! `msr discover` as a user meets it: verdicts, exit codes, and what is no data.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use command::{command, text};

mod command;

/// The exit code, and what was printed on stdout and stderr.
fn discover(args: &[&str]) -> (Option<i32>, String, String) {
    let output = command().arg("discover").args(args).output().unwrap();
    let words = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), words(output.stdout), words(output.stderr))
}

/// Numbers between −1 and 1 without an order.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}

fn file(folder: &Path, name: &str, arrays: &[(&str, Vec<f64>, &[usize])]) -> PathBuf {
    let tensors: HashMap<String, Tensor> = arrays
        .iter()
        .map(|(name, data, shape)| {
            (name.to_string(), Tensor::from_vec(data.clone(), *shape, &Device::Cpu).unwrap())
        })
        .collect();
    let path = folder.join(name);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    path
}

const TASKS: usize = 80;
const EXAMPLES: usize = 12;

/// Tasks on a ring of six points, y a filter of the task's own around each point; shifts alone keep
/// them. With `broken`, every weight is its own.
fn ring(folder: &Path, name: &str, tasks: usize, broken: bool) -> PathBuf {
    let mut random = Numbers(7);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..tasks {
        let own: Vec<f64> = (0..36).map(|_| random.next()).collect();
        for _ in 0..EXAMPLES {
            let at: Vec<f64> = (0..6).map(|_| random.next()).collect();
            for i in 0..6 {
                let weight = |j: usize| if broken { own[i * 6 + j] } else { own[(j + 6 - i) % 6] };
                y.push((0..6).map(|j| weight(j) * at[j]).sum::<f64>() + 0.02 * random.next());
            }
            x.extend(at);
        }
    }
    // The layout of inputs and outputs is for readers alone.
    let shape = [tasks, EXAMPLES, 2, 3];
    file(folder, name, &[("x", x, &shape), ("y", y, &[tasks, EXAMPLES, 6])])
}

#[test]
fn a_symmetry_none_and_too_little() {
    let folder = tempfile::tempdir().unwrap();
    let ring_of = ring(folder.path(), "ring.safetensors", TASKS, false);
    let (code, out, err) = discover(&[text(&ring_of)]);
    assert_eq!((code, err.lines().count()), (Some(0), 1), "{out}{err}");
    assert!(err.starts_with("finding symmetries on one half of the tasks, and confirming them"), "{err}");
    assert!(out.starts_with("80 tasks of 12 examples each, 2 × 3 inputs and 6 outputs\n"), "{out}");
    assert!(out.contains("\nC_6, order 6, on 2 × 3 inputs and 6 outputs; confirmed on 40 tasks"), "{out}");
    assert!(out.contains("generator: outputs (0 1 2 3 4 5)\n             inputs  (0 1 2 3 4 5)"), "{out}");

    let (code, out, err) = discover(&[text(&ring_of), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!((&json["verdict"], &json["symmetry"]["name"]), (&"found".into(), &"C_6".into()));
    assert!(err.contains("80 tasks"), "everything else is on stderr: {err}");

    let (code, out, err) = discover(&[text(&ring_of), "--check"]);
    assert_eq!((code, out.lines().count(), err.as_str()), (Some(0), 4, ""), "{out}");
    assert!(out.contains("inputs    x[0,0], x[0,1], x[0,2], x[1,0]"), "{out}");
    assert!(out.contains("a verdict takes ") && !out.contains("a second to 1 s"), "{out}");

    let broken = ring(folder.path(), "broken.safetensors", 2 * TASKS, true);
    let (code, out, _) = discover(&[text(&broken)]);
    assert_eq!(code, Some(3), "{out}");
    assert!(
        out.contains("No symmetry (tolerance 5.0 %): everything that was tried is clearly broken, and an exchange planted in these data"),
        "{out}"
    );

    assert!(out.contains("--signed also looks for components that change their signs"), "{out}");

    let few = ring(folder.path(), "few.safetensors", 10, false);
    let (code, out, _) = discover(&[text(&few)]);
    assert_eq!(code, Some(4), "{out}");
    assert!(out.contains("Undecided: fewer than 20 tasks"), "{out}");
}

#[test]
fn what_is_no_data_ends_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, arrays: &[(&str, Vec<f64>, &[usize])]| {
        file(folder.path(), &format!("{name}.safetensors"), arrays)
    };
    let ones = |count: usize| vec![1.0; count];
    let flat = of("flat", &[("x", ones(4), &[4]), ("y", ones(4), &[4])]);
    let apart = of("apart", &[("x", ones(12), &[3, 2, 2]), ("y", ones(9), &[3, 3, 1])]);
    let nameless = of("nameless", &[("a", ones(4), &[2, 2]), ("b", ones(4), &[2, 2])]);
    let nan = of("nan", &[("x", vec![1.0, f64::NAN, 1.0, 1.0], &[1, 2, 2]), ("y", ones(2), &[1, 2])]);
    let same = of("same", &[("x", ones(120), &[30, 2, 2]), ("y", ones(60), &[30, 2])]);
    let single = of("single", &[("x", ones(4), &[2, 1, 2]), ("y", ones(2), &[2, 1])]);
    let alone = of("alone", &[("x", vec![1.0, 2.0], &[1, 2, 1]), ("y", ones(2), &[1, 2, 1])]);
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "x,y\n1,2\n").unwrap();
    let empty = folder.path().join("empty.npz");
    std::fs::write(&empty, "").unwrap();
    let nowhere = folder.path().join("nowhere");
    let nothing = folder.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    for (path, words) in [
        (&flat, "array `x` is (4); it should be (tasks, examples, …)"),
        (&apart, "is (3, 2, 2) and `y` is (3, 3, 1); they should have the same tasks and examples"),
        (&nameless, "there are no arrays `x` and `y`; there are a, b"),
        (&nan, "the entry [0,0,1] is NaN"),
        (&same, "all examples have the same inputs"),
        (&single, "at least two are needed"),
        (&alone, "at least two are needed"),
        (&garbage, "give it the right ending"),
        (&empty, "empty.npz: "),
        (&nowhere, "No such file"),
        (&nothing, "nothing: "),
    ] {
        let (code, out, err) = discover(&[text(path)]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{}: {err}", path.display());
        assert_eq!(err.trim_end().lines().count(), 1, "{err}");
        assert!(err.starts_with("error: ") && err.contains(words), "{err}");
    }
    let six = ring(folder.path(), "six.safetensors", 24, false);
    for (flags, words) in [
        (&["--shape", "4x2"][..], "shape"),
        (&["--shape", "4*4"], "a shape is sizes"),
        (&["--signed", "--pairs"], "cannot be used with"),
        (&["--budget", "soon"], "a time is a number"),
        (&["--resume"], "--out"),
        (&["--tasks-from", "nothing"], "tasks come from"),
        (&["--task-column", "who"], "who"),
    ] {
        let (code, out, err) = discover(&[&[text(&six)], flags].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{flags:?}: {err}");
        assert!(err.contains(words), "{flags:?}: {err}");
    }
    for bad in ["0", "1", "-0.1", "nan", "much"] {
        let (code, out, err) = discover(&[text(&same), &format!("--tolerance={bad}")]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{bad}: {err}");
        assert!(err.contains("--tolerance") && err.contains("such as 0.05"), "{err}");
    }
    let (_, _, err) = discover(&[text(&same), "--tolerance=5%"]);
    assert!(!err.contains("--tolerance"), "{err}");
}

/// A table, from a verdict to a report and a layer; and all of it again.
#[test]
fn a_table_becomes_a_report_and_a_layer() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Numbers(11);
    let mut table = String::from("site,left,mid,right,other,after,note\n");
    for site in 0..60 {
        let own: Vec<f64> = (0..4).map(|_| random.next()).collect();
        for _ in 0..14 {
            let x: Vec<f64> = (0..4).map(|_| random.next()).collect();
            // left and right can be exchanged.
            let y = own[0] * (x[0] + x[2]) + own[1] * x[1] + own[2] * x[3] + 0.02 * random.next();
            table += &format!("s{site},{},{},{},{},{y},text\n", x[0], x[1], x[2], x[3]);
        }
    }
    let path = folder.path().join("sites.csv");
    std::fs::write(&path, table).unwrap();
    let out = folder.path().join("a report");
    let args = [
        text(&path),
        "--task-column",
        "site",
        "--x",
        "left..other",
        "--y",
        "after",
        "--out",
        text(&out),
        "--budget=2s",
    ];
    let (code, said, err) = discover(&args);
    assert_eq!(code, Some(0), "{said}");
    let phases: Vec<&str> = err.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(phases, ["finding", "comparing", "writing"], "{err}");
    assert!(said.starts_with("60 tasks of 14 examples each, 4 inputs and 1 output\n"), "{said}");
    assert!(
        said.contains("C_2, order 2, on 4 inputs and 1 output")
            && said.contains("\n             inputs  left ↔ right\n"),
        "{said}"
    );
    assert!(said.contains("With 7 examples, the held-out error of new tasks is "), "{said}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    let words = [
        "<!doctype html>",
        "sites.csv",
        "left ↔ right",
        "convolution",
        "order 2",
        "columns that were left out: note",
    ];
    for words in words {
        assert!(page.to_lowercase().contains(&words.to_lowercase()), "{words}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"));
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("verdict.json")).unwrap()).unwrap();
    assert_eq!((&json["verdict"], &json["tasks"], &json["seed"]), (&"found".into(), &60.into(), &0.into()));
    assert_eq!((&json["input_names"][0], &json["output_names"][0]), (&"left".into(), &"after".into()));
    assert_eq!(json["tested"].as_array().unwrap().len() as u64, json["patterns_tested"].as_u64().unwrap());

    // What is there is not written over, and not computed again.
    let (code, _, err) = discover(&args);
    assert_eq!(code, Some(2));
    assert!(err.contains("is finished; give another --out, or add --resume to print it again"), "{err}");
    let (code, printed, err) = discover(&[&args[..], &["--resume"]].concat());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let rest = |said: &str| said.split_once("C_2, order 2").unwrap().1.to_string();
    assert_eq!(rest(&printed), rest(&said), "the same again, with generators and what to do next");
    let again = [&args[..], &["--resume", "--json"]].concat();
    let (code, said, err) = discover(&again);
    assert!(err.contains("are finished already"), "{err}");
    assert_eq!((code, serde_json::from_str::<serde_json::Value>(&said).unwrap()), (Some(0), json.clone()));
    // A report that was not finished is, with the same answer; and of other settings it is another.
    std::fs::remove_file(out.join("report.html")).unwrap();
    let (code, _, err) = discover(&args);
    assert_eq!(
        (code, err.contains("its report is missing; add --resume to finish it")),
        (Some(2), true),
        "{err}"
    );
    let (code, said, err) = discover(&again);
    assert!(err.contains("the verdict was kept; what is missing is its report"), "{err}");
    let mut again: serde_json::Value = serde_json::from_str(&said).unwrap();
    again["command"] = json["command"].clone();
    assert_eq!((code, again), (Some(0), json));
    let rest = |page: &str| page.split("How it was made").next().map(str::to_owned);
    assert_eq!(rest(&std::fs::read_to_string(out.join("report.html")).unwrap()), rest(&page));
    let other = [&args[..], &["--resume", "--seed=1"]].concat();
    let (code, _, err) = discover(&other);
    assert_eq!(code, Some(2));
    assert!(err.contains("is of another --seed (0, and 1 is asked for); give another --out"), "{err}");
    for (file, words) in [("verdict.json", "msr export` makes a layer"), ("report.html", "report.html")] {
        let said = command().args(["inspect", text(&out.join(file))]).output().unwrap();
        let err = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && err.contains(words), "{err}");
    }

    let layer = folder.path().join("tied.py");
    let exported =
        command().args(["export", text(&out), "--to", "pytorch", "--out", text(&layer)]).output().unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let python = std::fs::read_to_string(&layer).unwrap();
    assert!(python.contains("class TiedLinear") && python.contains("(0 2)"), "{python}");
    let refused =
        command().args(["export", text(&out), "--to", "npz", "--out", text(&layer)]).output().unwrap();
    let err = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && err.contains("tied.py already exists; --force replaces it"),
        "{err}"
    );
}
