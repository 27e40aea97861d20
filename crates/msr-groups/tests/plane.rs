//! Rotations and flips of the plane: the group that a learned convolution has.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use msr_groups::PlaneGroup::{Rotations, RotationsAndFlips};
use msr_groups::{LearnedConv, PlaneGroup, SteerableBasis, image_equivariance_error, plane_symmetry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const KERNEL: usize = 3;
const TAPS: usize = KERNEL * KERNEL;

fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.sample::<f64, _>(StandardNormal)).collect()
}

/// `fields` fields whose filters are random mixtures of the basis functions, `columns` of them,
/// plus noise.
fn fixed_filters(
    group: PlaneGroup,
    fields: usize,
    columns: usize,
    noise: f64,
    rng: &mut ChaCha8Rng,
) -> Vec<f64> {
    let basis = SteerableBasis::new(group, KERNEL).unwrap();
    let mut rows = Vec::new();
    for _ in 0..fields {
        let filters: Vec<Vec<f64>> =
            (0..columns).map(|_| basis.expand(&normal(rng, basis.len())).unwrap()).collect();
        for row in 0..group.order() * TAPS {
            rows.extend(filters.iter().map(|f| f[row]));
        }
    }
    let noise: Vec<f64> = normal(rng, rows.len()).into_iter().map(|x| x * noise).collect();
    rows.iter().zip(noise).map(|(x, n)| x + n).collect()
}

/// A projector, row by row, on the span of some columns of `matrix (n, columns)`, scaled, plus
/// noise.
fn subspace(matrix: &[f64], n: usize, columns: usize, noise: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for c in 0..columns {
        let mut v: Vec<f64> = (0..n).map(|i| matrix[i * columns + c]).collect();
        for _ in 0..2 {
            for b in &basis {
                let along: f64 = v.iter().zip(b).map(|(x, y)| x * y).sum();
                v.iter_mut().zip(b).for_each(|(x, y)| *x -= along * y);
            }
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > 1e-6 {
            basis.push(v.iter().map(|x| x / norm).collect());
        }
    }
    let noise = normal(rng, n * n).into_iter().map(|x| x * noise);
    let entry = |i: usize, j: usize| basis.iter().map(|b| 2.0 * b[i] * b[j]).sum::<f64>();
    (0..n * n).zip(noise).map(|(at, x)| entry(at / n, at % n) + x).collect()
}

#[test]
fn a_full_symmetry_matrix_names_its_group() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for (group, fields) in [
        (Rotations(8), 3),
        (RotationsAndFlips(8), 3),
        (Rotations(4), 5),
        (RotationsAndFlips(4), 2),
        (Rotations(6), 4),
        (RotationsAndFlips(5), 2),
        (Rotations(16), 1),
    ] {
        let symmetry = fixed_filters(group, fields, 12, 0.005, &mut rng);
        let found =
            plane_symmetry(LearnedConv::Full { symmetry: &symmetry, columns: 12 }, fields * group.order(), 3)
                .unwrap();
        assert_eq!(found.group, Some(group), "{:?}", found.fits);
        let (right, wrong) = (found.residual(group).unwrap(), found.best_wrong(group).unwrap());
        println!("{group}: {right:.3}, best wrong one {} {:.3}", wrong.group, wrong.residual);
        assert!(right < 0.12 && wrong.residual > 2.0 * right);
        assert!(!group.contains(wrong.group) || wrong.residual > 0.25);
    }
}

