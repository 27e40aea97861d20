//! Reading the group back out of a symmetry matrix in any basis, with noise.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use msr_groups::{
    ALL_SMALL_GROUPS, Action, Error, KnownAction, NoSymmetry, PermutationGroup, Reason, RecoveredGroup,
    Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix, known_actions, name_of, parse_group,
    partition_distance, pattern_automorphisms, rank_groups, recover,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// `U^G M + noise`: M `k × k` with standard normal entries, the noise `noise` times as large.
fn disguised(pattern: &SharingPattern, noise: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let k = pattern.free_parameters();
    let m: Vec<f64> = (0..k * k).map(|_| normal(rng)).collect();
    pattern.times(&m, k).unwrap().iter().map(|entry| entry + noise * normal(rng)).collect()
}

fn natural(group: &PermutationGroup) -> SharingPattern {
    let action = Action::natural(group);
    SharingPattern::new(&action, &action).unwrap()
}

fn matrix(u: &[f64], outputs: usize, inputs: usize) -> SymmetryMatrix<'_> {
    SymmetryMatrix::new(u, outputs, inputs).unwrap()
}

fn read(u: &[f64], outputs: usize, inputs: usize) -> Recovery {
    recover(matrix(u, outputs, inputs), &RecoveryConfig::default()).unwrap()
}

/// What is read out of `U^G M + noise`.
fn read_disguised(pattern: &SharingPattern, noise: f64, rng: &mut ChaCha8Rng) -> Recovery {
    read(&disguised(pattern, noise, rng), pattern.outputs(), pattern.inputs())
}

/// What the group does on outputs or inputs.
fn part(found: &RecoveredGroup, inputs: bool) -> PermutationGroup {
    let generators = found.generators().into_iter().map(|(on_y, on_x)| if inputs { on_x } else { on_y });
    let degree = if inputs { found.pattern.inputs() } else { found.pattern.outputs() };
    PermutationGroup::new("part", degree, generators.collect()).unwrap()
}

#[test]
fn the_exact_group_of_every_listed_group_is_recovered_from_noisy_rows_in_any_basis() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for entry in ALL_SMALL_GROUPS {
        let group = entry.group().unwrap();
        assert!(group.degree() <= 32);
        let pattern = natural(&group);
        let closure = pattern_automorphisms(&pattern).unwrap();
        for _ in 0..3 {
            let found = read_disguised(&pattern, 1e-3, &mut rng);
            if entry.order == 1 {
                assert!(!found.is_group(), "{}", entry.call);
                continue;
            }
            let Recovery::Group(found) = found else { panic!("{}: {found:?}", entry.call) };
            assert_eq!(found.pattern, pattern, "{}: {:?}", entry.call, found.evidence);
            assert!(found.is_orbits, "{}", entry.call);
            assert!(found.permutations.is_same_as(&closure).unwrap(), "{}", entry.call);
            for inputs in [false, true] {
                let part = part(&found, inputs);
                assert!(part.contains_group(&group).unwrap(), "{}", entry.call);
                let is_same = part.is_same_as(&group).unwrap();
                assert_eq!(is_same, entry.closed, "{}: order {}", entry.call, part.order());
            }
            if entry.closed {
                assert_eq!(found.order(), entry.order.into(), "{}", entry.call);
                assert!(found.name.is_some(), "{} has no name", entry.call);
                assert_eq!(found.name, name_of(&group), "{}", entry.call);
            }
        }
    }
}

#[test]
fn the_automorphisms_of_patterns_are_those_that_trying_all_permutations_finds() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let all = |n: usize| parse_group(&format!("symmetric({n})")).unwrap().elements().unwrap();
    let mut nontrivial = 0;
    for _ in 0..300 {
        let (m, n) = (rng.random_range(1..5), rng.random_range(1..5));
        let colours = rng.random_range(1..5);
        let labels: Vec<u32> = (0..m * n).map(|_| rng.random_range(0..colours)).collect();
        let pattern = SharingPattern::from_labels(m, n, &labels).unwrap();
        let group = pattern_automorphisms(&pattern).unwrap();
        let mut count = 0u32;
        for on_outputs in all(m) {
            for on_inputs in all(n) {
                let keeps = pattern.is_kept_by(&on_outputs, &on_inputs);
                let both = on_outputs.beside(&on_inputs).unwrap();
                assert_eq!(group.contains(&both).unwrap(), keeps, "{m} × {n}: {labels:?}");
                count += u32::from(keeps);
            }
        }
        assert_eq!(group.order(), count.into(), "{m} × {n}: {labels:?}");
        nontrivial += u32::from(count > 1);
    }
    assert!(nontrivial > 50);
}

