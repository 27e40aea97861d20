//! Everything is checked before anything is made, and again before a run is continued.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use command::{command, msr, refuses, text};

mod command;

/// A definition with a line replaced, wherever it stands first.
struct Edited {
    experiment: &'static str,
    text: &'static str,
    flags: &'static [&'static str],
}

const TABLE1: Edited = Edited {
    experiment: "table1",
    text: include_str!("../../msr-experiments/definitions/table1.toml"),
    flags: &["--ranks", "1", "--sets", "small", "--methods", "MSR-FC", "--outer-steps", "3"],
};
/// The same with the ranks that the definition has.
const ALL_RANKS: Edited =
    Edited { flags: &["--sets", "small", "--methods", "MSR-FC", "--outer-steps", "3"], ..TABLE1 };
const TABLE2: Edited = Edited {
    experiment: "table2",
    text: include_str!("../../msr-experiments/definitions/table2.toml"),
    flags: &["--problems", "C8", "--methods", "MSR-Conv-full", "--outer-steps", "2"],
};
const GROUPS: Edited = Edited {
    experiment: "groups",
    text: include_str!("../../msr-experiments/definitions/groups.toml"),
    flags: &["--problems", "C_12", "--methods", "MSR", "--outer-steps", "2"],
};

impl Edited {
    /// The definition with the first line `key = …` saying `value`.
    fn with(&self, key: &str, value: &str) -> String {
        let mut done = false;
        let lines = self.text.lines().map(|line| {
            let is_it = !done && line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
            done |= is_it;
            if is_it { format!("{key} = {value}\n") } else { format!("{line}\n") }
        });
        let text = lines.collect();
        assert!(done, "{}: {key}", self.experiment);
        text
    }

    /// Refuses this definition for a reason that these words give, and leaves nothing behind.
    fn refuses(&self, definition: &str, words: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.toml");
        std::fs::write(&file, definition).unwrap();
        let out = folder.path().join("deep/er/out");
        let args = ["reproduce", self.experiment, "--definition", text(&file), "--out", text(&out)];
        refuses(&[&args, self.flags].concat(), words);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "{words:?}: {left:?}");
    }
}

