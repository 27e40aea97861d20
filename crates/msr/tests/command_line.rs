//! The command line as a user meets it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use command::{msr, refuses, text};

mod command;

#[test]
fn without_arguments_there_is_help() {
    for args in [&[][..], &["reproduce"], &["data"]] {
        let said = msr(args);
        assert!(said.err.contains("Usage: msr"), "{args:?}: {}", said.err);
    }
    for (args, about) in [
        (&["reproduce", "numbers"][..], "Sums of numbers: which positions of a sequence"),
        (&["inspect"], "Read the symmetry group out of a symmetry matrix"),
        (&["discover"], "Find out which symmetry tasks share"),
        (&["data"], "Read images of classes, and keep them"),
        (&["completions"], "Print a shell completion script"),
    ] {
        let help = msr(&[args, &["--help"]].concat()).out;
        assert!(help.starts_with(about), "{help}");
    }
    assert!(msr(&["--help"]).out.contains("Exit codes: 0 all went well"));
    let help = msr(&["reproduce", "table1", "--help"]).out;
    for flag in [
        "--quick",
        "--methods",
        "--inner",
        "--ranks",
        "--sets",
        "--seeds",
        "--outer-steps",
        "--inner-steps",
        "--device",
        "--data",
        "--x",
        "--y",
        "--out",
        "--resume",
        "--definition",
        "--runs",
        "--json",
        "--record",
        "--verbose",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help");
    }
}

#[test]
fn bad_requests_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("thesis.txt"), "mine").unwrap();
    let fresh = folder.path().join("fresh");
    refuses(&["reproduce", "table1", "--methods", "MSR-FX"], &["MSR-FX", "MAML-LC"]);
    refuses(&["reproduce", "table1", "--ranks", "3"], &["no rank `3`", "1, 2, 5"]);
    refuses(&["reproduce", "table1", "--seeds", "0"], &["--seeds"]);
    refuses(&["reproduce", "table1", "--inner", "exact", "--methods", "MSR-FC"], &["MSR-FC", "--inner"]);
    refuses(&["reproduce", "table2", "--problems", "C7"], &["no problem `C7`", "C_8, D_8"]);
    refuses(
        &["reproduce", "table2", "--data", text(&full), "--out", text(&fresh)],
        &["--data expects 2d_rot8.npz", "arrays of numbers x (tasks"],
    );
    refuses(&["reproduce", "table1", "--out", text(&full)], &["not empty", "--resume"]);
    refuses(&["reproduce", "table1", "--resume", "--out", text(&fresh)], &["holds no run"]);
    refuses(&["reproduce", "table1", "--record", "--quick", "--out", text(&fresh)], &["whole experiment"]);
    refuses(
        &["reproduce", "table1", "--record", "--ranks", "1", "--out", text(&fresh)],
        &["whole experiment"],
    );
    refuses(&["reproduce", "table1", "--x", "inputs"], &["--data"]);
    refuses(&["reproduce", "table1", "--resume", "--y", "labels"], &["--y", "--resume"]);
    refuses(&["reproduce", "table1", "--resume", "--quick"], &["--quick", "--resume"]);
    refuses(
        &["reproduce", "table1", "--data", text(&full), "--ranks", "1", "--out", text(&fresh)],
        &["rank1.npz"],
    );
    if cfg!(not(feature = "cuda")) {
        let other = folder.path().join("other");
        refuses(&["reproduce", "table1", "--device", "cuda", "--out", text(&other)], &["--features cuda"]);
    }
    assert_eq!(std::fs::read_to_string(full.join("thesis.txt")).unwrap(), "mine");
    assert!(!fresh.exists(), "a request that is refused leaves no folder");
}

/// Two processes do not work in one folder.
#[test]
fn a_run_folder_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let quick = [
        "reproduce",
        "table1",
        "--methods",
        "maml-conv",
        "--ranks",
        "1",
        "--sets",
        "small",
        "--outer-steps",
        "5",
    ];
    assert!(msr(&[&quick[..], &["--out", text(&out)]].concat()).ok);
    let lock = std::fs::File::create(out.join("lock")).unwrap();
    lock.lock().unwrap();
    refuses(&["reproduce", "table1", "--resume", "--out", text(&out)], &["another process"]);
    lock.unlock().unwrap();
    assert!(msr(&["reproduce", "table1", "--resume", "--out", text(&out)]).ok);
}

