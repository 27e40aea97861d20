//! What a verdict costs, by the number of inputs and of tasks.

use std::path::Path;
use std::time::Instant;

use msr_discover::{DiscoverConfig, Tasks, VerdictKind, discover};
use msr_groups::{Permutation, SignedPattern, SignedPermutation};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Failure;
use crate::made::{add, normal, outputs};
use crate::plot::{self, Cost};

/// Inputs and outputs; a turn of a ring moves both.
const SIZES: [(usize, usize); 6] = [(12, 12), (16, 16), (32, 32), (64, 64), (128, 16), (256, 16)];
const TASKS: [usize; 4] = [40, 80, 160, 320];

fn turn(count: usize) -> Result<SignedPermutation, Failure> {
    let images: Vec<usize> = (0..count).map(|i| (i + 1) % count).collect();
    Ok(Permutation::from_images(&images)?.into())
}

/// The largest memory of this process so far, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn one(n: usize, m: usize, count: usize, s: usize) -> Result<Cost, Failure> {
    let pattern = SignedPattern::from_pairs(m, n, &[(turn(m)?, turn(n)?)])?;
    let rng = &mut ChaCha8Rng::seed_from_u64((n * 1000 + count) as u64);
    // Four maps that tasks mix, as diffusion at several times would.
    let shared: Vec<Vec<f64>> =
        (0..4).map(|_| pattern.expand(&normal(pattern.free_parameters(), rng))).collect::<Result<_, _>>()?;
    let mut tasks = Tasks::new(n, m)?;
    for _ in 0..count {
        let v = normal(4, rng);
        let w: Vec<f64> = (0..m * n).map(|at| (0..4).map(|i| v[i] * shared[i][at]).sum()).collect();
        let x = normal(s * n, rng);
        let y = outputs((m, n), &w, &x);
        add(&mut tasks, &x, y, 0.05, rng)?;
    }
    let start = Instant::now();
    let verdict = discover(&tasks, &DiscoverConfig::default())?;
    let at_least = if matches!(verdict.kind, VerdictKind::AtLeast(_)) { "at least " } else { "" };
    let order = verdict.symmetry().map_or("–".into(), |symmetry| format!("{at_least}{}", symmetry.order));
    let (seconds, mebibytes) = (start.elapsed().as_secs_f64(), peak());
    println!("| {n} | {m} | {count} | {s} | {seconds:.2} | {mebibytes} | {order} |");
    Ok(Cost { inputs: n, outputs: m, tasks: count, seconds, mebibytes: mebibytes as f64 })
}

pub(crate) fn run(only: usize, picture: Option<&Path>) -> Result<(), Failure> {
    let mut found = Vec::new();
    println!(
        "| inputs | outputs | tasks | examples | seconds | MiB so far | order found |\n|---|---|---|---|---|---|---|"
    );
    for (n, m) in SIZES.into_iter().filter(|&(n, _)| only == 0 || n == only) {
        found.push(one(n, m, 160, 32)?);
    }
    for count in TASKS.into_iter().filter(|_| only == 0) {
        found.push(one(16, 16, count, 32)?);
    }
    picture.map_or(Ok(()), |name| plot::cost(&found, name))
}
