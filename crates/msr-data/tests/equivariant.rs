//! Problems with the symmetry of a group.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use cases::task;
use msr_data::{Equivariant, EquivariantConfig, Inputs};
use msr_groups::{Action, SharingPattern, dihedral, equivariance_error};

mod cases;

/// Tasks of an equivariant problem are `y = W x + noise` with `W = unvec(U^G v)`, a new v for each
/// task.
#[test]
fn equivariant_tasks_have_the_symmetry_and_nothing_else() {
    let action = Action::natural(&dihedral(6).unwrap());
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let of = |config| Equivariant::new(pattern.clone(), config).unwrap();
    let problem = of(EquivariantConfig::new(30, 7));
    let (x, y) = task(&problem, 4, 30);
    let weight = problem.weight(4).unwrap();
    assert!(equivariance_error(&weight, &pattern).unwrap() < 1e-15);
    for (x, y) in x.chunks(6).zip(y.chunks(6)) {
        for (y, row) in y.iter().zip(weight.chunks(6)) {
            let exact: f64 = row.iter().zip(x).map(|(w, x)| w * f64::from(*x)).sum();
            assert!((f64::from(*y) - exact).abs() < 1e-6);
        }
    }
    assert_ne!(weight, problem.weight(5).unwrap());
    // A prefix is the same whether more examples are asked for or not; another seed is another
    // problem.
    assert_eq!(task(&problem, 4, 3).1, y[..18]);
    assert_ne!(task(&of(EquivariantConfig::new(30, 8)), 4, 30).1, y);
    // The variance of the filter parameters is 1/n, so outputs have a variance of about one.
    let many: Vec<f64> = (0..2000).flat_map(|t| problem.weight(t).unwrap()).collect();
    let variance = many.iter().map(|w| w * w).sum::<f64>() / many.len() as f64;
    assert!((variance * 6.0 - 1.0).abs() < 0.1, "{variance}");

    let noisy =
        of(EquivariantConfig { noise: 0.5, inputs: Inputs::Digits, ..EquivariantConfig::new(1000, 7) });
    let (x, y) = task(&noisy, 4, 1000);
    let weight = noisy.weight(4).unwrap();
    let off: Vec<f64> = x
        .chunks(6)
        .zip(y.chunks(6))
        .map(|(x, y)| f64::from(y[0]) - (0..6).map(|j| weight[j] * f64::from(x[j])).sum::<f64>())
        .collect();
    let largest = off.iter().fold(0.0, |l: f64, o| l.max(o.abs()));
    assert!(largest <= 0.5 && largest > 0.45, "{largest}");
    let numbers: std::collections::BTreeSet<i64> =
        x.iter().map(|x| (f64::from(*x) * (20f64 / 3.0).sqrt() + 5.0).round() as i64).collect();
    assert!(numbers.iter().copied().eq(1..=9), "{numbers:?}");
    let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / x.len() as f64;
    let square = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / x.len() as f64;
    assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05, "{mean} {square}");

    for config in [
        EquivariantConfig::new(0, 0),
        EquivariantConfig { noise: -1.0, ..EquivariantConfig::new(3, 0) },
        EquivariantConfig { noise: f64::NAN, ..EquivariantConfig::new(3, 0) },
    ] {
        assert!(Equivariant::new(pattern.clone(), config).unwrap_err().to_string().contains("noise ≥ 0"));
    }
}
