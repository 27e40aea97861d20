//! A run that is killed again and again and resumed writes the same bytes as one that was left
//! alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use kills::{contents, files, start};
use msr_testkit::normal;

mod command;
mod kills;

const KILLS: u32 = 5;

/// A small run of an experiment.
struct Run<'a> {
    experiment: &'a str,
    flags: &'a [&'a str],
}

/// When each file of the run was last written; changes when anything happens.
fn activity(out: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut found: Vec<_> = files(out)
        .into_iter()
        .filter(|p| p.ends_with("checkpoint.safetensors") || p.ends_with("result.json"))
        .filter_map(|p| Some((p.clone(), p.metadata().ok()?.modified().ok()?)))
        .collect();
    found.sort();
    found
}

#[test]
fn a_killed_table1_ends_with_the_same_bytes() {
    let flags = &[
        "--methods",
        "MSR-FC,MTSR-FC,MSR-FC-exact,MAML-Conv",
        "--ranks",
        "1",
        "--sets",
        "small",
        "--outer-steps",
        "700",
    ];
    check(&Run { experiment: "table1", flags }, 4 * 4);
}

/// With a test in the middle of the training.
#[test]
fn a_killed_table2_ends_with_the_same_bytes() {
    let flags = &["--quick", "--outer-steps", "310"];
    check(&Run { experiment: "table2", flags }, 2 * 6);
}

/// With validations that choose the state and end the training.
#[test]
fn a_killed_run_with_validation_ends_with_the_same_bytes() {
    let definitions = concat!(env!("CARGO_MANIFEST_DIR"), "/../msr-experiments/definitions");
    let table1 = std::fs::read_to_string(Path::new(definitions).join("table1.toml")).unwrap();
    // So fast that validations get worse at times.
    let (slow, fast) = ("outer_rate = 1e-3", "outer_rate = 1e-2");
    assert!(table1.contains(slow));
    let table1 = table1.replace(slow, fast);
    let validation = "\n[training.validation]\nevery = 20\ntasks = 50\npatience = 2\n";
    let folder = tempfile::tempdir().unwrap();
    let definition = folder.path().join("validated.toml");
    std::fs::write(&definition, table1 + validation).unwrap();
    let flags = [
        "--definition",
        definition.to_str().unwrap(),
        "--methods",
        "MSR-FC,MAML-Conv,MAML-LC",
        "--ranks",
        "1",
        "--sets",
        "small",
        "--outer-steps",
        "900",
    ];
    let whole = check(&Run { experiment: "table1", flags: &flags }, 3 * 7);
    let named = |end: &str| whole.iter().filter(|(name, _)| name.ends_with(end)).collect::<Vec<_>>();
    let validated: Vec<serde_json::Value> =
        named("validated.json").iter().map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    assert_eq!((validated.len(), named("best.safetensors").len()), (3, 3));
    println!("{validated:?}");
    for found in &validated {
        let (best, taken) = (found["best"]["step"].as_u64().unwrap(), found["outer_steps"].as_u64().unwrap());
        assert!(best > 0 && best <= taken && taken <= 900, "{found}");
        // The first two validations after the best one end the training.
        assert_eq!(found["ended_early"].as_bool().unwrap(), best + 40 == taken, "{found}");
    }
    assert!(validated.iter().any(|found| found["ended_early"] == true), "some training is cut short");
}

/// Images that are augmented, in episodes that are made in the background.
#[test]
fn a_killed_table3_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    // Seven alphabets and one more, of three characters each, with as many drawings as are needed.
    for (archive, alphabets) in [("background", 0..7), ("evaluation", 7..9)] {
        let file = std::fs::File::create(folder.path().join(format!("images_{archive}.zip"))).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        for class in alphabets.flat_map(|alphabet| (0..3).map(move |number| (alphabet, number))) {
            for drawing in 0..6 {
                let name = format!("Alphabet{}/character{:02}/{drawing}.png", class.0, class.1);
                zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                let mut ink = normal(100 * (3 * class.0 + class.1) + drawing, 256, candle_core::DType::F32);
                ink = ((ink.clamp(-2f32, 2f32).unwrap() + 2.0).unwrap() * 60.0).unwrap();
                let pixels: Vec<u8> = ink.to_vec1::<f32>().unwrap().iter().map(|&x| x as u8).collect();
                let mut encoder = png::Encoder::new(&mut zip, 16, 16);
                encoder.set_color(png::ColorType::Grayscale);
                encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
            }
        }
        zip.finish().unwrap();
    }
    let definitions = concat!(env!("CARGO_MANIFEST_DIR"), "/../msr-experiments/definitions");
    let mut table3 = std::fs::read_to_string(Path::new(definitions).join("table3.toml")).unwrap();
    for (from, to) in [
        ("channels = 32 ", "channels = 3 "),
        ("channels = 36", "channels = 4"),
        ("test_tasks = 1_000", "test_tasks = 20"),
        ("every = 500\ntasks = 200", "every = 50\ntasks = 10"),
        ("checkpoint_every = 250", "checkpoint_every = 20"),
    ] {
        assert!(table3.contains(from), "{from}");
        table3 = table3.replace(from, to);
    }
    let definition = folder.path().join("small.toml");
    std::fs::write(&definition, table3).unwrap();
    let flags = [
        "--definition",
        definition.to_str().unwrap(),
        "--data",
        folder.path().to_str().unwrap(),
        "--problems",
        "5w1s-new-alphabets",
        "--outer-steps",
        "100",
    ];
    check(&Run { experiment: "table3", flags: &flags }, 6 * 7);
}

/// The files of the run, but for when and how it was started.
fn check(run: &Run, least_files: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let start = |out: &Path, resume| start(run.experiment, run.flags, out, resume);
    assert!(start(&whole, false).wait().unwrap().success());

    let mut kills = 0;
    let mut child = start(&parts, false);
    while kills < KILLS {
        // Let it come to something new, then a little further, and kill it there.
        let before = activity(&parts);
        let deadline = Instant::now() + Duration::from_secs(60);
        while activity(&parts) == before && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the run makes no progress");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(u64::from(7 * kills % 40)));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        kills += 1;
        child = start(&parts, true);
    }
    assert!(child.wait().unwrap().success());
    println!("killed {kills} times");
    assert!(kills >= 3, "the run was over before it could be killed three times");

    let (whole, parts) = (contents(&whole), contents(&parts));
    let names = |c: &[(PathBuf, Vec<u8>)]| c.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
    assert_eq!(names(&parts), names(&whole));
    for ((name, a), (_, b)) in parts.iter().zip(&whole) {
        assert!(a == b, "{} differs", name.display());
    }
    assert!(whole.len() >= least_files, "every cell has checkpoint, metrics, learned tensors and result");
    whole
}
