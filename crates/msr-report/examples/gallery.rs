//! Draws every kind of picture, as SVG and PNG, from data made here, into a folder; into one among
//! the system's temporary files, if none is named:
//! `cargo run -p msr-report --example gallery -- <folder>`.

use std::error::Error;
use std::f64::consts::TAU;
use std::path::PathBuf;

use msr_files::write_atomic;
use msr_groups::{
    Action, PermutationGroup, SharingPattern, cyclic, dihedral, direct_product, parse_group, square_grid,
    symmetric,
};
use msr_report::picture::{
    Chart, Inspected, Panel, Picture, Scale, Series, curves, filters, inspected, matrices, patterns,
    recovered, symmetry,
};
use msr_report::say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let named = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| std::env::temp_dir().join("msr-gallery"));
    std::fs::create_dir_all(&folder)?;
    let pictures = [
        ("symmetry", of_symmetry()?),
        ("patterns", of_patterns()?),
        ("recovered", of_recovery()?),
        ("inspected", of_inspection()?),
        ("filters", of_filters()?),
        ("basis", of_basis()?),
        ("factors", of_factors()?),
        ("curves", of_learning()),
        ("charts", of_charts()),
        ("edges", of_edges()?),
    ];
    let drawn = pictures.len();
    for (name, picture) in pictures {
        write_atomic(folder.join(name).with_extension("svg"), picture.svg()?.as_bytes())?;
        write_atomic(folder.join(name).with_extension("png"), &picture.png()?)?;
    }
    say(&format!("{drawn} pictures are in {}", folder.display()));
    Ok(())
}

/// Numbers that look like noise, the same each time.
fn noise(i: usize) -> f64 {
    ((i as f64 + 1.0) * 12.9898).sin() * 43_758.545 % 1.0
}

fn of_symmetry() -> Result<Picture> {
    let (m, n) = (68, 70);
    let band = |taps: [f64; 3], level: f64| -> Vec<f64> {
        let entry = |at: usize| {
            let (i, j) = (at / n, at % n);
            j.checked_sub(i).and_then(|k| taps.get(k)).copied().unwrap_or(0.0) + level * noise(at)
        };
        (0..m * n).map(entry).collect()
    };
    let columns =
        [band([0.9, -0.4, 0.3], 0.01), band([-0.2, 1.7, 0.5], 0.01), band([0.1, 0.3, -0.02], 0.003)];
    let (truth, weight) = (band([-0.62, -0.55, -0.71], 0.0), band([-0.61, -0.55, -0.7], 0.01));
    Ok(symmetry("MSR-FC-rank1-large, seed 0", &columns, &weight, Some(&truth), m, n)?)
}

fn natural(group: &PermutationGroup) -> Result<SharingPattern> {
    let action = Action::natural(group);
    Ok(SharingPattern::new(&action, &action)?)
}

fn of_patterns() -> Result<Picture> {
    let named = |name: &str, group: PermutationGroup| -> Result<Panel> {
        let title = format!("{name} ({})", group.order());
        Ok(Panel::sharing(title, &natural(&group)?))
    };
    let triples: Vec<u32> = (0..25 * 25).map(|at| ((at % 25 + 25 - at / 25) % 25 / 4) as u32).collect();
    let alone: Vec<u32> = (0..9 * 8).collect();
    Ok(patterns(
        "Sharing patterns that were recovered, with the order of each group",
        vec![
            named("C_12", cyclic(12)?)?,
            named("D_9", dihedral(9)?)?,
            named("S_8", symmetric(8)?)?,
            named("C_4 × C_4", direct_product(&cyclic(4)?, &cyclic(4)?)?)?,
            Panel::pattern("C_5² ⋊ C_4 (turns) (100)", &triples, 25, 25)?,
            named("S_3 ≀ C_4", parse_group("wreath_product(symmetric(3), cyclic(4))")?)?,
            named("symmetries of a square grid of 4 × 4 points, turned and mirrored", square_grid(4)?)?,
            Panel::sharing("S_4 on pairs", &{
                let points = Action::natural(&symmetric(4)?);
                SharingPattern::new(&points, &points.on_unordered_pairs()?)?
            }),
            Panel::pattern("none", &alone, 9, 8)?,
        ],
    )?)
}