#[test]
fn kronecker_factors_name_their_group() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for group in [Rotations(8), RotationsAndFlips(8), RotationsAndFlips(4), Rotations(12)] {
        let (fields, columns) = (3, 80);
        let channels = fields * group.order();
        // Each field on its own: the channel and the tap profiles of the fixed filters.
        let one = fixed_filters(group, 1, columns, 0.0, &mut rng);
        let order = group.order();
        let (mut a, mut c) = (vec![0.0; channels * channels], vec![0.0; TAPS * TAPS]);
        let wide = columns * TAPS;
        let profile: Vec<f64> = (0..order)
            .flat_map(|g| (0..wide).map(move |i| (g * TAPS + i / columns, i % columns)))
            .map(|(row, column)| one[row * columns + column])
            .collect();
        let block = subspace(&profile, order, wide, 0.02, &mut rng);
        for f in 0..fields {
            for i in 0..order {
                for j in 0..order {
                    a[(f * order + i) * channels + f * order + j] = block[i * order + j];
                }
            }
        }
        let taps: Vec<f64> = one[..TAPS * columns].to_vec();
        c.copy_from_slice(&subspace(&taps, TAPS, columns, 0.02, &mut rng));
        let found =
            plane_symmetry(LearnedConv::Kronecker { channels: &a, taps: &c }, channels, KERNEL).unwrap();
        assert_eq!(found.group, Some(group), "{:?}", found.fits);
    }
}

#[test]
fn without_structure_no_group_is_named() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for trial in 0..300 {
        let channels = [4, 6, 8, 16, 24, 48][trial % 6];
        let (a, c) = (normal(&mut rng, channels * channels), normal(&mut rng, TAPS * TAPS));
        let found =
            plane_symmetry(LearnedConv::Kronecker { channels: &a, taps: &c }, channels, KERNEL).unwrap();
        assert_eq!(found.group, None, "trial {trial}: {:?}", found.fits);
        let symmetry = normal(&mut rng, channels * TAPS * 18);
        let found =
            plane_symmetry(LearnedConv::Full { symmetry: &symmetry, columns: 18 }, channels, KERNEL).unwrap();
        assert_eq!(found.group, None, "trial {trial}: {:?}", found.fits);
    }
    // Factors at the identity, where training starts: every direction alike.
    let identity =
        |n: usize| -> Vec<f64> { (0..n * n).map(|at| if at % (n + 1) == 0 { 1.0 } else { 0.0 }).collect() };
    let start = LearnedConv::Kronecker { channels: &identity(24), taps: &identity(9) };
    assert_eq!(plane_symmetry(start, 24, KERNEL).unwrap().group, None);
    let zeros = vec![0.0; 24 * TAPS * 2];
    let nothing = LearnedConv::Full { symmetry: &zeros, columns: 2 };
    assert_eq!(plane_symmetry(nothing, 24, KERNEL).unwrap().group, None);
}

/// Symmetric channels and symmetric taps are no rotation yet: nothing turns when only the centre of
/// the filter is used, or when the channels only share a mean.
#[test]
fn symmetry_of_channels_alone_names_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let channels = 24;
    // Frequencies 0, 1 and 2 within each eight channels.
    let wave = |d: f64| (1.0 + 2.0 * d.cos() + 2.0 * (2.0 * d).cos()) / 8.0;
    let smooth: Vec<f64> = (0..channels * channels)
        .map(|at| (at / channels, at % channels))
        .map(
            |(i, j)| {
                if i / 8 == j / 8 { wave((i as f64 - j as f64) * std::f64::consts::TAU / 8.0) } else { 0.0 }
            },
        )
        .collect();
    let mut centre = vec![0.0; TAPS * TAPS];
    centre[4 * TAPS + 4] = 1.0;
    let taps = fixed_filters(Rotations(1), 1, 40, 0.0, &mut rng);
    let steerable = subspace(&taps, TAPS, 40, 0.0, &mut rng);
    let named = |a: &[f64], c: &[f64], channels: usize| {
        plane_symmetry(LearnedConv::Kronecker { channels: a, taps: c }, channels, KERNEL).unwrap().group
    };
    assert_eq!(named(&smooth, &steerable, channels), Some(Rotations(8)));
    assert_eq!(named(&smooth, &centre, channels), None);
    for o in [3, 4, 5, 8, 9, 15, 24, 27] {
        let noise = normal(&mut rng, o * o);
        let mean: Vec<f64> = (0..o * o)
            .map(|at| f64::from(u8::from(at % (o + 1) == 0)) + 2.0 / o as f64 + 0.02 * noise[at])
            .collect();
        for taps in [&centre, &steerable] {
            assert_eq!(named(&mean, taps, o), None, "{o} channels");
        }
    }
    // Channels that share all but their mean, with free taps: no rotation either, however many
    // there are.
    let free: Vec<f64> = (0..TAPS * TAPS).map(|at| f64::from(u8::from(at % (TAPS + 1) == 0))).collect();
    for o in [64, 136, 256] {
        let rest: Vec<f64> =
            (0..o * o).map(|at| f64::from(u8::from(at % (o + 1) == 0)) - 0.2 / o as f64).collect();
        assert_eq!(named(&rest, &free, o), None, "{o} channels");
    }
    // One large symmetric column does not hide others.
    let mut symmetry = fixed_filters(Rotations(8), 3, 18, 0.0, &mut rng);
    let noise = normal(&mut rng, symmetry.len());
    for (at, x) in symmetry.iter_mut().enumerate() {
        *x = if at % 18 == 0 { 5.0 * *x } else { noise[at] };
    }
    let found =
        plane_symmetry(LearnedConv::Full { symmetry: &symmetry, columns: 18 }, channels, KERNEL).unwrap();
    assert_eq!(found.group, None, "{:?}", found.fits);
    // More channels than a group may have rotations are no error.
    let large = normal(&mut rng, 1_024 * TAPS);
    let found = plane_symmetry(LearnedConv::Full { symmetry: &large, columns: 1 }, 1_024, KERNEL).unwrap();
    assert!(found.group.is_none() && found.residual(RotationsAndFlips(512)).is_some());
}

