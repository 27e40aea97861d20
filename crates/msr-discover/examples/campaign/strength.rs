//! Whether intervals of the strength of a generator hold the truth as often as they say.

use msr_discover::{Bounds, DiscoverConfig, strength};
use msr_groups::{SharingPattern, SignedPattern, SignedPermutation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::made::{equivariant, group, normal, pattern};
use crate::{Failure, each};

/// The groups, and which of their generators.
const GROUPS: [(&str, usize); 4] = [("C_10", 0), ("D_10", 1), ("C_2, 8", 0), ("S_8", 0)];
/// Tasks, examples, noise.
const SIZES: [(usize, usize, f64); 4] = [(80, 16, 0.1), (80, 8, 0.3), (300, 16, 0.3), (300, 16, 1.0)];
/// The share of the variance that has no symmetry.
const BROKEN: [f64; 7] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/// 1 − α of tasks whose outputs have one size, from many weights.
fn truth(all: &SharingPattern, one: &SharingPattern, broken: f64) -> Result<f64, Failure> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let sizes = one.sizes();
    let live = |weight: usize| sizes[one.labels()[weight] as usize] > 1;
    let count = (0..one.labels().len()).filter(|&weight| live(weight)).count() as f64;
    let kinds = sizes.iter().filter(|&&size| size > 1).count() as f64;
    let (mut above, mut below) = (0.0, 0.0);
    for _ in 0..4_000 {
        let mut w = all.expand(&normal(all.free_parameters(), rng))?;
        w.iter_mut().for_each(|w| {
            *w = (1.0 - broken).sqrt() * *w + broken.sqrt() * rng.sample::<f64, _>(StandardNormal)
        });
        let norm: f64 = w.iter().map(|w| w * w).sum();
        let mut sums = vec![0.0; one.free_parameters()];
        w.iter().zip(one.labels()).for_each(|(w, &label)| sums[label as usize] += w);
        let mean = w.iter().enumerate().filter(|(at, _)| live(*at)).map(|(_, w)| w).sum::<f64>() / count;
        for (at, w) in w.iter().enumerate().filter(|(at, _)| live(*at)) {
            let label = one.labels()[at] as usize;
            above += (w - sums[label] / f64::from(sizes[label])).powi(2) / norm;
            below += (w - mean).powi(2) / norm;
        }
    }
    Ok(1.0 - above / (count - kinds) / (below / (count - 1.0)))
}

pub(crate) fn run(runs: usize) -> Result<(), Failure> {
    let (mut held, mut of) = (0, 0);
    for (at, (name, generator)) in GROUPS.into_iter().enumerate() {
        let group = group(name)?;
        let all = pattern(&group)?;
        let g = &group.generators()[generator];
        let pair: (SignedPermutation, SignedPermutation) = (g.clone().into(), g.clone().into());
        let one = SignedPattern::from_pairs(group.degree(), group.degree(), std::slice::from_ref(&pair))?
            .unsigned()
            .ok_or("a plain pair has a plain pattern")?;
        for (tasks, s, noise) in SIZES {
            let mut line = format!("{name}, {tasks} tasks of {s} examples, noise {noise}:");
            for broken in BROKEN {
                let truth = truth(&all, &one, broken)?;
                let found: Vec<Option<Bounds>> = each(runs, |run| {
                    let cell = (at * 1000 + tasks) * 100 + s;
                    let seed = (cell * 1000 + (broken * 1000.0) as usize) * 1000 + run;
                    let rng = &mut ChaCha8Rng::seed_from_u64(seed as u64);
                    let made = equivariant(&all, (tasks, s), noise, broken, rng)?;
                    Ok(strength(
                        &made,
                        &pair,
                        &DiscoverConfig { seed: run as u64, ..DiscoverConfig::default() },
                    )?)
                })?;
                let found: Vec<Bounds> = found.into_iter().flatten().collect();
                let inside = found.iter().filter(|b| b.lower <= truth && truth <= b.upper).count();
                let mean = |of: &dyn Fn(&Bounds) -> f64| {
                    found.iter().map(of).sum::<f64>() / found.len().max(1) as f64
                };
                line += &format!(
                    " {broken}: true {truth:.3}, mean {:.3}, width {:.3}, {inside} of {};",
                    mean(&|b| b.value),
                    mean(&|b| b.upper - b.lower),
                    found.len()
                );
                (held, of) = (held + inside, of + found.len());
            }
            println!("{line}");
        }
    }
    println!(
        "\n{held} of {of} intervals hold the truth: {:.1} %",
        100.0 * f64::from(held as u32) / f64::from(of.max(1) as u32)
    );
    Ok(())
}
