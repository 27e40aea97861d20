//! Steerable filters and the rotation and flip problems.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use candle_core::{DType, Tensor};
use msr_data::{SteerableConv, SteerableConvConfig};
use msr_episodes::TaskSource;
use msr_groups::{PlaneGroup, SteerableBasis};

/// The rows of a matrix, orthonormalised twice (Gram and Schmidt); dependent rows are dropped.
fn orthonormal(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for row in rows {
        let mut v = row.clone();
        for _ in 0..2 {
            for b in &basis {
                let along: f64 = v.iter().zip(b).map(|(v, b)| v * b).sum();
                v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
            }
        }
        let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm > 1e-6 {
            basis.push(v.iter().map(|v| v / norm).collect());
        }
    }
    basis
}

/// The sine of the largest principal angle between the spans: the largest part of a unit vector of
/// the one outside the other.
fn largest_angle(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let (a, b) = (orthonormal(a), orthonormal(b));
    assert_eq!(a.len(), b.len(), "dimensions of the spans");
    let outside = |v: &Vec<f64>| {
        let mut rest = v.clone();
        for b in &b {
            let along: f64 = v.iter().zip(b).map(|(v, b)| v * b).sum();
            rest.iter_mut().zip(b).for_each(|(r, b)| *r -= along * b);
        }
        rest.iter().map(|r| r * r).sum::<f64>()
    };
    // The Frobenius norm bounds the spectral one.
    a.iter().map(outside).sum::<f64>().sqrt()
}

#[test]
fn the_c8_filters_span_what_e2cnns_span() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/c8_basis_3x3.npz");
    let (_, golden) = Tensor::read_npz(path).unwrap().remove(0);
    let golden = golden.to_dtype(DType::F64).unwrap().flatten_from(1).unwrap().to_vec2::<f64>().unwrap();
    assert_eq!((golden.len(), golden[0].len()), (18, 24 * 9));
    let basis = SteerableBasis::new(PlaneGroup::Rotations(8), 3).unwrap();
    let ours: Vec<Vec<f64>> = (0..3)
        .flat_map(|field| {
            basis.filters().iter().map(move |filter| {
                let mut row = vec![0.0; 24 * 9];
                row[field * 72..(field + 1) * 72].copy_from_slice(filter);
                row
            })
        })
        .collect();
    let angle = largest_angle(&ours, &golden);
    println!("largest principal angle: at most {angle:.1e}");
    assert!(angle < 1e-4, "{angle:e}");
    // The norms are e2cnn's too: 1 for the constant harmonics, √2 for the others.
    let norms = |rows: &[Vec<f64>]| {
        let mut norms: Vec<f64> = rows.iter().map(|r| r.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
        norms.sort_by(f64::total_cmp);
        norms
    };
    assert!(norms(&ours).iter().zip(norms(&golden)).all(|(a, b)| (a - b).abs() < 1e-5));
}

/// The value of a filter's taps after a quarter turn counterclockwise, or a flip of the vertical
/// axis.
fn moved(filter: &[f64], kernel: usize, flip: bool) -> Vec<f64> {
    (0..kernel * kernel)
        .map(|tap| {
            let (row, column) = (tap / kernel, tap % kernel);
            let (row, column) = if flip { (row, kernel - 1 - column) } else { (column, kernel - 1 - row) };
            filter[row * kernel + column]
        })
        .collect()
}

/// The same for D_8, whose flip and order of channels are e2cnn's too: one field.
#[test]
fn the_d8_filters_span_what_e2cnns_span() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/d8_basis_3x3.npz");
    let (_, golden) = Tensor::read_npz(path).unwrap().remove(0);
    let golden = golden.to_dtype(DType::F64).unwrap().flatten_from(1).unwrap().to_vec2::<f64>().unwrap();
    assert_eq!((golden.len(), golden[0].len()), (6, 16 * 9));
    let basis = SteerableBasis::new(PlaneGroup::RotationsAndFlips(8), 3).unwrap();
    let angle = largest_angle(basis.filters(), &golden);
    assert!(angle < 1e-4, "{angle:e}");
}