#[test]
fn bad_input_is_refused() {
    let message = |learned: LearnedConv<'_>, channels: usize, kernel: usize| {
        plane_symmetry(learned, channels, kernel).unwrap_err().to_string()
    };
    let a = vec![1.0; 64];
    assert!(message(LearnedConv::Full { symmetry: &a, columns: 1 }, 8, 3).contains("U (8 · inputs · 3², 1)"));
    assert!(message(LearnedConv::Full { symmetry: &a, columns: 0 }, 8, 3).contains("got [64] numbers"));
    assert!(message(LearnedConv::Full { symmetry: &[], columns: 1 }, 8, 3).contains("got [0] numbers"));
    let factors = |channels: usize| message(LearnedConv::Kronecker { channels: &a, taps: &a }, channels, 3);
    assert!(factors(8).contains("C (3², 3²), got [64, 64]") && factors(1 << 40).contains("[64, 64]"));
    let even = vec![1.0; 8 * 16];
    assert!(message(LearnedConv::Full { symmetry: &even, columns: 1 }, 8, 4).contains("must be odd"));
    let mut nan = vec![1.0; 72];
    nan[3] = f64::NAN;
    assert!(message(LearnedConv::Full { symmetry: &nan, columns: 1 }, 8, 3).contains("NaN"));
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut error = |window: usize, shortest: f64, outputs: usize| {
        let layer = |_: &[f64]| Ok::<_, msr_groups::Error>(vec![1.0; outputs]);
        image_equivariance_error(Rotations(8), window, shortest, &mut rng, layer)
    };
    let windows = 7 * 16 * 2;
    assert!(error(3, 6.0, 8 * windows).is_ok());
    let fails = |_: &[f64]| Err::<Vec<f64>, _>(SteerableBasis::new(Rotations(8), 4).unwrap_err());
    let mut other = ChaCha8Rng::seed_from_u64(3);
    let said = image_equivariance_error(Rotations(8), 3, 6.0, &mut other, fails).unwrap_err().to_string();
    assert!(said.contains("must be odd"), "{said}");
    assert!(image_equivariance_error(Rotations(0), 3, 6.0, &mut other, fails).is_err());
    assert_eq!(image_equivariance_error(Rotations(1), 3, 6.0, &mut other, fails).unwrap(), 0.0);
    for (window, shortest, outputs, words) in [
        (3, 1.0, 8 * windows, "waves of two pixels"),
        (3, f64::NAN, 8 * windows, "waves of two pixels"),
        (4, 6.0, 8 * windows, "an odd size"),
        (3, 6.0, 9 * windows, "no fields of 8"),
        (3, 6.0, 8 * windows + 1, "no fields of 8"),
        (3, 6.0, 0, "no fields of 8"),
    ] {
        let said = error(window, shortest, outputs).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
    assert!(SteerableBasis::new(Rotations(8), 3).unwrap().distance(&nan[..71], 1).is_err());
    assert!(SteerableBasis::new(Rotations(1_000), 99).unwrap_err().to_string().contains("are too many"));
}

