//! How often a symmetry is claimed where there is none.

use std::collections::BTreeMap;
use std::time::Instant;

use msr_discover::{DiscoverConfig, Tasks, VerdictKind, discover, strength};
use msr_groups::{SharingPattern, pattern_automorphisms};
use nalgebra::DMatrix;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};

use crate::made::{add, normal, outputs, spread};
use crate::{Failure, each};

const KINDS: [&str; 16] = [
    "dense",
    "subspace",
    "sparse",
    "heavy",
    "correlated",
    "near10",
    "near30",
    "mean",
    "graph",
    "mlp",
    "vector",
    "table",
    "fewshots",
    "noise",
    "lowvar",
    "tiedpattern",
];

/// A real table: rows of numbers of mean zero and deviation one.
struct Table {
    columns: usize,
    rows: Vec<f64>,
}

fn tables(path: &str) -> Result<Vec<Table>, Failure> {
    let bytes = std::fs::read(path)?;
    let mut arrays = msr_files::Arrays::from_bytes(&bytes)?;
    let mut found = Vec::new();
    for array in arrays.list()? {
        let rows = arrays.numbers(&array.name)?;
        found.push(Table { columns: array.shape.get(1).copied().unwrap_or(1), rows });
    }
    Ok(found)
}

/// Weights of a sum of `k` shared random matrices for each of `count` tasks.
fn subspace(count: usize, size: usize, k: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let shared = normal(k * size, rng);
    let one = |rng: &mut ChaCha8Rng| {
        let v = normal(k, rng);
        (0..size).map(|w| (0..k).map(|i| v[i] * shared[i * size + w]).sum()).collect()
    };
    (0..count).map(|_| one(rng)).collect()
}

/// A random circulant matrix, symmetric or not.
fn ring(n: usize, is_dihedral: bool, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut v = normal(n, rng);
    if is_dihedral {
        v = (0..n).map(|i| (v[i] + v[(n - i) % n]) / 2f64.sqrt()).collect();
    }
    (0..n * n).map(|at| v[(at % n + n - at / n) % n]).collect()
}

/// Whether weights that are not zero (m × n) connect all outputs and inputs.
fn is_connected(mask: &[bool], n: usize) -> bool {
    let (mut outputs, mut inputs) = (vec![false; mask.len() / n], vec![false; n]);
    outputs[0] = true;
    let mut reached = 0;
    loop {
        for (at, _) in mask.iter().enumerate().filter(|(_, kept)| **kept) {
            let both = outputs[at / n] || inputs[at % n];
            (outputs[at / n], inputs[at % n]) = (both, both);
        }
        let now = outputs.iter().chain(&inputs).filter(|&&is| is).count();
        if now == reached {
            return now == outputs.len() + n;
        }
        reached = now;
    }
}

/// The Laplacian of a connected random graph without symmetry, and the number of its points.
fn graph(n: usize, rng: &mut ChaCha8Rng) -> Result<(DMatrix<f64>, usize), Failure> {
    let mut n = n.max(7);
    loop {
        let mut pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
        pairs.shuffle(rng);
        pairs.truncate(14 * n / 10);
        let mut l = DMatrix::<f64>::zeros(n, n);
        for &(i, j) in &pairs {
            (l[(i, j)], l[(j, i)]) = (-1.0, -1.0);
            l[(i, i)] += 1.0;
            l[(j, j)] += 1.0;
        }
        // Of a connected graph all entries of the exponential are positive.
        let exp = (-&l).exp();
        let labels: Vec<i64> = exp.transpose().iter().map(|e| (e * 1e9).round() as i64).collect();
        let is_connected = exp.iter().all(|&e| e > 1e-12);
        let pattern = SharingPattern::from_labels(n, n, &labels)?;
        if is_connected && pattern_automorphisms(&pattern)?.order() == 1u32.into() {
            return Ok((l, n));
        }
        if rng.random::<f64>() < 0.2 {
            n = 8;
        }
    }
}