fn of_recovery() -> Result<Picture> {
    let pattern = natural(&dihedral(9)?)?;
    let weight = |level: f64| -> Vec<f64> {
        let label = |(at, &label): (usize, &u32)| (f64::from(label) * 1.9 + 0.4).cos() + level * noise(at);
        pattern.labels().iter().enumerate().map(label).collect()
    };
    Ok(recovered("D_9 from 9 to 9 numbers, seed 0", &pattern, &pattern, &weight(0.0), &weight(0.04))?)
}

fn of_inspection() -> Result<Picture> {
    let pattern = natural(&cyclic(12)?)?;
    let column = |k: u32| -> Vec<f64> {
        let entry =
            |(at, &label): (usize, &u32)| (f64::from(label * k) / 12.0 * TAU).cos() + 0.05 * noise(at);
        pattern.labels().iter().enumerate().map(entry).collect()
    };
    let columns = [1, 2, 5].map(|k| (format!("column {k} of U"), column(k))).into();
    let title = "learned.safetensors, layer1.symmetry: C_12, order 12".into();
    let pattern = Some(&pattern);
    Ok(inspected(&Inspected {
        title,
        pattern,
        columns,
        entry: "entry of U",
        of: 12,
        inputs: 12,
        zero: Vec::new(),
    })?)
}

fn angles() -> Vec<String> {
    (0..8).map(|i| format!("{}", 45 * i)).collect()
}

/// Eight filters of 3 × 3 taps, each the one before turned by 45°.
fn field(phase: f64, size: f64, level: f64) -> Vec<f64> {
    let tap = |at: usize| {
        let (turn, tap) = (at / 9, at % 9);
        let (y, x) = ((tap / 3) as f64 - 1.0, (tap % 3) as f64 - 1.0);
        let angle = y.atan2(x) - turn as f64 * TAU / 8.0 + phase;
        let radius = x.hypot(y);
        size * (0.3 - 0.2 * radius + radius * angle.cos() + 0.4 * (2.0 * angle).sin()) + level * noise(at)
    };
    (0..72).map(tap).collect()
}

fn of_filters() -> Result<Picture> {
    let rows =
        |rows: &[(&str, f64)]| rows.iter().map(|(l, e)| (l.to_string(), field(0.3, 1.0, *e))).collect();
    let mut group: Vec<(String, Vec<f64>)> =
        rows(&[("true", 0.0), ("MSR-Conv", 0.05), ("MSR-Conv-full", 0.1)]);
    group.insert(1, ("MAML-Conv".to_string(), field(1.0, 0.1, 0.2)));
    let title = "C_8: one field of a test task, true and after one example with each method";
    Ok(filters(title, "rotation angle in degrees", &angles(), 3, &[group])?)
}

fn of_basis() -> Result<Picture> {
    let group = |i: usize| {
        let size = 1.0 / (1.0 + 4.0 * i as f64);
        vec![
            (format!("function {}, true", i + 1), field(i as f64, size, 0.0)),
            (format!("function {}, projected", i + 1), field(i as f64, size, 0.1 * size)),
        ]
    };
    let title =
        "D_8-MSR-Conv, seed 0: true basis functions of one field, and their projections on what was learned";
    let groups: Vec<_> = (0..4).map(group).collect();
    let picture = filters(title, "rotation angle in degrees (m: mirrored first)", &angles(), 3, &groups)?;
    Ok(picture)
}

