//! Verdicts on tasks whose symmetry is known, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use msr_discover::{DiscoverConfig, Error, Tasks, Verdict, VerdictKind, Why, discover};
use msr_groups::{
    Action, PermutationGroup, SharingPattern, SignedPattern, SignedPermutation, cyclic, dihedral, symmetric,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn normal(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| rng.sample(StandardNormal)).collect()
}

/// Outputs of `s` examples of a task with the weights w (m × n), without noise.
fn outputs((m, n): (usize, usize), w: &[f64], x: &[f64]) -> Vec<f64> {
    let s = x.len() / n;
    (0..s * m).map(|at| (0..n).map(|j| w[at % m * n + j] * x[at / m * n + j]).sum()).collect()
}

/// Tasks `y = W x + noise`, x normal, with the weights that `weights` draws.
fn linear(
    (m, n): (usize, usize),
    (count, s): (usize, usize),
    noise: f64,
    rng: &mut ChaCha8Rng,
    mut weights: impl FnMut(&mut ChaCha8Rng) -> Vec<f64>,
) -> Tasks {
    let mut tasks = Tasks::new(n, m).unwrap();
    for _ in 0..count {
        let (w, x) = (weights(rng), normal(s * n, rng));
        let mut y = outputs((m, n), &w, &x);
        let size = (y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64).sqrt();
        y.iter_mut().for_each(|y| *y += noise * size * rng.sample::<f64, _>(StandardNormal));
        tasks.add(&x, &y).unwrap();
    }
    tasks
}

/// Tasks with the symmetry of a group that acts on inputs and outputs alike.
fn of_group(group: &PermutationGroup, size: (usize, usize), noise: f64, seed: u64) -> Tasks {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let action = Action::natural(group);
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let n = group.degree();
    let weights = |rng: &mut ChaCha8Rng| pattern.expand(&normal(pattern.free_parameters(), rng)).unwrap();
    linear((n, n), size, noise, rng, weights)
}