/// Quarter turns and flips are exact on the pixels; the error of an eighth falls as images get
/// smoother; filters at random are far off.
#[test]
fn errors_on_images_are_those_of_the_layer() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (group, exact) in [
        (Rotations(4), true),
        (RotationsAndFlips(4), true),
        (RotationsAndFlips(1), true),
        (Rotations(8), false),
    ] {
        let filters = fixed_filters(group, 2, 1, 0.0, &mut rng);
        let mut error = |shortest: f64, filters: &[f64]| {
            let dot = |f: &[f64], x: &[f64]| f.iter().zip(x).map(|(f, x)| f * x).sum();
            let layer = |windows: &[f64]| {
                let filters = filters.chunks(TAPS);
                let each = windows.chunks(TAPS).flat_map(|x| filters.clone().map(move |f| dot(f, x)));
                Ok::<Vec<f64>, msr_groups::Error>(each.collect())
            };
            image_equivariance_error(group, KERNEL, shortest, &mut rng, layer).unwrap()
        };
        let (rough, smooth) = (error(4.0, &filters), error(40.0, &filters));
        println!("{group}: {rough:.4} on rough images, {smooth:.4} on smooth ones");
        if exact {
            assert!(rough < 1e-12, "{group}: {rough}");
        } else {
            assert!(smooth < rough && smooth > 1e-6, "{group}: {rough} {smooth}");
        }
        let arbitrary: Vec<f64> = (0..filters.len()).map(|i| ((i * i + 3 * i) as f64).sin()).collect();
        assert!(error(6.0, &arbitrary) > 0.5);
    }
}

/// Quarter turns and flips permute the taps: any filters in their moved copies have the symmetry,
/// not only steerable ones.
#[test]
fn quarter_turns_and_flips_are_exact_for_all_filters() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let turned = |f: &[f64]| -> Vec<f64> { (0..TAPS).map(|t| f[t % 3 * 3 + 2 - t / 3]).collect() };
    let mirrored = |f: &[f64]| -> Vec<f64> { (0..TAPS).map(|t| f[t / 3 * 3 + 2 - t % 3]).collect() };
    let copies = |group: PlaneGroup, filter: &[f64]| -> Vec<f64> {
        let n = group.rotations();
        let mut field = Vec::new();
        for start in [filter.to_vec(), mirrored(filter)].iter().take(group.order() / n) {
            let mut filter = start.clone();
            for _ in 0..n {
                field.extend(&filter);
                (0..4 / n).for_each(|_| filter = turned(&filter));
            }
        }
        field
    };
    for group in
        [Rotations(2), Rotations(4), RotationsAndFlips(1), RotationsAndFlips(2), RotationsAndFlips(4)]
    {
        let (fields, columns) = (3, 40);
        let basis = SteerableBasis::new(group, KERNEL).unwrap();
        // U as a matrix of columns, each a random filter a field.
        let mut symmetry = vec![0.0; fields * group.order() * TAPS * columns];
        for column in 0..columns {
            let filters: Vec<f64> =
                (0..fields).flat_map(|_| copies(group, &normal(&mut rng, TAPS))).collect();
            assert!(basis.distance(&filters, 1).unwrap() < 1e-7, "{group}");
            filters.iter().enumerate().for_each(|(row, x)| symmetry[row * columns + column] = *x);
        }
        let channels = fields * group.order();
        let found = plane_symmetry(LearnedConv::Full { symmetry: &symmetry, columns }, channels, 3).unwrap();
        assert_eq!(found.group, Some(group), "{:?}", found.fits);
        assert!(found.residual(group).unwrap() < 1e-7);
        // Two input channels, each with filters of its own: (o, c, taps) row by row.
        let row = |at: usize| &symmetry[at * columns..(at + 1) * columns];
        let zeros = vec![0.0; columns];
        let two: Vec<f64> = (0..channels)
            .flat_map(|o| (0..2 * TAPS).map(move |at| (o, at / TAPS, at % TAPS)))
            .flat_map(|(o, input, tap)| {
                let (own, other) = (row(o * TAPS + tap), &zeros[..]);
                let halves = if input == 0 { [own, other] } else { [other, own] };
                halves.concat()
            })
            .collect();
        let learned = LearnedConv::Full { symmetry: &two, columns: 2 * columns };
        let found = plane_symmetry(learned, channels, KERNEL).unwrap();
        assert_eq!(found.group, Some(group), "{:?}", found.fits);
    }
    // One tap alone, in its four turned copies.
    let mut edge = [0.0; TAPS];
    edge[1] = 1.0;
    let basis = SteerableBasis::new(Rotations(4), KERNEL).unwrap();
    assert!(basis.distance(&copies(Rotations(4), &edge), 1).unwrap() < 1e-7);
    assert!(basis.distance(&edge.repeat(4), 1).unwrap() > 0.5);
}

