//! What recovery says: a group, ties without a group, or why there is nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use msr_groups::PlaneGroup::{Rotations, RotationsAndFlips};
use msr_groups::{
    Action, PlaneFit, PlaneSymmetry, Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix, dihedral,
    known_actions, pattern_automorphisms, rank_groups, recover,
};

fn read(u: &[f64], outputs: usize, inputs: usize) -> Recovery {
    recover(SymmetryMatrix::new(u, outputs, inputs).unwrap(), &RecoveryConfig::default()).unwrap()
}

/// The guards cannot be switched off by numbers that compare with nothing.
#[test]
fn senseless_configurations_are_refused() {
    let good = RecoveryConfig::default();
    let matrix = SymmetryMatrix::weight(&[1.0, 2.0], 1, 2).unwrap();
    for config in [
        RecoveryConfig { least_gap: f64::NAN, ..good },
        RecoveryConfig { least_gap: 0.5, ..good },
        RecoveryConfig { largest_residual: f64::NAN, ..good },
        RecoveryConfig { largest_chance: -1.0, ..good },
        RecoveryConfig { largest_chance: f64::INFINITY, ..good },
    ] {
        let error = recover(matrix, &config).unwrap_err();
        assert!(error.to_string().contains("least_gap ≥ 1"), "{error}");
    }
}

#[test]
fn what_has_no_two_different_rows_is_read_as_nothing() {
    for (u, m, n, says) in [
        (&[0.0; 6][..], 2, 3, "No exact symmetry: all entries are zero."),
        (&[1.0], 1, 1, "No exact symmetry: there are fewer than two weights."),
        (&[], 0, 0, "No exact symmetry: there are fewer than two weights."),
    ] {
        let found = read(u, m, n);
        assert_eq!(found.to_string(), says);
        assert!(found.evidence().is_none() && found.pattern().is_none());
    }
}

/// Every outcome says itself.
#[test]
fn outcomes_are_displayed() {
    let action = Action::natural(&dihedral(4).unwrap());
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let found = read(&pattern.dense().unwrap(), 4, 4);
    assert_eq!(
        found.to_string(),
        "Symmetry: D_4, order 8\n  generator: outputs (0 1 2 3)\n             inputs  (0 1 2 3)\n  \
         generator: outputs (1 3)\n             inputs  (1 3)"
    );
    // More weights are tied than the group explains: rows of two outputs alike, which are swapped.
    let labels = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 2, 3];
    let pattern = SharingPattern::from_labels(3, 4, &labels).unwrap();
    let found = read(&pattern.dense().unwrap(), 3, 4);
    assert_eq!(found.group().map(|g| g.is_orbits), Some(false), "{found}");
    assert!(found.to_string().ends_with("\n  More weights are tied than this group explains."), "{found}");
    // A convolution on an interval: the ends forbid every shift.
    let labels: Vec<usize> = (0..8 * 10).map(|i: usize| (i % 10).wrapping_sub(i / 10).min(3)).collect();
    let pattern = SharingPattern::from_labels(8, 10, &labels).unwrap();
    let found = read(&pattern.dense().unwrap(), 8, 10);
    assert!(matches!(found, Recovery::Ties(_)), "{found:?}");
    assert_eq!((found.pattern(), found.is_group(), found.name()), (Some(&pattern), false, None));
    assert!(found.evidence().unwrap().log10_chance < -6.0);
    assert_eq!(
        found.to_string(),
        "Weights are tied, but no permutation of outputs and inputs keeps the ties."
    );
    for (u, says) in [
        ([1.0, 1.001], "No exact symmetry: chance could tie weights as closely as this: the bound of its"),
        ([1.0, -1.0], "No exact symmetry: rows form no clear clusters: those between clusters are only 1.00"),
        ([1.0, 2.0], "No exact symmetry: the clusters leave a residual of 0.316 (at most 0.2 is allowed)."),
    ] {
        let found = read(&u, 1, 2);
        assert!(found.evidence().is_some());
        assert!(found.to_string().starts_with(says), "{found}");
    }
}

/// The group of a convolution, or why none is claimed.
#[test]
fn plane_symmetries_are_displayed() {
    let fit = |group, residual| PlaneFit { group, residual };
    let says = |group, fits: &[PlaneFit]| PlaneSymmetry { group, fits: fits.to_vec() }.to_string();
    let fits = [fit(Rotations(3), 0.1), fit(Rotations(2), 0.2), fit(Rotations(6), 0.7)];
    assert_eq!(says(Some(RotationsAndFlips(4)), &[]), "Symmetry: D_4, order 8");
    assert_eq!(says(None, &fits[2..]), "Symmetry: none is claimed; no group has a residual below the bound");
    assert_eq!(says(None, &fits), "Symmetry: none is claimed; C_3, C_2 hold, and none contains all others");
}

/// A large group is said in a few lines: not all of its 99 generators, nor the 158 digits of its
/// order.
#[test]
fn a_large_group_is_displayed_in_a_few_lines() {
    let n = 100;
    let labels: Vec<usize> = (0..n * n).map(|i| usize::from(i / n == i % n)).collect();
    let pattern = SharingPattern::from_labels(n, n, &labels).unwrap();
    let found = read(&pattern.expand(&[1.0, 0.5]).unwrap(), n, n);
    let text = found.to_string();
    assert!(text.starts_with("Symmetry: S_100, order 9.33e157\n"), "{text}");
    assert!(text.contains("\n  and ") && text.ends_with(" more generators"), "{text}");
    assert!(text.lines().count() <= 14 && text.lines().all(|line| line.chars().count() < 130), "{text}");
    // One generator that is long.
    let labels: Vec<usize> = (0..n * n).map(|i| (i % n + n - i / n) % n).collect();
    let pattern = SharingPattern::from_labels(n, n, &labels).unwrap();
    let v: Vec<f64> = (0..n).map(|i| (i * i) as f64).collect();
    let text = read(&pattern.expand(&v).unwrap(), n, n).to_string();
    assert!(text.starts_with("Symmetry: C_100, order 100\n") && text.contains(" …\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 130), "{text}");
}

/// No weights, and yet more outputs or inputs than anything could hold.
#[test]
fn no_weights_with_huge_sizes_are_read_in_no_time() {
    for (m, n) in [(0, usize::MAX), (usize::MAX, 0), (0, 1 << 40), (0, 0)] {
        let found = read(&[], m, n);
        assert_eq!(found.to_string(), "No exact symmetry: there are fewer than two weights.");
        let matrix = SymmetryMatrix::new(&[], m, n).unwrap();
        // Refused as a pattern, or as a graph of that many vertices.
        let pattern = SharingPattern::from_labels::<u8>(m, n, &[]);
        let automorphisms = pattern.and_then(|pattern| pattern_automorphisms(&pattern).map(drop));
        if m.max(n) > 0 {
            let error = automorphisms.unwrap_err().to_string();
            assert!(error.contains("at most") && error.len() < 400, "{error}");
        }
        assert!(rank_groups(matrix, &known_actions(m, n).unwrap()).unwrap().is_empty());
    }
    for (m, n) in [(1, usize::MAX), (usize::MAX, 2), (1 << 40, 1 << 40)] {
        let error = known_actions(m, n).unwrap_err().to_string();
        assert!(error.contains("2^32") && error.len() < 400, "{error}");
        assert!(SymmetryMatrix::new(&[], m, n).is_err());
    }
}
