//! Products of inputs, maps of a grid, symmetries in part, and tasks whose inputs have means of
//! their own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use msr_discover::{DiscoverConfig, Layout, Tasks, Verdict, VerdictKind, discover, strength};
use msr_groups::{Action, SharingPattern, SignedPermutation, cyclic, dihedral, from_cycle_notation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn normal(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

/// Equivariant tasks of n inputs and outputs, with weights of which the share `broken` has no
/// symmetry, and inputs with means that are so far from zero, in each task anew.
fn equivariant(
    pattern: &SharingPattern,
    (count, s): (usize, usize),
    broken: f64,
    apart: f64,
    seed: u64,
) -> Tasks {
    let (rng, n) = (&mut ChaCha8Rng::seed_from_u64(seed), pattern.inputs());
    let mut tasks = Tasks::new(n, n).unwrap();
    for _ in 0..count {
        let mut w = pattern.expand(&normal(pattern.free_parameters(), rng)).unwrap();
        for w in &mut w {
            *w = (1.0 - broken).sqrt() * *w + broken.sqrt() * rng.sample::<f64, _>(StandardNormal);
        }
        let mean = normal(n, rng);
        let x: Vec<f64> =
            normal(s * n, rng).iter().enumerate().map(|(i, x)| x + apart * mean[i % n]).collect();
        let y: Vec<f64> = (0..s * n)
            .map(|at| (0..n).map(|j| w[at % n * n + j] * x[at / n * n + j]).sum::<f64>())
            .map(|y| y + 0.3 * rng.sample::<f64, _>(StandardNormal))
            .collect();
        tasks.add(&x, &y).unwrap();
    }
    tasks
}

fn of(group: &msr_groups::PermutationGroup) -> SharingPattern {
    let action = Action::natural(group);
    SharingPattern::new(&action, &action).unwrap()
}

fn found(verdict: &Verdict) -> (String, String) {
    let VerdictKind::Found(symmetry) = &verdict.kind else { panic!("{verdict}") };
    (symmetry.order.to_string(), symmetry.name.clone().unwrap_or_default())
}

/// Couplings of spins on a ring: without a linear part, and with one output that no permutation
/// moves.
#[test]
fn products_show_what_has_no_linear_part() {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let (n, mut tasks) = (6, Tasks::new(6, 1).unwrap());
    for _ in 0..60 {
        let v = normal(3, rng);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for _ in 0..50 {
            let spins: Vec<f64> = (0..n).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
            let sum: f64 = (0..n)
                .flat_map(|i| (1..n).map(move |d| (i, d)))
                .map(|(i, d)| v[d.min(n - d) - 1] * spins[i] * spins[(i + d) % n])
                .sum();
            y.push(sum + 0.05 * rng.sample::<f64, _>(StandardNormal));
            x.extend(spins);
        }
        tasks.add(&x, &y).unwrap();
    }
    let pairs = DiscoverConfig { pairs: true, ..DiscoverConfig::default() };
    let verdict = discover(&tasks, &pairs).unwrap();
    assert_eq!(found(&verdict), ("12".into(), "D_6".into()), "{verdict}");
    assert!(verdict.to_string().contains("on 6 inputs and 1 output;"), "{verdict}");
    assert!(verdict.to_string().contains("linear in the inputs and their products"), "{verdict}");
    let symmetry = verdict.symmetry().unwrap();
    // Six inputs, fifteen products, no squares: those never change.
    assert_eq!((symmetry.pattern.inputs(), symmetry.pattern.outputs()), (21, 1));
    assert!(symmetry.generators.iter().all(|g| (g.pair.0.degree(), g.pair.1.degree()) == (1, 6)));
    let linear = discover(&tasks, &DiscoverConfig::default()).unwrap();
    assert!(!matches!(linear.kind, VerdictKind::Found(_) | VerdictKind::AtLeast(_)), "{linear}");
    let both = DiscoverConfig { pairs: true, signed: true, ..DiscoverConfig::default() };
    assert!(discover(&tasks, &both).unwrap_err().to_string().contains("choose one"));
}

#[test]
fn maps_of_a_grid_are_called_by_their_names() {
    let group = from_cycle_notation("D_4", 9, &["(0 2 8 6)(1 5 7 3)", "(0 2)(3 5)(6 8)"]).unwrap();
    let tasks = equivariant(&of(&group), (120, 24), 0.0, 0.0, 3);
    let layout = Layout { inputs: vec![3, 3], outputs: vec![3, 3] };
    let config = DiscoverConfig { layout, ..DiscoverConfig::default() };
    let verdict = discover(&tasks, &config).unwrap();
    assert_eq!(found(&verdict), ("8".into(), "D_4".into()), "{verdict}");
    assert!(verdict.to_string().contains("on the 3 × 3 inputs and outputs"), "{verdict}");
    for generator in &verdict.symmetry().unwrap().generators {
        assert!(generator.words.is_some(), "{generator:?}");
        let strength = generator.strength.unwrap();
        assert!(strength.lower < 1.0 && strength.lower > 0.97 && strength.upper > 0.99, "{strength:?}");
    }
    let wrong = Layout { inputs: vec![2, 4], outputs: Vec::new() };
    let wrong = DiscoverConfig { layout: wrong, ..DiscoverConfig::default() };
    assert_eq!(discover(&tasks, &wrong).unwrap_err().to_string(), "there are 9 inputs, which is not 2 × 4");
}

/// A fifth of the variance without symmetry: refused, and said how near it comes.
#[test]
fn a_symmetry_in_part_has_a_strength() {
    let tasks = equivariant(&of(&cyclic(8).unwrap()), (160, 24), 0.2, 0.0, 5);
    let verdict = discover(&tasks, &DiscoverConfig::default()).unwrap();
    assert!(verdict.symmetry().is_none(), "{verdict}");
    let near = verdict.nearest.as_ref().unwrap();
    assert_eq!((near.order.to_string(), near.name.as_deref()), ("8".into(), Some("C_8")), "{verdict}");
    // 1 − α is 1 − 0.2 · (n² − 1) / n² / …, about 0.77.
    assert!(
        near.asymmetry.lower < 0.23 && near.asymmetry.upper > 0.2 && near.asymmetry.upper < 0.3,
        "{verdict}"
    );
    assert!(verdict.to_string().contains("nearest comes C_8, order 8, of strength"), "{verdict}");
}

/// Were the means of tasks' inputs taken for the same, what is left would look like asymmetry.
#[test]
fn means_of_their_own_are_no_asymmetry() {
    let pattern = of(&dihedral(6).unwrap());
    let turn: SignedPermutation = cyclic(6).unwrap().generators()[0].clone().into();
    for apart in [0.0, 3.0] {
        let (mut held, mut mean) = (0, 0.0);
        for seed in 0..20 {
            let tasks = equivariant(&pattern, (60, 12), 0.0, apart, 100 + seed);
            let found = strength(&tasks, &(turn.clone(), turn.clone()), &DiscoverConfig::default());
            let found = found.unwrap().unwrap();
            held += usize::from(found.lower <= 1.0 && 1.0 <= found.upper);
            mean += found.value / 20.0;
        }
        assert!(held >= 16 && (mean - 1.0f64).abs() < 0.005, "{apart}: {held} of 20, {mean}");
    }
}