/// Maps from n to m numbers, with true weights of any shape.
#[derive(Clone)]
struct Maps {
    n: usize,
    m: usize,
    w: Vec<usize>,
}

impl Maps {
    fn save(&self, folder: &std::path::Path) {
        msr_data::export_npz(self, 0..60, folder.join("rank1.npz")).unwrap();
    }
}

impl msr_episodes::TaskSource for Maps {
    fn name(&self) -> String {
        "maps".into()
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        20
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1, self.n]
    }

    fn output_shape(&self) -> Vec<usize> {
        vec![1, self.m]
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        x.iter_mut().enumerate().for_each(|(i, x)| *x = ((7 * i + task) % 11) as f32 / 5.0 - 1.0);
        y.iter_mut().enumerate().for_each(|(i, y)| *y = ((5 * i + 3 * task) % 7) as f32 / 3.0 - 1.0);
        Ok(())
    }

    fn true_weights(&self, _: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        Ok(Some((self.w.clone(), vec![0.5; self.w.iter().product()])))
    }
}

/// The authors' files take the place of our generator.
#[test]
fn a_run_on_npz_files() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    std::fs::create_dir(&data).unwrap();
    let problem = msr_data::RankK::new(1, 0).unwrap();
    // Too few tasks for a meta-batch, or tasks that are no maps between vectors: refused before
    // anything is left behind.
    let refused = ["reproduce", "table1", "--data", text(&data), "--ranks", "1", "--out", text(&out)];
    msr_data::export_npz(&problem, 0..30, data.join("rank1.npz")).unwrap();
    refuses(&refused, &["a meta-batch of 32 tasks, but 24 training tasks"]);
    let images = msr_data::SteerableConv::new(msr_data::SteerableConvConfig::new(
        msr_groups::PlaneGroup::Rotations(8),
        0,
    ))
    .unwrap();
    msr_data::export_npz(&images, 0..2, data.join("rank1.npz")).unwrap();
    refuses(&refused, &["tasks of Table 1 have inputs (1, n)"]);
    // Maps of other sizes are fine; true filters that are not theirs were met after the training,
    // by a panic.
    Maps { n: 70, m: 3, w: vec![1, 1, 68, 3] }.save(&data);
    refuses(&refused, &["3 filters of 68", "it is [1, 1, 68, 3]", "mend the array w, or leave it out"]);
    Maps { n: 1, m: 1, w: vec![1, 1, 68, 3] }.save(&data);
    refuses(&refused, &["1 filters of 1"]);
    Maps { n: 70, m: 3, w: vec![3, 70] }.save(&data);
    refuses(&refused, &["it is [3, 70]"]);
    assert!(!out.exists());
    for (n, m, w) in [(70, 3, vec![1, 3, 68]), (1, 1, vec![1, 1, 1])] {
        Maps { n, m, w }.save(&data);
        let small = ["--sets", "large", "--methods", "msr-fc,maml-fc", "--outer-steps", "3"];
        let said =
            msr(&[&refused[..refused.len() - 1], &[text(&folder.path().join(n.to_string()))], &small]
                .concat());
        assert!(said.ok, "{}", said.err);
    }
    msr_data::export_npz(&problem, 0..60, data.join("rank1.npz")).unwrap();
    let said = msr(&[
        "reproduce",
        "table1",
        "--data",
        text(&data),
        "--ranks",
        "1",
        "--sets",
        "large",
        "--methods",
        "maml-conv,msr-fc",
        "--outer-steps",
        "20",
        "--out",
        text(&out),
    ]);
    assert!(said.ok, "{}", said.err);
    assert!(said.out.contains("| large        | 1    |"), "{}", said.out);
    assert!(said.out.contains("bounds were not checked"), "{}", said.out);
    let cell = out.join("cells/MSR-FC-rank1-large-seed0");
    for file in
        ["learned.safetensors", "metrics.jsonl", "result.json", "symmetry.png", "checkpoint.safetensors"]
    {
        assert!(cell.join(file).exists(), "{file}");
    }
    // Every tenth step and the last.
    let metrics = std::fs::read_to_string(cell.join("metrics.jsonl")).unwrap();
    let metrics: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(metrics.len(), 3);
    // U becomes more of a convolution, as the tasks are; a learner without U has no such curve.
    let errors: Vec<f64> = metrics.iter().map(|line| line["equivariance_error"].as_f64().unwrap()).collect();
    assert!(errors.is_sorted_by(|a, b| a > b) && errors[0] > 0.9 && errors[2] < 0.99, "{errors:?}");
    let plain = out.join("cells/MAML-Conv-rank1-large-seed0/metrics.jsonl");
    assert!(!std::fs::read_to_string(plain).unwrap().contains("equivariance_error"));
    for file in ["config.json", "command.txt", "machine.txt", "table1.md", "results.json"] {
        assert!(out.join(file).exists(), "{file}");
    }
    // A finished run can be resumed: it prints the same table again.
    let again = msr(&["reproduce", "table1", "--resume", "--out", text(&out)]);
    assert!(again.ok && again.out.contains("| large        | 1    |"), "{}", again.err);
}