/// Factors that leave all taps free can have quarter turns: the other channels follow.
#[test]
fn free_taps_are_symmetric_under_quarter_turns() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let one = fixed_filters(RotationsAndFlips(4), 1, 60, 0.0, &mut rng);
    let profile: Vec<f64> = (0..8).flat_map(|g| one[g * TAPS * 60..(g + 1) * TAPS * 60].to_vec()).collect();
    let a = subspace(&profile, 8, TAPS * 60, 0.0, &mut rng);
    let taps: Vec<f64> = (0..TAPS * TAPS).map(|at| f64::from(u8::from(at % (TAPS + 1) == 0))).collect();
    let found = plane_symmetry(LearnedConv::Kronecker { channels: &a, taps: &taps }, 8, KERNEL).unwrap();
    assert_eq!(found.group, Some(RotationsAndFlips(4)), "{:?}", found.fits);
    // Taps of which only the left column is used turn into none of their own.
    let left: Vec<f64> = (0..TAPS * TAPS)
        .map(|at| f64::from(u8::from(at % (TAPS + 1) == 0 && (at % TAPS).is_multiple_of(3))))
        .collect();
    let found = plane_symmetry(LearnedConv::Kronecker { channels: &a, taps: &left }, 8, KERNEL).unwrap();
    assert_eq!(found.group, None, "{:?}", found.fits);
}

/// e2cnn's variances of generalised He weights; crates/msr-data/tests/golden/make.py prints them.
#[test]
fn variances_of_weights_are_those_of_e2cnn() {
    let (third, half, quarter) = (1.0 / 3.0, 0.5, 0.25);
    // Functions: two rings of frequency 0, cosine and sine of frequency 1, of frequency 2.
    for (group, expected) in [
        (Rotations(2), [quarter, quarter, half, half, quarter, quarter]),
        (Rotations(3), [half, half, quarter, quarter, quarter, quarter]),
        (Rotations(4), [half; 6]),
        (Rotations(8), [half; 6]),
        (RotationsAndFlips(1), [quarter, quarter, half, quarter, quarter, half]),
        (RotationsAndFlips(2), [third, third, 1.0, 1.0, third, 1.0]),
        (RotationsAndFlips(3), [half; 6]),
        (RotationsAndFlips(4), [half, half, 1.0, 1.0, 1.0, 1.0]),
        (RotationsAndFlips(8), [half, half, 1.0, 1.0, 1.0, 1.0]),
    ] {
        let basis = SteerableBasis::new(group, KERNEL).unwrap();
        let found: Vec<f64> = basis.weight_stds().iter().map(|s| s * s).collect();
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{group}: {found:?}");
    }
}

#[test]
fn subgroups() {
    assert!(
        RotationsAndFlips(8).contains(Rotations(4)) && RotationsAndFlips(8).contains(RotationsAndFlips(2))
    );
    assert!(Rotations(8).contains(Rotations(8)) && !Rotations(8).contains(RotationsAndFlips(4)));
    assert!(!Rotations(8).contains(Rotations(16)) && !Rotations(8).contains(Rotations(3)));
    assert_eq!((Rotations(8).to_string(), RotationsAndFlips(8).to_string()), ("C_8".into(), "D_8".into()));
}
