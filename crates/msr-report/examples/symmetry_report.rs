//! Writes reports of made-up searches, to see how they look; every number in them is a sample, and
//! they say so. Into a folder; into one among the system's temporary files, if none is named:
//! `cargo run -p msr-report --example symmetry_report -- <folder>`.

use std::error::Error;
use std::path::PathBuf;

use msr_files::write_atomic;
use msr_groups::{Permutation, SignedPattern, SignedPermutation};
use msr_report::say;
use msr_report::symmetry_report::{
    Candidate, Generator, Interval, Kind, Model, Series, Status, Symmetry, SymmetryReport, page,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let named = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| std::env::temp_dir().join("msr-symmetry-report"));
    std::fs::create_dir_all(&folder)?;
    let reports = [
        ("found", found()?),
        ("at-least", at_least()?),
        ("none", none()),
        ("undecided", undecided()),
        ("ring", ring()?),
        ("large", large()?),
    ];
    for (name, report) in &reports {
        write_atomic(folder.join(name).with_extension("html"), page(report)?.as_bytes())?;
    }
    say(&format!("{} reports of sample data are in {}", reports.len(), folder.display()));
    Ok(())
}

/// Numbers that look like noise between −1 and 1, the same each time.
fn noise(i: usize) -> f64 {
    ((i as f64 + 1.0) * 12.9898).sin() * 43_758.545 % 1.0
}

fn around(value: f64, by: f64) -> Interval {
    (value, value - by, value + 0.9 * by).into()
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, what)| (name.to_string(), what.to_string())).collect()
}

/// What all of them share, and that they are samples.
fn sample(title: &str, (outputs, inputs): (usize, usize)) -> SymmetryReport {
    SymmetryReport {
        title: title.into(),
        tolerance: Some(0.05),
        outputs,
        inputs,
        data: texts(&[(
            "note",
            "Sample data: every number on this page is made up to show how a report looks.",
        )]),
        error_name: "mean squared error on held-out examples".into(),
        settings: texts(&[
            ("tolerance", "5 % of the variation of the weights"),
            ("level", "1 %"),
            ("seed", "0"),
            ("tasks that find / that confirm", "64 / 64"),
        ]),
        command: format!("msr discover {title} --report report.html"),
        made: "msr 0.1.0, sample data".into(),
        ..SymmetryReport::default()
    }
}

/// The points of a `side × side` grid, moved.
fn on_grid(side: usize, to: impl Fn(usize, usize) -> (usize, usize)) -> Result<SignedPermutation> {
    let images: Vec<usize> = (0..side * side)
        .map(|point| {
            let (row, col) = to(point / side, point % side);
            row * side + col
        })
        .collect();
    Ok(Permutation::from_images(&images)?.into())
}

fn generator(inputs: SignedPermutation, words: &str, broken: f64) -> Generator {
    let strength = Some(around(1.0 - broken, 0.6 * broken + 0.001));
    Generator { outputs: inputs.clone(), inputs, strength, words: Some(words.into()) }
}

fn symmetry(
    (name, order): (&str, &str),
    (m, n): (usize, usize),
    generators: Vec<Generator>,
    has_weights: bool,
) -> Result<Symmetry> {
    let pairs: Vec<_> = generators.iter().map(|g| (g.outputs.clone(), g.inputs.clone())).collect();
    let pattern = SignedPattern::from_pairs(m, n, &pairs)?;
    let v: Vec<f64> = (0..pattern.free_parameters()).map(|i| noise(i) / (1.0 + i as f64 / 9.0)).collect();
    let weights = if has_weights { Some(pattern.expand(&v)?) } else { None };
    Ok(Symmetry {
        name: name.into(),
        order: order.into(),
        pattern,
        generators,
        strength: "share of the variation of the weights that it keeps".into(),
        signed: pairs.iter().any(|(y, x)| y.flips().contains(&true) || x.flips().contains(&true)),
        weights,
    })
}

fn candidate(what: &str, order: Option<&str>, free: usize, alpha: f64, status: Status) -> Candidate {
    let (score_p, gain, visible, reason) = match status {
        Status::Accepted => (0.62, 0.113, 0.97, "its whole interval lies below the tolerance"),
        Status::Open => {
            (0.031, 0.004, 0.41, "its interval reaches beyond the tolerance, but not beyond doubt")
        }
        _ => (1e-9, -0.21, 0.95, "it clearly breaks more than a tenth of the tolerance"),
    };
    let by = 0.35 * alpha + 0.004;
    Candidate {
        what: what.into(),
        below: None,
        order: order.map(str::to_string),
        free,
        asymmetry: (alpha, alpha - by, alpha + by).into(),
        score_p,
        gain,
        visible,
        status,
        reason: reason.into(),
    }
}