/// The same for Table 2, with the pictures and the symmetry report of what little was learned.
#[test]
fn table2_on_an_npz_file() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    std::fs::create_dir(&data).unwrap();
    let problem = msr_data::SteerableConv::new(msr_data::SteerableConvConfig::new(
        msr_groups::PlaneGroup::Rotations(8),
        0,
    ))
    .unwrap();
    msr_data::export_npz(&problem, 0..30, data.join("2d_rot8.npz")).unwrap();
    let flags = ["--problems", "C8", "--methods", "maml-conv,msr-conv,msr-conv-full", "--outer-steps", "2"];
    let run = ["reproduce", "table2", "--data", text(&data), "--out", text(&out)];
    // Too few tasks for a meta-batch: refused before anything is left behind.
    refuses(&[&run[..], &flags].concat(), &["a meta-batch of 32 tasks, but 24 training tasks"]);
    assert!(!out.exists());
    msr_data::export_npz(&problem, 0..40, data.join("2d_rot8.npz")).unwrap();
    let said = msr(&[&run[..], &flags].concat());
    assert!(said.ok, "{}", said.err);
    for words in [
        "the first 32 tasks train, 8 of the others test",
        "interval over 8 test tasks",
        "| C_8     | 2           |",
        "The symmetry that was learned, after 2",
        "bounds were not checked",
    ] {
        assert!(said.out.contains(words), "{words} is not in\n{}", said.out);
    }
    let files =
        ["filters.png", "factors.png", "basis.png", "learned.safetensors", "tested-2.json", "result.json"];
    for file in files {
        assert!(out.join("cells/C_8-MSR-Conv-seed0").join(file).exists(), "{file}");
    }
    assert!(!out.join("cells/C_8-MAML-Conv-seed0/factors.png").exists());
    assert!(
        out.join("filters-C_8.png").exists()
            && out.join("cells/C_8-MAML-Conv-seed0/filters.safetensors").exists()
    );
    // What is finished needs its data no more; what is not says which file is gone.
    std::fs::rename(data.join("2d_rot8.npz"), data.join("elsewhere.npz")).unwrap();
    let resume = ["reproduce", "table2", "--resume", "--out", text(&out)];
    assert!(msr(&resume).ok);
    std::fs::remove_file(out.join("cells/C_8-MSR-Conv-seed0/result.json")).unwrap();
    refuses(&resume, &["--data expects 2d_rot8.npz"]);
    std::fs::rename(data.join("elsewhere.npz"), data.join("2d_rot8.npz")).unwrap();
    assert!(msr(&resume).ok);
    // After two steps there is no symmetry, and none is claimed.
    assert!(said.out.contains("symmetry not named"), "{}", said.out);
    // The file of a full U says what its rows are.
    let learned = out.join("cells/C_8-MSR-Conv-full-seed0/learned.safetensors");
    let said = msr(&["inspect", text(&learned)]);
    assert!(said.ok && said.out.contains("24 channels, 3 × 3 taps"), "{}{}", said.out, said.err);
}