fn found(verdict: &Verdict) -> (String, String) {
    match &verdict.kind {
        VerdictKind::Found(symmetry) => {
            (symmetry.order.to_string(), symmetry.name.clone().unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_are_found_by_name() {
    for (group, order, name) in [
        (cyclic(7).unwrap(), "7", "C_7"),
        (dihedral(8).unwrap(), "16", "D_8"),
        (symmetric(6).unwrap(), "720", "S_6"),
    ] {
        let tasks = of_group(&group, (80, 14), 0.05, 5);
        let verdict = discover(&tasks, &DiscoverConfig::default()).unwrap();
        assert_eq!(found(&verdict), (order.into(), name.into()), "{verdict}");
        let symmetry = verdict.symmetry().unwrap();
        assert!(symmetry.asymmetry.upper < 0.01 && symmetry.confirmed_on == 40, "{verdict}");
        assert!(symmetry.generators.iter().all(|g| symmetry.pattern.is_kept_by(&g.pair.0, &g.pair.1)));
        assert!(verdict.to_string().starts_with(&format!("{name}, order {order}, on ")), "{verdict}");
    }
}

/// The same data, config and seed give the same answer to the last bit.
#[test]
fn a_verdict_is_repeated() {
    let tasks = of_group(&cyclic(6).unwrap(), (60, 12), 0.2, 9);
    let [a, b] = [(); 2].map(|()| discover(&tasks, &DiscoverConfig::default()).unwrap());
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

#[test]
fn signs_are_found_where_they_are_looked_for() {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    // A mirror that turns the signs of three of six components around, and exchanges two others.
    let mirror = SignedPermutation::parse("(-0)(-1)(-2)(3 4)", 6).unwrap();
    let pattern = SignedPattern::from_pairs(6, 6, &[(mirror.clone(), mirror)]).unwrap();
    let weights = |rng: &mut ChaCha8Rng| pattern.expand(&normal(pattern.free_parameters(), rng)).unwrap();
    let tasks = linear((6, 6), (100, 14), 0.05, rng, weights);
    let signed = DiscoverConfig { signed: true, ..DiscoverConfig::default() };
    let verdict = discover(&tasks, &signed).unwrap();
    assert_eq!(found(&verdict).0, "2", "{verdict}");
    assert_eq!(verdict.symmetry().unwrap().pattern, pattern);
}

#[test]
fn where_there_is_none_none_is_claimed() {
    for seed in 0..4 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let shared = normal(3 * 48, rng);
        let tasks = linear((6, 8), (100, 16), 0.05, rng, |rng| {
            let v = normal(3, rng);
            (0..48).map(|w| (0..3).map(|k| v[k] * shared[k * 48 + w]).sum()).collect()
        });
        let verdict = discover(&tasks, &DiscoverConfig { seed, ..DiscoverConfig::default() }).unwrap();
        assert!(matches!(verdict.kind, VerdictKind::None), "{verdict}");
        assert!(verdict.tested.iter().all(|tested| tested.is_refused && !tested.is_accepted));
    }
}

#[test]
fn too_little_is_told_from_none() {
    let noise_alone = {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        linear((4, 5), (60, 12), 1e9, rng, |_| vec![1.0; 20])
    };
    for (tasks, why) in [
        (of_group(&cyclic(6).unwrap(), (12, 16), 0.05, 1), Some(Why::FewTasks { needed: 20 })),
        (of_group(&cyclic(6).unwrap(), (30, 4), 2.0, 1), None),
        (noise_alone, None),
    ] {
        let verdict = discover(&tasks, &DiscoverConfig::default()).unwrap();
        let VerdictKind::Undecided { why: said, .. } = verdict.kind else { panic!("{verdict}") };
        assert!(why.is_none_or(|why| why == said), "{verdict}");
        assert!(verdict.to_string().starts_with("undecided: "));
    }
}

/// Inputs that never change, and copies of others: what exchanges them cannot be seen, and is no
/// reason to refuse.
#[test]
fn what_the_inputs_do_not_show_stays_open() {
    let rng = &mut ChaCha8Rng::seed_from_u64(6);
    for copy in [false, true] {
        let action = Action::natural(&cyclic(5).unwrap());
        let pattern = SharingPattern::new(&action, &action).unwrap();
        let mut tasks = Tasks::new(7, 5).unwrap();
        for _ in 0..80 {
            let w = pattern.expand(&normal(5, rng)).unwrap();
            let (mut x, mut y) = (Vec::new(), Vec::new());
            for _ in 0..14 {
                let at = normal(5, rng);
                let noise = normal(5, rng);
                y.extend(outputs((5, 5), &w, &at).iter().zip(noise).map(|(y, e)| y + 0.05 * e));
                x.extend_from_slice(&at);
                x.extend(if copy { [at[0], at[0]] } else { [3.0, -1.0] });
            }
            tasks.add(&x, &y).unwrap();
        }
        let verdict = discover(&tasks, &DiscoverConfig::default()).unwrap();
        assert!(!matches!(verdict.kind, VerdictKind::None), "{verdict}");
        let mut unseen = verdict.tested.iter().filter(|tested| tested.visible <= 0.2);
        assert!(unseen.all(|tested| !tested.is_refused && !tested.is_accepted), "{verdict:?}");
    }
}

/// Tasks of different sizes, some with two examples; units far from one, means far from zero.
#[test]
fn tasks_may_have_any_sizes_and_units() {
    let rng = &mut ChaCha8Rng::seed_from_u64(8);
    let action = Action::natural(&dihedral(5).unwrap());
    let pattern = SharingPattern::new(&action, &action).unwrap();
    for unit in [1.0, 1e-150, 1e150] {
        let mut tasks = Tasks::new(5, 5).unwrap();
        for task in 0..120 {
            let s = [2, 9, 14, 20][task % 4];
            let w = pattern.expand(&normal(3, rng)).unwrap();
            let x: Vec<f64> = normal(s * 5, rng).iter().map(|x| unit * (x + 3.0)).collect();
            let mut y = outputs((5, 5), &w, &x);
            y.iter_mut().for_each(|y| *y += 0.05 * unit * rng.sample::<f64, _>(StandardNormal));
            tasks.add(&x, &y).unwrap();
        }
        let verdict = discover(&tasks, &DiscoverConfig::default()).unwrap();
        assert_eq!(found(&verdict), ("10".into(), "D_5".into()), "{unit}: {verdict}");
    }
}

#[test]
fn what_is_no_data_is_refused() {
    assert!(Tasks::new(0, 3).is_err() && Tasks::new(3, 0).is_err());
    let mut tasks = Tasks::new(2, 1).unwrap();
    tasks.add(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0]).unwrap();
    let says = |problem: Error, words: &str| assert!(problem.to_string().contains(words), "{problem}");
    says(tasks.add(&[1.0, 2.0, 3.0], &[1.0]).unwrap_err(), "task 1: 3 numbers of inputs and 1 of outputs");
    says(tasks.add(&[1.0, 2.0], &[1.0]).unwrap_err(), "task 1 has 1 example");
    says(tasks.add(&[1.0, 2.0, 3.0, f64::NAN], &[1.0, 2.0]).unwrap_err(), "task 1, example 1, input 1: NaN");
    says(tasks.add(&[1.0; 4], &[1.0, f64::INFINITY]).unwrap_err(), "task 1, example 1, output 0: inf");
    assert_eq!((tasks.count(), tasks.examples(0), tasks.examples(1)), (1, Some(2), None));
    says(discover(&tasks, &DiscoverConfig::default()).unwrap_err(), "at least two are needed");
    tasks.add(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0]).unwrap();
    for bad in [0.0, 1.0, -1.0, f64::NAN] {
        let config = DiscoverConfig { tolerance: bad, ..DiscoverConfig::default() };
        says(discover(&tasks, &config).unwrap_err(), "the tolerance must be above 0 and below 1");
        let config = DiscoverConfig { level: bad, ..DiscoverConfig::default() };
        says(discover(&tasks, &config).unwrap_err(), "the level must be above 0 and below 1");
    }
    for value in [0.0, 7.0] {
        let mut same = Tasks::new(2, 1).unwrap();
        (0..30).for_each(|_| same.add(&[value; 4], &[1.0, 2.0]).unwrap());
        assert!(discover(&same, &DiscoverConfig::default()).is_err());
    }
    // More weights than can be searched.
    let mut large = Tasks::new(2_000, 1).unwrap();
    (0..2).for_each(|i| large.add(&vec![f64::from(i); 4_000], &[1.0, 2.0]).unwrap());
    says(discover(&large, &DiscoverConfig::default()).unwrap_err(), "at most 1300 inputs and 4096 weights");
    // Outputs that are all zero say nothing, and are no error.
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let zero = linear((2, 3), (40, 8), 0.0, rng, |_| vec![0.0; 6]);
    let verdict = discover(&zero, &DiscoverConfig::default()).unwrap();
    assert!(matches!(verdict.kind, VerdictKind::Undecided { .. }), "{verdict}");
}