fn of_factors() -> Result<Picture> {
    let near = |n: usize, level: f64| -> Vec<f64> {
        (0..n * n).map(|at| f64::from(u8::from(at / n == at % n)) + level * noise(at)).collect()
    };
    let gram = |a: &[f64], n: usize| -> Vec<f64> {
        (0..n * n).map(|at| (0..n).map(|k| a[at / n * n + k] * a[at % n * n + k]).sum()).collect()
    };
    let panel = |title: &str, values: &[f64], n: usize| Panel::values(title, values, n, n);
    let (a, c) = (near(24, 0.3), near(9, 0.5));
    let rows = vec![
        ("output channels".to_string(), vec![panel("A", &a, 24)?, panel("A A^T", &gram(&a, 24), 24)?]),
        ("input channels".to_string(), vec![panel("B", &[1.2], 1)?]),
        ("kernel positions".to_string(), vec![panel("C", &c, 9)?, panel("C C^T", &gram(&c, 9), 9)?]),
    ];
    Ok(matrices("C_8-MSR-Conv, seed 0: Kronecker factors", "entry", rows))
}

fn of_learning() -> Picture {
    let curve = |rate: f64, floor: f64, seed: usize| {
        let loss = move |i: usize| (-rate * i as f64).exp() * (1.0 + 0.3 * noise(i + seed)) + floor;
        (0..20_000).map(move |i| (i as f64, if i == 4000 { f64::NAN } else { loss(i) }))
    };
    let series = [
        Series::new("MSR-FC", curve(1e-3, 1e-4, 0)),
        Series::new("MAML-FC", curve(3e-4, 2e-2, 7)),
        Series::new("MAML-LC", curve(5e-4, 5e-3, 9)),
        Series::new("MAML-Conv", curve(2e-3, 1e-5, 3)),
    ];
    curves("Rank 1: loss on test tasks after adaptation", "outer step", "mean squared error", series)
}

fn of_charts() -> Picture {
    let accuracy = |top: f64, spread: f64| {
        let at = move |i: usize| top - 0.7 * (-(i as f64) / 8.0).exp();
        let points = (0..=30).map(move |i| (1000.0 * i as f64, at(i)));
        let band = (0..=30).map(move |i| (1000.0 * i as f64, at(i) - spread, at(i) + spread));
        (points, band)
    };
    let lines = [("Omniglot 5-way", 0.98, 0.02), ("mini-ImageNet", 0.62, 0.06)];
    let chart =
        Chart::new("training step", "accuracy").title("Mean of 5 seeds and its 95 % interval").size(400, 260);
    let chart = lines.iter().fold(chart, |chart, (name, top, spread)| {
        let (points, band) = accuracy(*top, *spread);
        chart.series(Series::new(*name, points).band(band))
    });
    let rates = (0..9).fold(Chart::new("outer step", "inner rate").size(400, 260), |chart, line| {
        let rate =
            move |i: usize| (100.0 * i as f64, 0.01 * (1.0 + line as f64 + 0.02 * (i * (line + 1)) as f64));
        chart.series(Series::new(format!("layer {}", line + 1), (0..20).map(rate)))
    });
    Picture::new("Two charts beside each other").row([chart, rates])
}

/// What is hard to draw: nothing, one point, zeros on a logarithmic axis, tiny numbers, values that
/// are none.
fn of_edges() -> Result<Picture> {
    let small = |title: &str| Chart::new("step", "error").title(title).size(280, 180);
    let zeros = [(0.0, 1.0), (1.0, 0.1), (2.0, 0.0), (3.0, 1e-3), (4.0, -1.0), (5.0, 1e-4), (6.0, 2e-5)];
    let values = Panel::values("with NaN", &[1e-6, f64::NAN, -2e-6, 0.0, f64::INFINITY, 5e-7], 2, 3)?;
    Ok(Picture::new(
        "What is hard to draw, under a title so long that it has to go on in a second line of text here",
    )
    .row([small("nothing"), small("one point").series(Series::new("only", [(3.0, 0.2)]))])
    .row([
        small("zeros, log axis").y_scale(Scale::Log).series(Series::new("", zeros)),
        small("tiny")
            .series(Series::new("", (0..9).map(|i| (f64::from(i), 3e-7 + 1e-8 * noise(i as usize))))),
    ])
    .row([msr_report::picture::Grid::of([values, Panel::values("zero", &[0.0; 4], 2, 2)?], 2).bar("entry")]))
}