fn models() -> Vec<Model> {
    let model = |name: &str, error: f64, against: Option<(f64, f64)>, note: &str| Model {
        name: name.into(),
        error: around(error, 0.06 * error + 0.0004),
        against_tied: against.map(|(value, by)| (value, value - by, value + by).into()),
        note: note.into(),
    };
    vec![
        model("tied weights", 0.0121, None, "learned with the symmetry that was found"),
        model("common weights, no ties", 0.0187, Some((0.0066, 0.0012)), "the same learner without it"),
        model("ridge, each task alone", 0.0432, Some((0.0311, 0.0029)), "the best of 9 strengths"),
        model("tied weights, twice too many", 0.0126, Some((0.0005, 0.0009)), "half of the group"),
        model("mean of the outputs", 0.1004, Some((0.0883, 0.0071)), "knows nothing of the inputs"),
    ]
}

fn curve() -> Vec<Series> {
    let tasks = [4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
    let line = |name: &str, floor: f64, rate: f64| Series {
        name: name.into(),
        points: tasks
            .iter()
            .enumerate()
            .map(|(i, t)| (*t, floor + rate / t * (1.0 + 0.1 * noise(i))))
            .collect(),
    };
    vec![
        line("tied weights", 0.0112, 0.12),
        line("common weights, no ties", 0.0135, 0.62),
        line("ridge, each task alone", 0.0432, 0.001),
    ]
}

fn found() -> Result<SymmetryReport> {
    let turn = generator(on_grid(5, |r, c| (c, 4 - r))?, "quarter turn", 0.004);
    let mirror = generator(on_grid(5, |r, c| (r, 4 - c))?, "mirror, left and right", 0.006);
    let base = sample("heat-plates.npz", (25, 25));
    let mut data = base.data.clone();
    data.extend(texts(&[
        ("tasks", "128, of which 64 find and 64 confirm"),
        ("examples", "40 in each task"),
        ("arrays", "x (128, 40, 5, 5) and y (128, 40, 5, 5), float32"),
    ]));
    let all = [
        candidate("C_4", Some("4"), 169, 0.061, Status::Open),
        candidate("D_4", Some("8"), 91, 0.005, Status::Accepted),
        candidate("C_2 (half turn)", Some("2"), 313, 0.003, Status::Accepted),
        candidate("S_25", Some("15511210043330985984000000"), 2, 0.83, Status::Refused),
        candidate("C_5 × C_5 (shifts)", Some("25"), 25, 0.32, Status::Refused),
        candidate("C_5 × C_5 ⋊ C_4", Some("100"), 7, 0.37, Status::Refused),
        candidate("(0 1)(5 6)(10 11)(15 16)(20 21)", None, 460, 0.018, Status::Refused),
        candidate("mirror of the rows alone", None, 315, 0.12, Status::Refused),
    ];
    Ok(SymmetryReport {
        kind: Kind::Found,
        verdict: "D_4, order 8, on 25 inputs and 25 outputs; confirmed on 64 tasks that were not \
                  used to find it: what breaks it is at most 1.1 % of the variation"
            .replace("D_4", "D₄"),
        data,
        input_shape: vec![5, 5],
        output_shape: vec![5, 5],
        symmetry: Some(symmetry(("D_4", "8"), (25, 25), vec![turn, mirror], true)?),
        candidates: all.into(),
        models: models(),
        curve: curve(),
        what_would_change_it: vec![
            "A tolerance below 1.1 % would refuse it.".into(),
            "A larger group was refused on these tasks; more tasks do not change that.".into(),
        ],
        ..base
    })
}

fn at_least() -> Result<SymmetryReport> {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let parse = SignedPermutation::parse;
    let turn = Generator {
        outputs: parse("(-0 1)(-3 4)", 6)?,
        inputs: parse("(-0 1)(-3 4)(-6 7)", 9)?,
        strength: Some(around(0.988, 0.01)),
        words: Some("quarter turn about the vertical".into()),
    };
    let exchange = Generator {
        outputs: parse("(0 3)(1 4)(2 5)", 6)?,
        inputs: parse("(0 3)(1 4)(2 5)", 9)?,
        strength: Some(around(0.979, 0.016)),
        words: Some("exchange of the two bodies".into()),
    };
    let base = sample("two-bodies.parquet", (6, 9));
    let mut data = base.data.clone();
    data.extend(texts(&[
        ("tasks", "48 flights"),
        ("examples", "12 to 31 in each task"),
        ("warning", "3 rows had no value in `wind_y` and were left out"),
    ]));
    Ok(SymmetryReport {
        kind: Kind::AtLeast,
        verdict: "at least C_4 × C_2, order 8, on 9 inputs and 6 outputs; confirmed on 24 tasks that \
                  were not used to find it: what breaks it is at most 3.6 % of the variation (a \
                  larger group could be neither confirmed nor refused)"
            .into(),
        data,
        input_names: names(&[
            "first_body_position_x_in_metres",
            "pos_1_y",
            "pos_1_z",
            "pos_2_x",
            "pos_2_y",
            "pos_2_z",
            "רוח צפונית",
            "wind_y",
            "wind_z",
        ]),
        output_names: names(&["acc_1_x", "acc_1_y", "acc_1_z", "acc_2_x", "acc_2_y", "acc_2_z"]),
        symmetry: Some(symmetry(("C_4 × C_2", "8"), (6, 9), vec![turn, exchange], true)?),
        candidates: vec![
            candidate("C_4 × C_2", Some("8"), 9, 0.02, Status::Accepted),
            candidate("D_4 × C_2", Some("16"), 7, 0.055, Status::Open),
            candidate("all sign changes", Some("512"), 0, 0.71, Status::Refused),
        ],
        models: models().into_iter().take(3).collect(),
        what_would_change_it: vec![
            "About 30 more tasks would tell whether the mirror holds too.".into(),
            "More examples in each task would show more of what D_4 × C_2 ties: now it is 41 %.".into(),
        ],
        ..base
    })
}

fn none() -> SymmetryReport {
    let base = sample("sensors.csv", (1, 12));
    SymmetryReport {
        kind: Kind::None,
        verdict: "no symmetry (tolerance 5 %): everything that was tried is clearly broken, and an exchange planted in these data would have \
             been seen"
            .into(),
        candidates: vec![
            candidate("(0 7)", Some("2"), 11, 0.09, Status::Refused),
            candidate("(2 3)(4 5)", Some("2"), 10, 0.21, Status::Refused),
        ],
        models: models().into_iter().skip(1).map(|m| Model { against_tied: None, ..m }).collect(),
        what_would_change_it: vec!["A tolerance above 9 % would accept the exchange of 0 and 7.".into()],
        ..base
    }
}

fn undecided() -> SymmetryReport {
    SymmetryReport {
        kind: Kind::Undecided,
        verdict: "undecided: no pattern could be confirmed, and not all could be refused; about 40 \
                  more tasks would tell"
            .into(),
        candidates: vec![candidate("C_3", Some("3"), 3, 0.05, Status::Open)],
        what_would_change_it: vec!["About 40 more tasks would tell.".into()],
        ..sample("few.json", (3, 3))
    }
}

fn ring() -> Result<SymmetryReport> {
    let n = 64;
    let images = |to: &dyn Fn(usize) -> usize| -> Result<SignedPermutation> {
        Ok(Permutation::from_images(&(0..n).map(to).collect::<Vec<_>>())?.into())
    };
    let generators = vec![
        generator(images(&|x| (x + 1) % n)?, "shift by one", 0.003),
        generator(images(&|x| (n - x) % n)?, "mirror", 0.008),
    ];
    let status = |i: usize| [Status::Refused, Status::Open, Status::Refused, Status::Refused][i % 4];
    let mut all: Vec<Candidate> = (0..59)
        .map(|i| {
            let what = format!("shift by {} with a mirror at {} and a long description of it", i + 2, 3 * i);
            candidate(&what, (i % 3 > 0).then_some("32"), 64 + i, 0.5 * (noise(i).abs() + 0.02), status(i))
        })
        .collect();
    all.push(candidate("D_64", Some("128"), 33, 0.006, Status::Accepted));
    Ok(SymmetryReport {
        kind: Kind::Found,
        verdict: "D₆₄, order 128, on 64 inputs and 64 outputs; confirmed on 90 tasks that were not used \
             to find it"
            .into(),
        input_shape: vec![n],
        output_shape: vec![n],
        symmetry: Some(symmetry(("D_64", "128"), (n, n), generators, true)?),
        candidates: all,
        models: models(),
        curve: curve(),
        ..sample(
            "circular-wave-tank-measurements-of-the-second-campaign-with-a-very-long-name.safetensors",
            (n, n),
        )
    })
}

fn large() -> Result<SymmetryReport> {
    let generators = vec![
        generator(on_grid(16, |r, c| (c, 15 - r))?, "quarter turn", 0.004),
        generator(on_grid(16, |r, c| (15 - r, c))?, "mirror, top and bottom", 0.005),
        generator(on_grid(16, |r, c| ((r + 1) % 16, c))?, "shift down", 0.011),
    ];
    Ok(SymmetryReport {
        kind: Kind::Found,
        verdict: "p4m on a torus, order 2048, on 256 inputs and 256 outputs".into(),
        input_shape: vec![16, 16],
        output_shape: vec![16, 16],
        symmetry: Some(symmetry(("", "2048"), (256, 256), generators, true)?),
        ..sample("lattice.npz", (256, 256))
    })
}