#[test]
fn noise_as_large_as_the_signal_never_makes_a_claim() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let patterns: Vec<SharingPattern> = ALL_SMALL_GROUPS
        .iter()
        .map(|entry| natural(&entry.group().unwrap()))
        .filter(|p| p.labels().len() <= 300 && p.free_parameters() <= 100)
        .collect();
    assert!(patterns.len() >= 35);
    for trial in 0..1_000 {
        let pattern = &patterns[trial % patterns.len()];
        let found = read_disguised(pattern, 1.0, &mut rng);
        assert!(matches!(found, Recovery::Nothing(_)), "trial {trial}: {found:?}");
        assert!(found.group().is_none() && found.name().is_none() && found.pattern().is_none());
    }
}

/// Rows without any ties: of all shapes, of one column, with a few large ones, with heavy tails.
/// Not one claim.
#[test]
fn matrices_without_ties_make_no_claim() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let weak = RecoveryConfig { largest_chance: 0.05, ..RecoveryConfig::default() };
    for trial in 0..4_000 {
        let (m, n) = (rng.random_range(1..9), rng.random_range(1..9));
        let k = if trial % 2 == 0 { 1 } else { rng.random_range(1..9) };
        let mut u: Vec<f64> = (0..m * n * k).map(|_| normal(&mut rng)).collect();
        match trial % 4 {
            // One row far from all others, which lie together beside it.
            0 => u[..k].iter_mut().for_each(|u| *u = 1e3),
            1 => u.iter_mut().for_each(|u| *u = u.powi(3)),
            _ => {}
        }
        // The bound is for normal rows: what has heavy tails is held to the default alone.
        let configs = [RecoveryConfig::default(), weak];
        for config in &configs[..if trial % 4 == 1 { 1 } else { 2 }] {
            let found = recover(matrix(&u, m, n), config).unwrap();
            assert!(matches!(found, Recovery::Nothing(_)), "trial {trial}, {m} × {n} × {k}: {found:?}");
        }
    }
}

/// Huge and tiny numbers are as good as others; large layers are read in a moment.
#[test]
fn scale_does_not_matter_and_large_layers_are_read() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let pattern = natural(&parse_group("dihedral(6)").unwrap());
    let u = disguised(&pattern, 1e-3, &mut rng);
    for scale in [1e160, 1e-200] {
        let scaled: Vec<f64> = u.iter().map(|u| u * scale).collect();
        let found = read(&scaled, 6, 6);
        assert_eq!(found.name(), Some("D_6"), "{scale:e}");
        assert!(found.evidence().unwrap().residual.is_finite(), "{scale:e}");
    }
    let pattern = natural(&parse_group("symmetric(100)").unwrap());
    let found = read(&pattern.expand(&[1.0, 0.5]).unwrap(), 100, 100);
    assert_eq!(found.name(), Some("S_100"));
    assert_eq!(found.group().unwrap().order(), parse_group("symmetric(100)").unwrap().order());
    let noise: Vec<f64> = (0..40_000).map(|_| normal(&mut rng)).collect();
    assert!(!read(&noise, 200, 200).is_group());
    let known = known_actions(200, 200).unwrap();
    assert!(rank_groups(matrix(&noise, 200, 200), &known).unwrap().len() > 10);
}

/// Columns that repeat each other, or hold nothing, are no evidence: a matrix of rank one without
/// any ties.
#[test]
fn repeated_and_idle_columns_make_no_claim() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for trial in 0..300 {
        let (rows, k) = (rng.random_range(2..65), rng.random_range(1..31));
        let rank = 1 + trial % 2;
        let noise = [0.0, 1e-4, 1e-3][trial % 3];
        let mut u = vec![0.0; rows * k];
        for _ in 0..rank {
            let a: Vec<f64> = (0..rows).map(|_| normal(&mut rng)).collect();
            let b: Vec<f64> =
                (0..k).map(|c| if trial % 5 == 0 && c > 0 { 0.0 } else { normal(&mut rng) }).collect();
            u.iter_mut().enumerate().for_each(|(i, u)| *u += a[i / k] * b[i % k] + noise * normal(&mut rng));
        }
        let found = read(&u, 1, rows);
        assert!(matches!(found, Recovery::Nothing(_)), "trial {trial}: {found:?}");
    }
}

