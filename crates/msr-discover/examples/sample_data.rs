//! Makes the tables in `data/examples` of the repository, that `docs/tutorial` reads: `sample_data
//! FOLDER`. Without a folder it says how large they are.
#![allow(clippy::print_stdout, reason = "an example")]

use std::fmt::Write;
use std::path::Path;

use nalgebra::{DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

type Failure = Box<dyn std::error::Error>;

/// Runs of an experiment.
const RUNS: usize = 60;
/// Measurements of a run.
const ROWS: usize = 12;

/// The Laplacian of points that are joined.
fn laplacian(points: usize, joined: &[(usize, usize)]) -> DMatrix<f64> {
    let mut l = DMatrix::zeros(points, points);
    for &(i, j) in joined {
        l[(i, j)] -= 1.0;
        l[(j, i)] -= 1.0;
        l[(i, i)] += 1.0;
        l[(j, j)] += 1.0;
    }
    l
}

/// A table with a column for the run, and inputs and outputs that each run maps in its own way.
fn table(
    (inputs, outputs): (&[String], &[String]),
    noise: f64,
    rng: &mut ChaCha8Rng,
    mut map: impl FnMut(&mut ChaCha8Rng) -> DMatrix<f64>,
) -> Result<String, Failure> {
    let mut text = format!("run,{},{}\n", inputs.join(","), outputs.join(","));
    for run in 1..=RUNS {
        let w = map(rng);
        for _ in 0..ROWS {
            let x = DVector::from_fn(inputs.len(), |_, _| rng.sample::<f64, _>(StandardNormal));
            let y = &w * &x;
            let size = noise * y.norm() / (y.len() as f64).sqrt();
            write!(text, "{run}")?;
            x.iter().try_for_each(|x| write!(text, ",{x:.3}"))?;
            y.iter()
                .try_for_each(|y| write!(text, ",{:.4}", y + size * rng.sample::<f64, _>(StandardNormal)))?;
            text.push('\n');
        }
    }
    Ok(text)
}

fn names(count: usize, name: &str) -> Vec<String> {
    (0..count).map(|at| format!("{name}{at}")).collect()
}

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1);
    let keep = |name: &str, text: String| -> Result<(), Failure> {
        println!("{name}: {} lines", text.lines().count());
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
            std::fs::write(Path::new(folder).join(name), text)?;
        }
        Ok(())
    };
    let rng = &mut ChaCha8Rng::seed_from_u64(2026);

    // Eight sensors round a tank: heat goes to neighbours, at each run's own rate and for its own
    // time, and some is lost.
    let ring: Vec<(usize, usize)> = (0..8).map(|i| (i, (i + 1) % 8)).collect();
    let l = laplacian(8, &ring);
    let tank = table((&names(8, "before"), &names(8, "after")), 0.03, rng, |rng| {
        let (time, lost) = (rng.random_range(0.2..1.5), rng.random_range(0.0..0.5));
        (&l * -time).exp() * (1.0 - lost) + DMatrix::identity(8, 8) * rng.random_range(-0.3..0.3)
    })?;
    keep("tank.csv", tank)?;

    // A square plate of 4 × 4 points, its rim cooled.
    let at = |row: usize, column: usize| 4 * row + column;
    let joined: Vec<(usize, usize)> = (0..4)
        .flat_map(|i| (0..3).flat_map(move |j| [(at(i, j), at(i, j + 1)), (at(j, i), at(j + 1, i))]))
        .collect();
    let l = laplacian(16, &joined);
    let rim = DVector::from_fn(16, |p, _| {
        f64::from(u8::from(p / 4 % 3 == 0)) + f64::from(u8::from(p % 4 % 3 == 0))
    });
    let plate = table((&names(16, "before"), &names(16, "after")), 0.03, rng, |rng| {
        let (time, cold) = (rng.random_range(0.2..1.0), rng.random_range(0.2..1.5));
        (-(&l + DMatrix::from_diagonal(&(&rim * cold))) * time).exp()
            + DMatrix::identity(16, 16) * rng.random_range(-0.3..0.3)
    })?;
    keep("plate.csv", plate)?;

    // Four bodies at the corners of a square, held by springs along its sides and diagonals:
    // displacements (right and up) and forces. Turns and mirrors change signs.
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0f64)];
    let of = |what: &str| -> Vec<String> {
        (0..4).flat_map(|c| ["x", "y"].map(|axis| format!("{what}{c}{axis}"))).collect()
    };
    let square = table((&of("moved"), &of("force")), 0.03, rng, |rng| {
        let (side, across) = (rng.random_range(0.3..2.0), rng.random_range(0.3..2.0));
        let held = rng.random_range(0.0..1.0);
        let mut w = DMatrix::<f64>::identity(8, 8) * -held;
        for i in 0..4 {
            for j in 0..i {
                let (dx, dy): (f64, f64) = (corners[i].0 - corners[j].0, corners[i].1 - corners[j].1);
                let length = dx.hypot(dy);
                let stiff = if length > 2.5 { across } else { side };
                let along = [dx / length, dy / length];
                for a in 0..2 {
                    for b in 0..2 {
                        let k = stiff * along[a] * along[b];
                        for (p, q, sign) in [(i, i, -1.0), (j, j, -1.0), (i, j, 1.0), (j, i, 1.0)] {
                            w[(2 * p + a, 2 * q + b)] += sign * k;
                        }
                    }
                }
            }
        }
        w
    })?;
    keep("square.csv", square)?;
    Ok(())
}
