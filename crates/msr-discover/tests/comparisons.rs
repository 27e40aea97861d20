//! Ways to learn side by side, on tasks whose symmetry is known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use msr_discover::{CompareConfig, Comparison, Model, Scored, Tasks, compare};
use msr_groups::{Action, PermutationGroup, SharingPattern, SignedPattern, cyclic, dihedral};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn normal(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

fn pattern_of(group: &PermutationGroup) -> (SharingPattern, SignedPattern) {
    let action = Action::natural(group);
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let labels: Vec<_> = pattern.labels().iter().map(|&label| Some((label, false))).collect();
    let n = group.degree();
    (pattern, SignedPattern::from_labels(n, n, &labels).unwrap())
}

/// Tasks `y = W x + 2 + noise` of n inputs and outputs, with the weights that `weights` draws.
fn tasks_of(
    n: usize,
    (count, s): (usize, usize),
    noise: f64,
    seed: u64,
    mut weights: impl FnMut(&mut ChaCha8Rng) -> Vec<f64>,
) -> Tasks {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut tasks = Tasks::new(n, n).unwrap();
    for _ in 0..count {
        let (w, x) = (weights(rng), normal(s * n, rng));
        let output = |at: usize| (0..n).map(|j| w[at % n * n + j] * x[at / n * n + j]).sum::<f64>();
        let y: Vec<f64> =
            (0..s * n).map(|at| output(at) + 2.0 + noise * rng.sample::<f64, _>(StandardNormal)).collect();
        tasks.add(&x, &y).unwrap();
    }
    tasks
}

fn of_group(group: &PermutationGroup, size: (usize, usize), noise: f64, seed: u64) -> Tasks {
    let (pattern, _) = pattern_of(group);
    let free = pattern.free_parameters();
    tasks_of(group.degree(), size, noise, seed, |rng| pattern.expand(&normal(free, rng)).unwrap())
}

fn of(found: &Comparison, model: Model) -> &Scored {
    found.scored.iter().find(|scored| scored.model == model).unwrap()
}

fn mean(found: &Comparison, model: Model) -> f64 {
    of(found, model).mean.value
}

#[test]
fn ties_help_where_tasks_are_tied() {
    for (group, noise) in [(cyclic(6).unwrap(), 0.3), (dihedral(7).unwrap(), 0.2)] {
        let (_, truth) = pattern_of(&group);
        let tasks = of_group(&group, (80, 12), noise, 3);
        let found =
            compare(&tasks, Some(&truth), Some(&truth), (&[], &[]), &CompareConfig::default()).unwrap();
        println!("{found}");
        let error = |model| mean(&found, model);
        assert!(error(Model::Tied) <= error(Model::Learned) * 1.01, "{found}");
        assert!(error(Model::Learned) <= error(Model::Plain) * 1.01, "{found}");
        assert!(error(Model::Tied) < 0.5 * error(Model::Plain), "{found}");
        // The truth is what was found, and learned in the same way.
        assert_eq!(of(&found, Model::Oracle).errors, of(&found, Model::Tied).errors);
        // A circular convolution is what a cyclic group ties, and more than a dihedral one does.
        assert!(of(&found, Model::Convolution).chosen.starts_with("circular, "), "{found}");
        assert!(error(Model::Convolution) >= error(Model::Tied) * 0.97, "{found}");
        // A matrix finds these ties exactly; relaxed permutations come near.
        assert!(of(&found, Model::SharingMatrix).chosen.contains(" as ties, "), "{found}");
        assert!(error(Model::SharingMatrix) <= error(Model::Tied) * 1.02, "{found}");
        assert!(error(Model::DoublyStochastic) <= error(Model::Tied) * 1.2, "{found}");
        let apart = of(&found, Model::Plain).above_tied.unwrap();
        assert!(apart.lower > 0.0 && apart.lower < apart.value && apart.value < apart.upper);
        assert!(of(&found, Model::Tied).above_tied.is_none() && found.skipped.is_empty());
        assert_eq!((found.sizes.learning, found.sizes.testing, found.sizes.adapting), (40, 40, (6, 6)));
    }
}

/// Where outputs have nothing to do with inputs, nothing is predicted, and that costs little.
#[test]
fn no_fit_is_an_error_of_one() {
    let tasks = tasks_of(4, (60, 12), 1.0, 4, |_| vec![0.0; 16]);
    let (_, pattern) = pattern_of(&cyclic(4).unwrap());
    let found = compare(&tasks, Some(&pattern), None, (&[], &[]), &CompareConfig::default()).unwrap();
    for scored in &found.scored {
        assert!((scored.mean.value - 1.0).abs() < 0.05, "{found}");
    }
    assert_eq!(found.skipped.len(), 1, "{found}");
}

/// The same data and seed give the same numbers to the last bit.
#[test]
fn a_comparison_is_repeated() {
    let tasks = of_group(&cyclic(4).unwrap(), (40, 8), 0.1, 9);
    let config = CompareConfig { curve: true, seconds: 0.5, ..CompareConfig::default() };
    let run = |config: &CompareConfig| compare(&tasks, None, None, (&[], &[]), config).unwrap();
    let (a, b) = (run(&config), run(&config));
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
    assert_ne!(format!("{a:?}"), format!("{:?}", run(&CompareConfig { seed: 1, ..config })));
    // Ten tasks, and all twenty, of the models that there are.
    let counts: Vec<(usize, usize)> = a.curve.iter().map(|(tasks, errors)| (*tasks, errors.len())).collect();
    assert_eq!(counts, [(10, 2), (20, 2)]);
    assert_eq!(a.curve[1].1[1], (Model::Learned, mean(&a, Model::Learned)));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let tasks = of_group(&cyclic(4).unwrap(), (20, 8), 0.1, 9);
    let (_, other) = pattern_of(&cyclic(5).unwrap());
    let config = CompareConfig { models: vec![Model::Plain], ..CompareConfig::default() };
    let says = |found: msr_discover::Result<Comparison>, words: &str| {
        let problem = found.unwrap_err().to_string();
        assert!(problem.contains(words), "{problem}");
    };
    let none = (&[][..], &[][..]);
    says(
        compare(&tasks, Some(&other), None, none, &config),
        "the found pattern is of 5 outputs and 5 inputs",
    );
    says(compare(&tasks, None, Some(&other), none, &config), "the true pattern is of 5 outputs and 5 inputs");
    says(
        compare(&tasks, None, None, (&[3], &[4]), &config),
        "the grid [3] of outputs does not have 4 points",
    );
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let config = CompareConfig { seconds, ..config.clone() };
        says(compare(&tasks, None, None, none, &config), "the seconds must be a positive number");
    }
    let few = of_group(&cyclic(4).unwrap(), (7, 8), 0.1, 9);
    says(compare(&few, None, None, none, &config), "7 tasks; at least 8 are needed to compare");
    let mut constant = Tasks::new(2, 1).unwrap();
    let x = normal(16, &mut ChaCha8Rng::seed_from_u64(1));
    (0..10).for_each(|_| constant.add(&x, &[1.0; 8]).unwrap());
    says(compare(&constant, None, None, none, &config), "the outputs of all tasks that test are constant");
    // No outputs and inputs that lie on grids.
    let convolution = CompareConfig { models: vec![Model::Convolution], ..config.clone() };
    let found = compare(&tasks, None, None, (&[2, 2], &[]), &convolution).unwrap();
    assert!(found.scored.is_empty() && found.skipped[0].1.contains("no grids"), "{found}");
    // Many weights, and little time.
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let mut large = Tasks::new(40, 30).unwrap();
    (0..8).for_each(|_| large.add(&normal(4 * 40, rng), &normal(4 * 30, rng)).unwrap());
    let sharing = CompareConfig { models: vec![Model::SharingMatrix], ..config.clone() };
    let found = compare(&large, None, None, none, &sharing).unwrap();
    assert_eq!(found.skipped[0].1, "1200 weights; at most 1024 are learned to be shared");
    let config = CompareConfig { seconds: 1e-6, models: vec![Model::DoublyStochastic], ..config };
    let found = compare(&tasks, None, None, none, &config).unwrap();
    assert!(found.scored.is_empty() && found.skipped[0].1.contains("more than the budget"), "{found}");
}