#[test]
fn groups_that_act_differently_on_outputs_and_inputs_are_recovered() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (call, order) in
        [("symmetric(4)", 24u32), ("dihedral(6)", 12), ("alternating(4)", 12), ("quaternion()", 8)]
    {
        let group = parse_group(call).unwrap();
        let input = Action::natural(&group);
        let output = Action::regular(&group).unwrap();
        let pattern = SharingPattern::new(&output, &input).unwrap();
        let found = read_disguised(&pattern, 1e-3, &mut rng);
        let Recovery::Group(found) = found else { panic!("{call}: {found:?}") };
        assert_eq!(found.pattern, pattern);
        // With an output for each element and a faithful action on the inputs, nothing else keeps
        // the pattern.
        assert_eq!(found.order(), order.into(), "{call}");
        for (on_outputs, on_inputs) in found.generators() {
            assert!(pattern.is_kept_by(&on_outputs, &on_inputs));
        }
    }
}

#[test]
fn a_plain_weight_matrix_is_a_symmetry_matrix_of_one_column() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let pattern = natural(&parse_group("dihedral(12)").unwrap());
    let v: Vec<f64> = (0..pattern.free_parameters()).map(|_| normal(&mut rng)).collect();
    let exact = pattern.expand(&v).unwrap();
    let w: Vec<f64> = exact.iter().map(|w| w + 1e-5 * normal(&mut rng)).collect();
    let weight = SymmetryMatrix::weight(&w, 12, 12).unwrap();
    assert_eq!(recover(weight, &RecoveryConfig::default()).unwrap().name(), Some("D_12"));
    // Two equal numbers are no evidence.
    let pair = read(&[1.0, 1.001], 1, 2);
    let Recovery::Nothing(NoSymmetry { reason: Reason::Chance { bound, .. }, .. }) = pair else {
        panic!("{pair:?}")
    };
    assert!(bound > 1e-6, "{bound}");
}