#[test]
fn numbers_that_cannot_be_meant_are_refused_before_anything_is_made() {
    let huge = "9223372036854775807";
    for (edited, key, reason, values) in [
        (TABLE1, "outer_steps", "outer_steps", &["0"][..]),
        (TABLE1, "meta_batch", "meta_batch", &["0"]),
        (TABLE1, "meta_batch", "training tasks", &[huge]),
        (TABLE1, "outer_rate", "outer_rate", &["nan", "inf", "-1.0"]),
        (TABLE1, "inner_rate", "inner_rate", &["nan", "-inf"]),
        (TABLE1, "ridge", "ridge", &["nan", "0.0", "-1.0"]),
        (TABLE1, "checkpoint_every", "checkpoint_every", &["0"]),
        (TABLE1, "metrics_every", "metrics_every", &["0"]),
        (TABLE1, "seeds", "seeds", &["0", huge]),
        (TABLE1, "inner_steps", "of memory", &[huge]),
        (TABLE1, "total", "training tasks", &["0", "1"]),
        (TABLE1, "total", "are asked for, but no more are numbered", &[huge]),
        (TABLE1, "test_support", "an episode", &["0", huge]),
        (TABLE1, "test_query", "an episode", &["0", huge]),
        (TABLE1, "test_batch", "test_batch", &["0"]),
        (ALL_RANKS, "rank", "rank and filter_params", &["0"]),
        (ALL_RANKS, "rank", "rank 69 is not in 1..=68", &["69"]),
        (TABLE1, "filter_params", "filter_params", &["0"]),
        (TABLE1, "filter_params", "of memory", &["4000000000000", huge]),
        (TABLE1, "support", "an episode", &["0", huge]),
        (TABLE1, "query", "an episode", &["0", huge]),
        (TABLE2, "train", "training tasks", &["0"]),
        (TABLE2, "train", "are asked for, but no more are numbered", &[huge]),
        (TABLE2, "test", "two test tasks", &["0", "1"]),
        (TABLE2, "test", huge, &[huge]),
        (TABLE2, "test_tasks", "two test tasks", &["0", "1"]),
        (TABLE2, "test_batch", "test_batch", &["0"]),
        (TABLE2, "test_at", "test_at", &["[500, 300]", "[300, 1001]"]),
        (TABLE2, "rotations", "rotations", &["0", "1000003", huge]),
        (TABLE2, "filter_params", "filter_params", &["0"]),
        (TABLE2, "filter_params", "of memory", &["4000000000000"]),
        (TABLE2, "file", "the file of", &["\"../2d_rot8.npz\"", "\"/2d_rot8.npz\"", "\"\""]),
        (TABLE2, "at_most", "no value is at least 0 and at most", &["nan", "-1.0"]),
        (GROUPS, "seeds", "seeds", &["0"]),
        (GROUPS, "meta_batch", "meta_batch", &["0"]),
        (GROUPS, "checkpoint_every", "checkpoint_every", &["0"]),
        (GROUPS, "inner_steps", "inner_steps", &["0"]),
        (GROUPS, "filter_params_per_input", "filter_params_per_input", &["nan", "0.0", "-1.0"]),
        (GROUPS, "filter_params_per_input", "of memory", &["1e18"]),
        (GROUPS, "filter_params_per_input", "filter_params", &["inf"]),
        (GROUPS, "noise", "noise", &["nan", "inf", "-0.1"]),
        (GROUPS, "train", "training tasks", &["0"]),
        (GROUPS, "train", huge, &[huge]),
        (GROUPS, "test", "test and test_batch", &["1"]),
        (GROUPS, "test", huge, &[huge]),
        (GROUPS, "support", "an episode", &["0"]),
        (GROUPS, "support", "examples that a machine can hold", &[huge]),
        (GROUPS, "query", "an episode", &["0"]),
        (GROUPS, "query", "examples that a machine can hold", &[huge]),
        (GROUPS, "recovered", "recovered", &["nan", "1.1"]),
        (GROUPS, "mse_factor", "mse_factor", &["nan", "-1.0"]),
    ] {
        for value in values {
            edited.refuses(&edited.with(key, value), &[reason]);
        }
    }
    GROUPS.refuses(&GROUPS.with("filter_params_per_input", "nan"), &["own.toml", "filter_params_per_input"]);
    TABLE1.refuses(&TABLE1.with("inner_steps", huge), &["needs at least 2^", "of memory, and there are"]);
    TABLE1.refuses(&TABLE1.with("seeds", huge), &["more than 100000 training runs"]);
}

/// Two cells in one folder gave a wrong table, and some names a folder elsewhere.
#[test]
fn names_are_checked_in_every_definition_before_anything_is_made() {
    let bad = ["../../x", "/tmp/x", "a/b", "", " a", "a|b", "a,b", "a\\nb", "a\\u0000b", "\\u001b[31m"];
    for (edited, layer) in [(TABLE1, "linear"), (TABLE2, "conv"), (GROUPS, "linear")] {
        let known = edited.flags[edited.flags.len() - 3];
        for name in bad.iter().copied().chain([known, &known.to_lowercase(), &"x".repeat(101)]) {
            let method =
                format!("\n[[methods]]\nname = \"{name}\"\nlearner = \"bilevel\"\nlayer = \"{layer}\"\n");
            edited.refuses(&format!("{}{method}", edited.text), &["own.toml", "name"]);
        }
    }
    let again =
        "\n[[problems]]\nname = \"C8\"\nrotations = 4\nflips = false\nfile = \"4.npz\"\nfilter_params = 18\n";
    TABLE2.refuses(&format!("{}{again}", TABLE2.text), &["`C_8` and `C8` have the same name"]);
    let problem = |name: &str, set: &str| {
        let text = TABLE1.text;
        format!(
            "{text}\n[[problems]]\nname = \"{name}\"\nrank = 1\nfilter_params = 3\nset = \"{set}\"\nsupport = 1\nquery = 1\n"
        )
    };
    for set in ["small", "Small"] {
        TABLE1.refuses(&problem("again", set), &["would share a folder"]);
    }
    TABLE1.refuses(&problem("rank 1, small", "other"), &["have the same name"]);
    TABLE1.refuses(&problem("again", "../../y"), &["the folder of `again`"]);
    let again = format!("{}\n[[problems]]\nname = \"c_7:c_3\"\ngroup = \"cyclic(3)\"\n", GROUPS.text);
    GROUPS.refuses(&again, &["have the same name", "C_7 ⋊ C_3"]);
}