#[test]
fn channels_are_turned_and_mirrored_copies_for_any_group_and_kernel() {
    for (n, kernel) in [(4, 3), (8, 3), (8, 5), (12, 7), (16, 3), (4, 1)] {
        for group in [PlaneGroup::Rotations(n), PlaneGroup::RotationsAndFlips(n)] {
            let basis = SteerableBasis::new(group, kernel).unwrap();
            let weights: Vec<f64> = (0..basis.len()).map(|i| ((i * i + 3) as f64).sin()).collect();
            let field = basis.expand(&weights).unwrap();
            let channel = |g: usize| &field[g * kernel * kernel..(g + 1) * kernel * kernel];
            let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
            for k in 0..n {
                let quarter = (k + n / 4) % n;
                assert!(
                    same(&moved(channel(k), kernel, false), channel(quarter)),
                    "{group:?}, {kernel}, {k}"
                );
                if group.order() > n {
                    // Rotation k after the flip is the flip after rotation −k.
                    assert!(
                        same(&moved(channel((n - k) % n), kernel, true), channel(n + k)),
                        "{group:?}, {k}"
                    );
                }
            }
        }
    }
    assert_eq!(SteerableBasis::new(PlaneGroup::RotationsAndFlips(8), 3).unwrap().len(), 6);
    for (group, kernel) in
        [(PlaneGroup::Rotations(8), 4), (PlaneGroup::Rotations(0), 3), (PlaneGroup::Rotations(8), 0)]
    {
        assert!(SteerableBasis::new(group, kernel).unwrap_err().to_string().contains("must be odd"));
    }
    assert!(SteerableBasis::new(PlaneGroup::Rotations(8), 3).unwrap().expand(&[1.0]).is_err());
}

#[test]
fn tasks_are_convolutions_with_these_filters() {
    for (group, channels) in [(PlaneGroup::Rotations(8), 24), (PlaneGroup::RotationsAndFlips(8), 48)] {
        let problem = SteerableConv::new(SteerableConvConfig::new(group, 3)).unwrap();
        assert_eq!(problem.output_shape(), [channels, 30, 30]);
        let (mut x, mut y) = (vec![0f32; 2 * 1024], vec![0f32; 2 * channels * 900]);
        problem.fill(5, &mut x, &mut y).unwrap();
        let filters = problem.filters(5).unwrap();
        for (example, channel, row, column) in
            [(0, 0, 0, 0), (1, 7, 29, 29), (1, channels - 1, 13, 4), (0, 17, 8, 21)]
        {
            let exact: f64 = (0..9)
                .map(|tap| {
                    let pixel = x[example * 1024 + (row + tap / 3) * 32 + column + tap % 3];
                    filters[channel * 9 + tap] * f64::from(pixel)
                })
                .sum();
            let got = y[(example * channels + channel) * 900 + row * 30 + column];
            assert!((f64::from(got) - exact).abs() < 1e-5, "{group:?}: {got} for {exact}");
        }
        let (shape, weights) = problem.true_weights(5).unwrap().unwrap();
        assert_eq!((shape, weights.len()), (vec![channels, 1, 3, 3], channels * 9));
        // The same bits again, other ones for other tasks, seeds and groups.
        let mut again = vec![0f32; x.len()];
        problem.fill(5, &mut again, &mut y).unwrap();
        assert_eq!(x, again);
        SteerableConv::new(SteerableConvConfig::new(group, 4)).unwrap().fill(5, &mut again, &mut y).unwrap();
        assert_ne!(x, again);
        // Generalised He weights: outputs have a variance of 5/8 (C_8) or 9/16 (D_8).
        let variance: f64 = (0..400)
            .map(|task| problem.filters(task).unwrap().iter().map(|f| f * f).sum::<f64>() / channels as f64)
            .sum::<f64>()
            / 400.0;
        let expected = if channels == 24 { 5.0 / 8.0 } else { 9.0 / 16.0 };
        assert!((variance / expected - 1.0).abs() < 0.1, "{group:?}: {variance}");
    }
}

/// Other kernels, fields and images: every output is the sum over its window.
#[test]
fn problems_of_any_size() {
    let table2 = SteerableConvConfig::new(PlaneGroup::RotationsAndFlips(3), 1);
    let config = SteerableConvConfig { kernel: 5, fields: 2, size: 11, examples: 3, ..table2 };
    let problem = SteerableConv::new(config).unwrap();
    assert_eq!((problem.examples(), problem.output_shape()), (3, vec![12, 7, 7]));
    let (mut x, mut y) = (vec![0f32; 3 * 121], vec![0f32; 3 * 12 * 49]);
    problem.fill(2, &mut x, &mut y).unwrap();
    let filters = problem.filters(2).unwrap();
    for (at, &got) in y.iter().enumerate() {
        let (example, channel, row, column) = (at / (12 * 49), at / 49 % 12, at / 7 % 7, at % 7);
        let exact: f64 = (0..25)
            .map(|tap| {
                let pixel = x[example * 121 + (row + tap / 5) * 11 + column + tap % 5];
                filters[channel * 25 + tap] * f64::from(pixel)
            })
            .sum();
        assert!((f64::from(got) - exact).abs() < 1e-5, "{got} for {exact}");
    }
    for wrong in [
        SteerableConvConfig { size: 4, ..config },
        SteerableConvConfig { fields: 0, ..config },
        SteerableConvConfig { examples: 0, ..config },
        SteerableConvConfig { size: 1 << 40, ..config },
    ] {
        assert!(SteerableConv::new(wrong).unwrap_err().to_string().contains("no smaller than the filters"));
    }
}