/// Tasks of a kind with this share of their noise, and what they are in words.
fn make(kind: &str, tables: &[Table], share: f64, rng: &mut ChaCha8Rng) -> Result<(Tasks, String), Failure> {
    let one_of = |from: &[usize], rng: &mut ChaCha8Rng| from.choose(rng).copied().unwrap_or(8);
    let (mut m, mut n) = (one_of(&[2, 4, 8, 10], rng), one_of(&[5, 6, 8, 10, 12], rng));
    let (count, mut s) = (one_of(&[40, 80, 160, 320], rng), one_of(&[12, 16, 32], rng));
    let noise = share * [0.02, 0.1, 0.5].choose(rng).copied().unwrap_or(0.1);
    let heavy = StudentT::new(2.5)?;
    let two = StudentT::new(2.0)?;
    let mut mixed: Option<Vec<f64>> = None;
    let weights: Vec<Vec<f64>> = match kind {
        "table" => return of_table(tables, rng),
        "noise" => {
            let mut tasks = Tasks::new(n, m)?;
            for _ in 0..count {
                tasks.add(&normal(s * n, rng), &normal(s * m, rng))?;
            }
            return Ok((tasks, format!("m {m} n {n} T {count} s {s} noise 1")));
        }
        "mlp" => {
            let a: Vec<f64> = normal(2 * n * n, rng).iter().map(|a| a / (n as f64).sqrt()).collect();
            let mut tasks = Tasks::new(n, m)?;
            for _ in 0..count {
                let (b, x) = (normal(m * 2 * n, rng), normal(s * n, rng));
                let hidden: Vec<f64> = outputs((2 * n, n), &a, &x).iter().map(|h| h.tanh()).collect();
                let y = outputs((m, 2 * n), &b, &hidden);
                add(&mut tasks, &x, y, noise, rng)?;
            }
            return Ok((tasks, format!("m {m} n {n} T {count} s {s} noise {noise}")));
        }
        "dense" => (0..count).map(|_| normal(m * n, rng)).collect(),
        "subspace" => {
            let k = rng.random_range(1..5);
            subspace(count, m * n, k, rng)
        }
        "sparse" => {
            // In one part: parts could change their signs.
            let mask = loop {
                let mask: Vec<bool> = (0..m * n).map(|_| rng.random::<f64>() < 0.4).collect();
                if is_connected(&mask, n) {
                    break mask;
                }
            };
            let one = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                normal(m * n, rng).iter().zip(&mask).map(|(w, &keep)| if keep { *w } else { 0.0 }).collect()
            };
            (0..count).map(|_| one(rng)).collect()
        }
        "heavy" => {
            let shared = normal(3 * m * n, rng);
            let one = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                let v: Vec<f64> = (0..3).map(|_| two.sample(rng)).collect();
                (0..m * n).map(|w| (0..3).map(|i| v[i] * shared[i * m * n + w]).sum()).collect()
            };
            (0..count).map(|_| one(rng)).collect()
        }
        "correlated" => {
            let mut a: Vec<f64> = normal(n * n, rng).iter().map(|a| a / (n as f64).sqrt()).collect();
            (0..n).for_each(|i| a[i * n + i] += 0.2);
            mixed = Some(a);
            subspace(count, m * n, 4, rng)
        }
        "near10" | "near30" => {
            let share: f64 = if kind == "near10" { 0.1 } else { 0.3 };
            m = n;
            let (k, is_dihedral) = (rng.random_range(1..5), rng.random::<bool>());
            let apart = subspace(count, n * n, k, rng);
            let mut near = |apart: Vec<f64>| -> Vec<f64> {
                let ring = ring(n, is_dihedral, rng);
                let part = (share / k as f64).sqrt();
                ring.iter().zip(apart).map(|(a, b)| (1.0 - share).sqrt() * a + part * b).collect()
            };
            apart.into_iter().map(&mut near).collect()
        }
        "mean" => {
            let shared: Vec<f64> = normal(m * n, rng).iter().map(|w| 1.0 + 0.3 * w).collect();
            let one = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                shared.iter().map(|w| w + 0.1 * rng.sample::<f64, _>(StandardNormal)).collect()
            };
            (0..count).map(|_| one(rng)).collect()
        }
        "graph" => {
            let (l, points) = graph(n, rng)?;
            (m, n) = (points, points);
            let one = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                let (rate, still) = (
                    1.0 + 0.3 * rng.sample::<f64, _>(StandardNormal),
                    0.5 * rng.sample::<f64, _>(StandardNormal),
                );
                let moved = (&l * -rng.random_range(0.2..1.5)).exp() - DMatrix::identity(n, n);
                let w = moved * rate + DMatrix::identity(n, n) * still;
                w.transpose().iter().copied().collect()
            };
            (0..count).map(|_| one(rng)).collect()
        }
        "vector" => {
            (m, s) = (1, 32);
            let k = rng.random_range(1..4);
            subspace(count, n, k, rng)
        }
        "fewshots" => {
            (n, m, s) = (one_of(&[8, 10, 12], rng), one_of(&[4, 8], rng), one_of(&[3, 4, 6], rng));
            let k = rng.random_range(2..6);
            subspace(count, m * n, k, rng)
        }
        "lowvar" => {
            let shared = normal(3 * m * n, rng);
            let one = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                let v: Vec<f64> = normal(3, rng).iter().zip([1.0, 0.2, 0.05]).map(|(v, by)| v * by).collect();
                (0..m * n).map(|w| (0..3).map(|i| v[i] * shared[i * m * n + w]).sum()).collect()
            };
            (0..count).map(|_| one(rng)).collect()
        }
        "tiedpattern" => loop {
            let k = rng.random_range(2..6);
            let labels: Vec<usize> = (0..m * n).map(|_| rng.random_range(0..k)).collect();
            let pattern = SharingPattern::from_labels(m, n, &labels)?;
            if pattern_automorphisms(&pattern)?.order() != 1u32.into() {
                (m, n) = (one_of(&[2, 4, 8, 10], rng), one_of(&[5, 6, 8, 10, 12], rng));
                continue;
            }
            let one = |rng: &mut ChaCha8Rng| pattern.expand(&normal(pattern.free_parameters(), rng));
            break (0..count).map(|_| one(rng)).collect::<Result<_, _>>()?;
        },
        _ => return Err(format!("there is no kind {kind}").into()),
    };
    let mut tasks = Tasks::new(n, m)?;
    for w in &weights {
        let mut x = normal(s * n, rng);
        if let Some(a) = &mixed {
            x = outputs((n, n), a, &x);
        }
        let mut y = outputs((m, n), w, &x);
        if kind == "heavy" {
            let size = noise * spread(&y, m);
            y.iter_mut().for_each(|y| *y += size * heavy.sample(rng));
            tasks.add(&x, &y)?;
        } else {
            add(&mut tasks, &x, y, noise, rng)?;
        }
    }
    Ok((tasks, format!("m {m} n {n} T {count} s {s} noise {noise}")))
}

