//! The laws of sharing patterns, over the list of small groups.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use cases::{actions, groups, random, rng, some_elements, turned};
use msr_groups::{
    Action, SharingPattern, SymmetryMatrix, burnside_count, dihedral, equivariance_error,
    function_equivariance_error, group_convolution, kronecker_permutation, reynolds_projection,
    symmetry_residual,
};

mod cases;

/// Calls `check(pattern, output, input)` for pairs of actions of every group of the list.
fn for_patterns(mut check: impl FnMut(&SharingPattern, &Action, &Action)) {
    for group in groups() {
        let actions = actions(&group);
        for (i, input) in actions.iter().enumerate() {
            for output in [&actions[0], &actions[i], &actions[(i + 1) % actions.len()]] {
                if input.points() * output.points() <= 4096 {
                    check(&SharingPattern::new(output, input).unwrap(), output, input);
                }
            }
        }
    }
}

#[test]
fn weights_from_a_pattern_are_equivariant_and_all_equivariant_weights_are_from_it() {
    let mut rng = rng();
    for_patterns(|pattern, output, input| {
        let group = output.group();
        let v = random(pattern.free_parameters(), &mut rng);
        let w = pattern.expand(&v).unwrap();
        let elements = some_elements(group, &mut rng);
        for g in &elements {
            assert_eq!(turned(&w, g, output, input), w, "U v commutes with {g}: {output:?} ← {input:?}");
        }
        // The group mean of any matrix is equivariant; it must be in the range of U.
        let any = random(w.len(), &mut rng);
        if group.order() <= 200u32.into() && w.len() <= 400 {
            let all = group.elements().unwrap();
            let mut mean = vec![0.0; w.len()];
            for g in &all {
                for (m, t) in mean.iter_mut().zip(turned(&any, g, output, input)) {
                    *m += t / all.len() as f64;
                }
            }
            let projected = reynolds_projection(&any, pattern).unwrap();
            let off = mean.iter().zip(&projected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-12, "the Reynolds projection is the group mean: {off:e}");
            // v that gives it: the means over the classes.
            let v: Vec<f64> = (0..pattern.free_parameters())
                .map(|c| mean[pattern.labels().iter().position(|&l| l as usize == c).unwrap()])
                .collect();
            let back = pattern.expand(&v).unwrap();
            assert!(back.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    });
}

#[test]
fn the_number_of_free_parameters_is_burnsides() {
    for_patterns(|pattern, output, input| {
        assert_eq!(
            burnside_count(output, input).unwrap(),
            pattern.free_parameters().into(),
            "{output:?} ← {input:?}"
        );
    });
}

#[test]
fn the_reynolds_projection_is_idempotent_and_dense_u_is_the_pattern() {
    let mut rng = rng();
    for_patterns(|pattern, output, _| {
        let (m, n, k) = (pattern.outputs(), pattern.inputs(), pattern.free_parameters());
        let w = random(m * n, &mut rng);
        let once = reynolds_projection(&w, pattern).unwrap();
        let twice = reynolds_projection(&once, pattern).unwrap();
        assert!(once.iter().zip(&twice).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(equivariance_error(&once, pattern).unwrap() < 1e-12);
        if m * n > k && output.group().order() > 1u32.into() {
            assert!(equivariance_error(&w, pattern).unwrap() > 1e-3);
        }
        let dense = pattern.dense().unwrap();
        let v = random(k, &mut rng);
        let product: Vec<f64> =
            dense.chunks(k.max(1)).map(|row| row.iter().zip(&v).map(|(u, v)| u * v).sum()).collect();
        assert_eq!(product, pattern.expand(&v).unwrap());
        let symmetry = SymmetryMatrix::new(&dense, m, n).unwrap();
        assert_eq!(symmetry_residual(symmetry, pattern).unwrap(), 0.0);
        assert!(SharingPattern::untied(m, n).unwrap().is_finer_than(pattern));
        let biases = SharingPattern::bias(output).unwrap();
        assert_eq!(biases.free_parameters(), output.orbits().len());
    });
}

#[test]
fn stacks_of_proposition_1_are_group_convolutions() {
    let mut rng = rng();
    for group in groups().iter().filter(|g| g.order() <= 150u32.into()) {
        for input in actions(group).iter().filter(|a| a.points() <= 40) {
            let convolution = group_convolution(input).unwrap();
            let elements = group.elements().unwrap();
            let n = input.points();
            let v = random(n, &mut rng);
            // The definition: row g is π(g) v, and (π(g) v)[π(g) j] = v[j].
            for (i, g) in elements.iter().enumerate() {
                let pi = input.image_of(g).unwrap();
                for j in 0..n {
                    assert_eq!(convolution.pattern.labels()[i * n + pi.apply(j)] as usize, j, "{group:?}");
                }
            }
            // U^G v is equivariant, and has as many parameters as the orbits on G × X.
            let w: Vec<f64> = convolution.pattern.expand(&v).unwrap();
            let pattern = SharingPattern::new(&convolution.output, input).unwrap();
            assert!(equivariance_error(&w, &pattern).unwrap() < 1e-14);
            assert_eq!(pattern, convolution.pattern);
            assert_eq!(pattern.free_parameters(), n);
        }
    }
}

#[test]
fn kronecker_products_of_patterns_are_patterns_of_products() {
    let small = || groups().into_iter().filter(|g| g.degree() <= 6 && g.order() <= 24u32.into());
    for g in small() {
        for h in small() {
            let (a, b) = (Action::natural(&g), Action::natural(&h));
            let (a_bias, b_bias) = (Action::trivial(&g, 2).unwrap(), b.with_channels(2).unwrap());
            for (g_out, h_out) in [(&a, &b), (&a_bias, &b_bias)] {
                let (p, q) =
                    (SharingPattern::new(g_out, &a).unwrap(), SharingPattern::new(h_out, &b).unwrap());
                let output = Action::product_grid_of(g_out, h_out).unwrap();
                let input = Action::product_grid_of(&a, &b).unwrap();
                let direct = SharingPattern::new(&output, &input).unwrap();
                assert_eq!(p.kronecker(&q).unwrap(), direct, "{g:?} × {h:?}");

                // U^{G×H} = Π (U^G ⊗ U^H), as matrices, up to the order of the columns.
                let pi = kronecker_permutation((p.outputs(), p.inputs()), (q.outputs(), q.inputs())).unwrap();
                let second = q.labels().len();
                let mut labels = vec![0u64; direct.labels().len()];
                for (row, place) in (0..labels.len()).map(|row| (row, pi.apply(row))) {
                    // The one in row (r1, r2) of the Kronecker product is in column (c1, c2).
                    let (c1, c2) = (p.labels()[row / second], q.labels()[row % second]);
                    labels[place] = u64::from(c1) * q.free_parameters() as u64 + u64::from(c2);
                }
                let product =
                    SharingPattern::from_labels(direct.outputs(), direct.inputs(), &labels).unwrap();
                assert_eq!(product, direct);
            }
        }
    }
}

#[test]
fn functions_are_measured_as_functions() {
    let mut rng = rng();
    let action = Action::natural(&dihedral(6).unwrap());
    let pattern = SharingPattern::new(&action, &action).unwrap();
    let w = pattern.expand(&random(pattern.free_parameters(), &mut rng)).unwrap();
    let layer = |w: &[f64]| {
        let w = w.to_vec();
        move |x: &[f64]| {
            Ok(w.chunks(6).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>().tanh()).collect())
        }
    };
    assert!(function_equivariance_error(layer(&w), &action, &action, 50, &mut rng).unwrap() < 1e-14);
    let any = random(36, &mut rng);
    assert!(function_equivariance_error(layer(&any), &action, &action, 50, &mut rng).unwrap() > 0.1);
    let wrong = |_: &[f64]| Ok(vec![0.0; 5]);
    let error = function_equivariance_error(wrong, &action, &action, 1, &mut rng).unwrap_err();
    assert!(error.to_string().contains("expected 6 numbers, got 5"), "{error}");
}