#[test]
fn a_badly_conditioned_basis_with_idle_columns_is_seen_through() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let pattern = natural(&parse_group("dihedral(8)").unwrap());
    let (k, more) = (pattern.free_parameters(), 9);
    // Columns of sizes 1, 0.1, …, and columns that hold nothing but their initial noise.
    let rows = pattern.labels().iter();
    let u: Vec<f64> = rows
        .flat_map(|&label| {
            (0..k + more)
                .map(|c| {
                    let signal = if c == label as usize { 0.3f64.powi(c as i32) } else { 0.0 };
                    signal + 1e-3 * normal(&mut rng)
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(matrix(&u, 8, 8).columns(), k + more);
    let found = read(&u, 8, 8);
    assert_eq!(found.pattern(), Some(&pattern), "{:?}", found.evidence());
    assert_eq!(found.name(), Some("D_8"));
}

#[test]
fn known_groups_are_ranked_by_residual() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let pattern = natural(&parse_group("dihedral(8)").unwrap());
    let u = disguised(&pattern, 0.7, &mut rng);
    let known = known_actions(8, 8).unwrap();
    let fits = rank_groups(matrix(&u, 8, 8), &known).unwrap();
    let names: Vec<&str> = fits.iter().map(|f| f.name.as_str()).collect();
    let place = |name: &str| names.iter().position(|n| *n == name).unwrap_or(usize::MAX);
    // Subgroups fit at least as well as the group; what is no subgroup fits worse.
    assert!(place("C_8") < place("D_8") && place("D_8") < place("S_8"), "{names:?}");
    assert!(fits.windows(2).all(|w| w[0].residual <= w[1].residual + 1e-9));
    let d8 = &fits[place("D_8")];
    assert!(d8.residual < 0.75 * d8.by_chance);
    assert!(place("Q_8") > place("D_8"));
    // What a larger group implies with a residual as small is marked; the group itself is not.
    assert_eq!(fits[place("C_8")].implied_by.as_deref(), Some("D_8"));
    assert!(fits[place("D_8")].implied_by.is_none() && fits[place("S_8")].implied_by.is_none());
    let error = rank_groups(matrix(&u, 4, 16), &known).unwrap_err();
    assert!(matches!(error, Error::Shape { expected: (8, 8), got: (4, 16), .. }), "{error}");

    // Other numbers of outputs than inputs: pairs, and outputs that nothing moves, with the largest
    // group that has the pattern.
    let group = parse_group("symmetric(4)").unwrap();
    let action = |name: &str| Action::parse(&group, name).unwrap();
    let pattern = SharingPattern::new(&action("unordered_pairs"), &action("distinct_pairs")).unwrap();
    let fits = rank_groups(matrix(&pattern.dense().unwrap(), 6, 12), &known_actions(6, 12).unwrap()).unwrap();
    let best = fits.iter().find(|fit| fit.implied_by.is_none()).unwrap();
    assert_eq!(
        (best.name.as_str(), best.residual),
        ("S_4, on pairs of different points → on unordered pairs", 0.0)
    );
    let sums = known_actions(1, 10).unwrap();
    let tied = sums.iter().filter(|known| known.pattern().free_parameters() == 1);
    assert!(tied.map(KnownAction::name).eq(["S_10, natural on the inputs"]));
}

#[test]
fn partition_distances_are_those_of_the_best_matching() {
    let pattern = |labels: &[u32]| SharingPattern::from_labels(1, labels.len(), labels).unwrap();
    let truth = pattern(&[0, 0, 0, 1, 1, 2]);
    for (other, distance) in [
        (&[5, 5, 5, 3, 3, 9][..], 0),
        (&[0, 0, 1, 1, 1, 2], 1),
        (&[0, 0, 0, 0, 0, 0], 3),
        (&[0, 1, 2, 3, 4, 5], 3),
    ] {
        assert_eq!(partition_distance(&truth, &pattern(other)).unwrap(), distance, "{other:?}");
        assert_eq!(partition_distance(&pattern(other), &truth).unwrap(), distance, "{other:?}");
    }
    assert!(partition_distance(&truth, &pattern(&[0, 1])).is_err());
    // 5,000 classes each are too many to be matched.
    let alone: Vec<usize> = (0..5_000).collect();
    let many = SharingPattern::from_labels(1, 5_000, &alone).unwrap();
    let error = partition_distance(&many, &many).unwrap_err().to_string();
    assert!(error.contains("5000 classes are matched with 5000"), "{error}");
}

#[test]
fn names_are_proved() {
    for (call, name) in [
        ("direct_product(cyclic(3), cyclic(4))", "C_12"),
        ("direct_product(cyclic(4), cyclic(6))", "C_2 × C_12"),
        ("torus_translations(4, 4)", "C_4 × C_4"),
        ("dihedral(3)", "S_3"),
        ("dihedral(7)", "D_7"),
        ("regular(dihedral(7))", "D_7"),
        ("square_grid(4)", "D_4"),
        ("regular(quaternion())", "Q_8"),
        ("icosahedron()", "A_5"),
        ("hypercube(3)", "C_2 ≀ S_3"),
        ("unordered_pairs(symmetric(5))", "S_5"),
        ("semidirect(11, 5)", "C_11 ⋊ C_5"),
        ("product_grid(symmetric(4), symmetric(3))", "S_4 × S_3"),
        ("product_grid(symmetric(6), symmetric(7))", "S_7 × S_6"),
        ("wreath_product(symmetric(4), symmetric(5))", "S_4 ≀ S_5"),
        ("symmetric(20)", "S_20"),
        ("alternating(9)", "A_9"),
        ("direct_product(alternating(7), symmetric(9))", "S_9 × A_7"),
        ("regular(direct_product(symmetric(3), symmetric(3)))", "S_3 × S_3"),
        ("product_grid(cyclic(3), dihedral(5))", "D_5 × C_3"),
        ("wreath_product(cyclic(2), regular(symmetric(3)))", "C_2 ≀ (S_3 on 6 blocks)"),
    ] {
        assert_eq!(name_of(&parse_group(call).unwrap()).as_deref(), Some(name), "{call}");
    }
    // M_11 is none of them.
    let m11 =
        msr_groups::from_cycle_notation("M_11", 11, &["(0 1 2 3 4 5 6 7 8 9 10)", "(2 6 10 7)(3 9 4 5)"]);
    let m11 = m11.unwrap();
    assert_eq!((m11.order(), name_of(&m11)), (7920u32.into(), None));
}

/// Tied, crosswise: what keeps the pattern keeps it.
#[test]
fn generators_of_crosswise_ties_keep_them() {
    let labels = [0, 1, 2, 2, 0, 3, 4, 4, 1, 5, 5, 3];
    let pattern = SharingPattern::from_labels(3, 4, &labels).unwrap();
    let found = read(&pattern.dense().unwrap(), 3, 4);
    for (on_outputs, on_inputs) in found.group().map(RecoveredGroup::generators).unwrap_or_default() {
        assert!(pattern.is_kept_by(&on_outputs, &on_inputs));
    }
}