/// Rows of a real table, sixteen a task; some columns from others.
fn of_table(tables: &[Table], rng: &mut ChaCha8Rng) -> Result<(Tasks, String), Failure> {
    let table = tables.choose(rng).ok_or("no tables were given")?;
    let mut columns: Vec<usize> = (0..table.columns).collect();
    columns.shuffle(rng);
    let m = [1, 3].choose(rng).copied().unwrap_or(1);
    let n = 8.min(table.columns - m);
    let mut rows: Vec<&[f64]> = table.rows.chunks_exact(table.columns).collect();
    rows.shuffle(rng);
    let mut tasks = Tasks::new(n, m)?;
    for task in rows.chunks_exact(16) {
        let take = |from: usize, count: usize| -> Vec<f64> {
            task.iter().flat_map(|row| columns[from..from + count].iter().map(|&c| row[c])).collect()
        };
        tasks.add(&take(0, n), &take(n, m))?;
    }
    let count = tasks.count();
    Ok((tasks, format!("m {m} n {n} T {count} s 16")))
}

pub(crate) fn run(from: usize, to: usize, path: Option<&str>, only: Option<&str>) -> Result<(), Failure> {
    let tables = path.map_or(Ok(Vec::new()), tables)?;
    let found = each(to.saturating_sub(from), |at| {
        let at = from + at;
        let kind = KINDS[at % KINDS.len()];
        // Half of each kind in signed mode.
        let signed = at / KINDS.len() % 2 == 1;
        if kind == "table" && tables.is_empty() || only.is_some_and(|only| only != kind) {
            return Ok((kind, signed, "left out"));
        }
        let rng = &mut ChaCha8Rng::seed_from_u64(77_000_000 + at as u64);
        let (tasks, words) = make(kind, &tables, 1.0, rng)?;
        let start = Instant::now();
        let verdict =
            discover(&tasks, &DiscoverConfig { signed, seed: at as u64, ..DiscoverConfig::default() })?;
        let said = match &verdict.kind {
            VerdictKind::None => "none",
            VerdictKind::Undecided { .. } => "undecided",
            VerdictKind::Found(_) => "found",
            VerdictKind::AtLeast(_) => "at least",
            _ => "?",
        };
        let signs = if signed { " signed" } else { "" };
        let more = verdict.symmetry().map_or(String::new(), |_| format!(": {verdict}"));
        let near = verdict.nearest.as_ref().map_or(String::new(), |near| {
            format!(" (near {} {:.2})", near.order, 1.0 - near.asymmetry.value)
        });
        println!("{at} {kind}{signs} {words}: {said}{near}{more} {:.1} s", start.elapsed().as_secs_f64());
        // What was claimed, on the same tasks with a hundredth of their noise.
        for generator in verdict.symmetry().iter().flat_map(|symmetry| &symmetry.generators) {
            let (quiet, _) =
                make(kind, &tables, 0.01, &mut ChaCha8Rng::seed_from_u64(77_000_000 + at as u64))?;
            let found = strength(&quiet, &generator.pair, &verdict.config)?;
            println!("{at} {} {}: strength without noise {found:?}", generator.pair.0, generator.pair.1);
        }
        Ok((kind, signed, said))
    })?;
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (kind, _, said) in &found {
        let at = match *said {
            "none" => 0,
            "undecided" => 1,
            "left out" => 3,
            _ => 2,
        };
        counts.entry(kind).or_default()[at] += 1;
    }
    println!("\n| kind | none | undecided | claims | left out |\n|---|---|---|---|---|");
    for kind in KINDS {
        if let Some([none, undecided, claims, left]) = counts.get(kind) {
            println!("| {kind} | {none} | {undecided} | {claims} | {left} |");
        }
    }
    let all = found.iter().filter(|(.., said)| *said != "left out").count();
    let claims = found.iter().filter(|(.., said)| matches!(*said, "found" | "at least")).count();
    println!("\n{claims} claims in {all} sets");
    Ok(())
}
