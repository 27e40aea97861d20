//! Tasks that are made.

use msr_discover::Tasks;
use msr_groups::{
    Action, PermutationGroup, SharingPattern, cyclic, dihedral, from_cycle_notation, symmetric,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::Failure;

pub(crate) fn normal(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

/// `x (s × n)` times the transpose of w (m × n).
pub(crate) fn outputs((m, n): (usize, usize), w: &[f64], x: &[f64]) -> Vec<f64> {
    let s = x.len() / n;
    (0..s * m).map(|at| (0..n).map(|j| w[at % m * n + j] * x[at / m * n + j]).sum()).collect()
}

/// The square root of the mean square about the mean of each output.
pub(crate) fn spread(y: &[f64], m: usize) -> f64 {
    let s = y.len() / m;
    let of = |output: usize| {
        let mean = (0..s).map(|i| y[i * m + output]).sum::<f64>() / s as f64;
        (0..s).map(|i| (y[i * m + output] - mean).powi(2)).sum::<f64>()
    };
    ((0..m).map(of).sum::<f64>() / y.len() as f64).sqrt()
}

/// Adds a task, with noise of so much of the spread of its outputs.
pub(crate) fn add(
    tasks: &mut Tasks,
    x: &[f64],
    mut y: Vec<f64>,
    noise: f64,
    rng: &mut ChaCha8Rng,
) -> Result<(), Failure> {
    let size = noise * spread(&y, tasks.outputs());
    y.iter_mut().for_each(|y| *y += size * rng.sample::<f64, _>(StandardNormal));
    Ok(tasks.add(x, &y)?)
}

/// The groups whose generic maps are made, by name: how they act, on inputs and outputs alike.
pub(crate) fn group(name: &str) -> Result<PermutationGroup, Failure> {
    Ok(match name {
        "C_2, 8" => from_cycle_notation("C_2", 8, &["(0 1)(2 3)(4 5)(6 7)"])?,
        "C_10" => cyclic(10)?,
        "D_10" => dihedral(10)?,
        "S_8" => symmetric(8)?,
        "D_4, 3x3" => from_cycle_notation("D_4", 9, &["(0 2 8 6)(1 5 7 3)", "(1 3)(2 6)(5 7)"])?,
        _ => return Err(format!("there is no group {name} here").into()),
    })
}

/// The pattern of the equivariant maps of a group.
pub(crate) fn pattern(group: &PermutationGroup) -> Result<SharingPattern, Failure> {
    let action = Action::natural(group);
    Ok(SharingPattern::new(&action, &action)?)
}

/// Generic equivariant maps: `count` tasks of `s` examples; of the variance of the weights the
/// share `broken` has no symmetry.
pub(crate) fn equivariant(
    pattern: &SharingPattern,
    (count, s): (usize, usize),
    noise: f64,
    broken: f64,
    rng: &mut ChaCha8Rng,
) -> Result<Tasks, Failure> {
    let n = pattern.inputs();
    let mut tasks = Tasks::new(n, n)?;
    for _ in 0..count {
        let v = normal(pattern.free_parameters(), rng);
        let mut w = pattern.expand(&v)?;
        w.iter_mut().for_each(|w| {
            *w = (1.0 - broken).sqrt() * *w + broken.sqrt() * rng.sample::<f64, _>(StandardNormal)
        });
        let x = normal(s * n, rng);
        let y = outputs((n, n), &w, &x);
        add(&mut tasks, &x, y, noise, rng)?;
    }
    Ok(tasks)
}