#[test]
fn flags_that_ask_for_too_much_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let args = ["reproduce", "table1", "--ranks", "1", "--out", text(&out)];
    for method in ["MSR-FC", "MAML-Conv"] {
        let more = ["--methods", method, "--inner-steps", "18446744073709551615"];
        refuses(&[&args[..], &more].concat(), &["of memory", "fewer inner steps"]);
    }
    refuses(&[&args[..], &["--seeds", "4000000000"]].concat(), &["more than 100000 training runs"]);
    assert!(!out.exists());
}

/// Changes the settings of a stored run.
fn change(out: &Path, change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let config = out.join("config.json");
    let before = std::fs::read(&config).unwrap();
    let mut settings: serde_json::Value = serde_json::from_slice(&before).unwrap();
    change(&mut settings["run"]["definition"]);
    std::fs::write(&config, settings.to_string()).unwrap();
    before
}

#[test]
fn a_plan_is_checked_again_when_its_run_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b/c");
    let begin = ["reproduce", "groups", "--seeds", "1", "--out", text(&out)];
    assert!(msr(&[&begin, GROUPS.flags].concat()).ok);
    std::fs::remove_file(out.join("cells/C_12-MSR-seed0/result.json")).unwrap();
    let resume = ["reproduce", "groups", "--resume", "--out", text(&out)];
    for (part, key, value) in [
        ("tasks", "test_batch", 0.into()),
        ("tasks", "support", u64::MAX.into()),
        ("tasks", "query", u64::MAX.into()),
        ("tasks", "train", u64::MAX.into()),
        ("tasks", "noise", (-1).into()),
        ("training", "meta_batch", 0.into()),
        ("training", "meta_batch", u64::MAX.into()),
        ("training", "checkpoint_every", 0.into()),
        ("training", "metrics_every", 0.into()),
        ("training", "seeds", 0.into()),
        ("training", "seeds", u64::MAX.into()),
        ("training", "inner_steps", u64::MAX.into()),
        // The checkpoint is two steps further.
        ("training", "outer_steps", 1.into()),
    ] {
        let value: serde_json::Value = value;
        let before = change(&out, |definition| definition[part][key] = value.clone());
        refuses(&resume, &[]);
        std::fs::write(out.join("config.json"), before).unwrap();
    }
    let before = change(&out, |definition| definition["methods"][0]["name"] = "../../../x".into());
    refuses(&resume, &["the folder of `C_12`"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::fs::write(out.join("config.json"), before).unwrap();
    let said = msr(&resume);
    assert!(said.ok, "{}", said.err);
}

/// Paths are bytes on some systems; those that are no text could not be stored or printed.
#[cfg(target_os = "linux")]
#[test]
fn folders_may_have_names_that_are_no_text() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let folder = tempfile::tempdir().unwrap();
    let odd = |name: &[u8]| folder.path().join(OsString::from_vec(name.to_vec()));
    let (data, out) = (odd(b"data \xff"), odd(b"out \xff"));
    std::fs::create_dir(&data).unwrap();
    msr_data::export_npz(&msr_data::RankK::new(1, 0).unwrap(), 0..60, data.join("rank1.npz")).unwrap();
    let run = |args: &[&str]| {
        let mut run = command();
        run.args(["reproduce", "table1", "--json", "--out"]).arg(&out).args(args);
        if args != ["--resume"] {
            run.arg("--data").arg(&data);
        }
        let output = run.output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let flags = ["--methods", "maml-conv", "--ranks", "1", "--sets", "small", "--outer-steps", "3"];
    let (ok, json, said) = run(&flags);
    assert!(ok, "{said}");
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    assert!(said.contains("--resume --out $'") && said.contains("out \\377'"), "{said}");
    std::fs::remove_file(out.join("cells/MAML-Conv-rank1-small-seed0/result.json")).unwrap();
    let (ok, _, said) = run(&["--resume"]);
    assert!(ok && said.contains("maps from 70 to 68 numbers"), "the data is found again: {said}");

    let matrix: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 2.0 } else { 1.0 }).collect();
    let matrix = candle_core::Tensor::from_vec(matrix, (4, 4), &candle_core::Device::Cpu).unwrap();
    let file = odd(b"w\xff.safetensors");
    candle_core::safetensors::save(&[("w", matrix)].into(), &file).unwrap();
    let output = command().args(["inspect", "--json"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found["file"].as_str().is_some_and(|name| name.ends_with(".safetensors")), "{found}");
}
