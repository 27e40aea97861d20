//! The laws of groups, actions and sharing patterns: exhaustively over the list of small groups, by random
//! properties beyond.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::{HashMap, HashSet};

use msr_groups::{
    ALL_SMALL_GROUPS, Action, Permutation, PermutationGroup, SharingPattern, burnside_count, cyclic,
    dihedral, equivariance_error, function_equivariance_error, group_convolution, kronecker_permutation,
    parse_group, quaternion, reynolds_projection, rubik, semidirect_product, symmetric, symmetry_residual,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn random(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Every group of the list.
fn groups() -> Vec<PermutationGroup> {
    ALL_SMALL_GROUPS.iter().map(|g| g.group().unwrap()).collect()
}

/// Elements to test on: all of them, or many random ones of larger groups.
fn some_elements(group: &PermutationGroup, rng: &mut ChaCha8Rng) -> Vec<Permutation> {
    if group.order() <= 200u32.into() {
        return group.elements().unwrap();
    }
    (0..30).map(|_| group.random_element(rng)).collect()
}

/// Actions of a group to test on.
fn actions(group: &PermutationGroup) -> Vec<Action> {
    let natural = Action::natural(group);
    let mut actions = vec![natural.clone(), Action::trivial(group, 2).unwrap()];
    if group.degree() <= 9 {
        actions.push(natural.on_ordered_pairs().unwrap());
        actions.push(natural.on_distinct_pairs().unwrap());
        actions.push(natural.on_unordered_pairs().unwrap());
        actions.push(natural.with_channels(2).unwrap());
        actions.push(natural.times(&Action::trivial(group, 2).unwrap()).unwrap());
        actions.push(natural.beside(&natural).unwrap());
    }
    if group.order() <= 48u32.into() {
        actions.push(Action::regular(group).unwrap());
    }
    actions
}

#[test]
fn group_axioms() {
    for (entry, group) in ALL_SMALL_GROUPS.iter().zip(groups()) {
        assert_eq!(group.order(), entry.order.into(), "{}", entry.call);
        // Theory gives the order of families; the generators must make as many elements.
        let computed = PermutationGroup::new("", group.degree(), group.generators().to_vec()).unwrap();
        assert_eq!(computed.order(), group.order(), "{}", entry.call);
        assert!(!computed.is_same_as(&PermutationGroup::new("", group.degree() + 1, Vec::new()).unwrap()));
        let elements = some_elements(&group, &mut rng());
        let complete = group.order() <= 200u32.into();
        let set: HashSet<&Permutation> = elements.iter().collect();
        assert!(!complete || set.len() == elements.len(), "{}: elements are listed once", entry.call);
        assert!(!complete || elements[0].is_identity());
        for a in &elements {
            assert!(group.contains(a) && group.contains(&a.inverse()), "{}", entry.call);
            assert!(a.compose(&a.inverse()).unwrap().is_identity());
            assert_eq!(a.power(-1), a.inverse());
            assert!(a.power(i64::try_from(a.order()).unwrap()).is_identity());
            for b in &elements {
                let ab = a.compose(b).unwrap();
                assert!(group.contains(&ab), "{} is closed", entry.call);
                assert_eq!(ab.inverse(), b.inverse().compose(&a.inverse()).unwrap());
                let c = &elements[elements.len() / 2];
                assert_eq!(ab.compose(c).unwrap(), a.compose(&b.compose(c).unwrap()).unwrap());
            }
        }
    }
}

#[test]
fn actions_are_homomorphisms() {
    for group in groups() {
        for action in actions(&group) {
            // The constructor that checks agrees with those that know.
            Action::homomorphism(&group, action.points(), action.images().to_vec()).unwrap();
            if group.order() > 200u32.into() {
                let elements = some_elements(&group, &mut rng());
                for (a, b) in elements.iter().zip(elements.iter().rev()) {
                    let left = action.image_of(&a.compose(b).unwrap()).unwrap();
                    let right = action.image_of(a).unwrap().compose(&action.image_of(b).unwrap()).unwrap();
                    assert_eq!(left, right, "{action:?}");
                }
                continue;
            }
            // ρ by walking from the identity along the generators, all elements, all pairs.
            let one = Permutation::identity(group.degree());
            let mut rho = HashMap::from([(one.clone(), Permutation::identity(action.points()))]);
            let mut queue = vec![one];
            while let Some(g) = queue.pop() {
                for (a, image) in group.generators().iter().zip(action.images()) {
                    let next = a.compose(&g).unwrap();
                    if !rho.contains_key(&next) {
                        rho.insert(next.clone(), image.compose(&rho[&g]).unwrap());
                        queue.push(next);
                    }
                }
            }
            assert_eq!(rho.len(), usize::try_from(group.order()).unwrap());
            for (a, rho_a) in &rho {
                assert_eq!(&action.image_of(a).unwrap(), rho_a, "{action:?}");
                for (b, rho_b) in &rho {
                    assert_eq!(rho[&a.compose(b).unwrap()], rho_a.compose(rho_b).unwrap(), "{action:?}");
                }
            }
            for (g, image) in group.generators().iter().zip(action.images()) {
                assert_eq!(&action.image_of(g).unwrap(), image, "{action:?}");
            }
        }
    }
}

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

/// `ρ_out(g) W ρ_in(g)⁻¹`.
fn turned(w: &[f64], g: &Permutation, output: &Action, input: &Action) -> Vec<f64> {
    let n = input.points();
    let (on_y, on_x) = (output.image_of(g).unwrap(), input.image_of(g).unwrap());
    let mut turned = vec![0.0; w.len()];
    for (at, &value) in w.iter().enumerate() {
        turned[on_y.apply(at / n) * n + on_x.apply(at % n)] = value;
    }
    turned
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
        let dense = pattern.dense();
        let v = random(k, &mut rng);
        let product: Vec<f64> =
            dense.chunks(k.max(1)).map(|row| row.iter().zip(&v).map(|(u, v)| u * v).sum()).collect();
        assert_eq!(product, pattern.expand(&v).unwrap());
        assert_eq!(symmetry_residual(&dense, k, pattern).unwrap(), 0.0);
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

#[test]
fn random_groups_keep_the_laws() {
    let mut rng = rng();
    for round in 0..40 {
        let degree = rng.random_range(4..12);
        let generator = |rng: &mut ChaCha8Rng| {
            let mut images: Vec<usize> = (0..degree).collect();
            // Few moved points, so that not every group is S_n or A_n.
            for _ in 0..rng.random_range(1..4) {
                images.swap(rng.random_range(0..degree), rng.random_range(0..degree));
            }
            Permutation::from_images(&images).unwrap()
        };
        let generators: Vec<Permutation> = (0..rng.random_range(1..4)).map(|_| generator(&mut rng)).collect();
        let group = PermutationGroup::new(format!("random {round}"), degree, generators).unwrap();
        // Orbit and stabiliser.
        for point in 0..degree {
            assert_eq!(group.orbit(point).len() * group.stabilizer(point).order(), group.order());
        }
        let (a, b) = (group.random_element(&mut rng), group.random_element(&mut rng));
        assert!(group.contains(&a.compose(&b).unwrap()));
        let input = Action::natural(&group);
        let output = input.on_unordered_pairs().unwrap();
        let pattern = SharingPattern::new(&output, &input).unwrap();
        let w = pattern.expand(&random(pattern.free_parameters(), &mut rng)).unwrap();
        assert_eq!(turned(&w, &a, &output, &input), w);
        if group.order() <= 100_000u32.into() {
            assert_eq!(burnside_count(&output, &input).unwrap(), pattern.free_parameters().into());
            assert_eq!(group.elements().unwrap().len(), usize::try_from(group.order()).unwrap());
        }
    }
}

#[test]
fn large_groups_answer() {
    let cube = rubik().unwrap();
    assert_eq!(cube.order().to_string(), "43252003274489856000");
    // A quarter turn of one face moves 20 stickers; no single sticker can be turned alone.
    assert!(!cube.contains(&Permutation::from_cycles(48, &[&[0, 1]]).unwrap()));
    let mut rng = rng();
    for _ in 0..20 {
        let g = cube.random_element(&mut rng);
        assert!(cube.contains(&g));
    }
    let all = PermutationGroup::new("", 30, symmetric(30).unwrap().generators().to_vec()).unwrap();
    assert_eq!(all.order().to_string(), "265252859812191058636308480000000");
    assert_eq!(Action::natural(&cube).orbits().iter().map(Vec::len).collect::<Vec<_>>(), [24, 24]);
}

#[test]
fn semidirect_products() {
    // Q_8 is no semidirect product, but D_4 = C_4 ⋊ C_2 is one.
    let (c4, c2) = (cyclic(4).unwrap(), cyclic(2).unwrap());
    let inverse = c4.generators()[0].inverse();
    let d4 = semidirect_product(&c4, &c2, &[vec![inverse.clone()]]).unwrap();
    assert_eq!((d4.order(), msr_groups::name_of(&d4).as_deref()), (8u32.into(), Some("D_4")));
    assert_eq!(msr_groups::name_of(&quaternion().unwrap()).as_deref(), Some("Q_8"));
    // x ↦ x² is no automorphism of C_4.
    let square = c4.generators()[0].power(2);
    assert!(semidirect_product(&c4, &c2, &[vec![square]]).is_err());
    // x ↦ x⁻¹ has order 2, so C_3 cannot act by it.
    let error = semidirect_product(&c4, &cyclic(3).unwrap(), &[vec![inverse]]).unwrap_err();
    assert!(error.to_string().contains("a^3 = 1"), "{error}");
}

/// The word in the error is the identity of the group, and gives in the images what the error says.
fn the_relation_that_is_named_fails() {
    let group = parse_group("semidirect(7, 3)").unwrap();
    let (a, b) = (group.generators()[0].clone(), group.generators()[1].clone());
    for images in [vec![a.clone(), Permutation::identity(7)], vec![a.clone(), b.power(2)], vec![b, a]] {
        let error = Action::homomorphism(&group, 7, images.clone()).unwrap_err();
        let msr_groups::Error::NotAHomomorphism { relation, gives } = &error else { panic!("{error}") };
        // A product, read from left to right; a' is the inverse, a^3 a power.
        let value = |letters: &[Permutation]| {
            relation.split(' ').fold(Permutation::identity(7), |product, word| {
                let (name, exponent) = match word.split_once('^') {
                    Some((name, exponent)) => (name, exponent.parse().unwrap()),
                    None => (word.trim_end_matches('\''), if word.ends_with('\'') { -1 } else { 1 }),
                };
                let letter = &letters[usize::from(name == "b")];
                product.compose(&letter.power(exponent)).unwrap()
            })
        };
        assert!(value(group.generators()).is_identity(), "{relation}");
        assert_eq!(&value(&images).to_string(), gives, "{relation}");
        assert!(!value(&images).is_identity());
    }
}

#[test]
fn bad_input_is_refused_with_a_reason() {
    let text = |e: msr_groups::Error| e.to_string();
    assert!(text(Permutation::from_images(&[0, 0]).unwrap_err()).contains("0 is the image of 0 and of 1"));
    assert!(text(Permutation::from_images(&[0, 2]).unwrap_err()).contains("the image of 1 is 2"));
    for bad in ["", "(0 1", "0 1)", "(0 0)", "(0 9)", "(0 x)", "(0 1)(1 2)"] {
        let error = Permutation::parse(bad, 4).unwrap_err();
        assert!(text(error).contains("cycle notation"), "{bad}");
    }
    assert_eq!(Permutation::parse(" ( 0, 1 ) (2 3)", 4).unwrap().to_string(), "(0 1)(2 3)");
    assert_eq!(Permutation::parse("()", 4).unwrap(), Permutation::identity(4));
    let (s3, c3) = (symmetric(3).unwrap(), cyclic(3).unwrap());
    let error = SharingPattern::new(&Action::natural(&s3), &Action::natural(&c3)).unwrap_err();
    assert!(text(error).contains("same group"));
    // The braid relation of S_3 fails: two commuting transpositions.
    let generators = [&[1usize, 0, 2][..], &[0, 2, 1]].map(|g| Permutation::from_images(g).unwrap());
    let s3 = PermutationGroup::new("S_3", 3, generators.to_vec()).unwrap();
    let images = ["(0 1)", "(2 3)"].map(|g| Permutation::parse(g, 4).unwrap());
    let error = text(Action::homomorphism(&s3, 4, images.to_vec()).unwrap_err());
    assert!(error.contains("the relation") && error.contains("(0 1)(2 3)"), "{error}");
    assert!(Action::homomorphism(&s3, 4, vec![]).is_err());
    the_relation_that_is_named_fails();
    assert!(
        text(
            burnside_count(&Action::natural(&rubik().unwrap()), &Action::natural(&rubik().unwrap()))
                .unwrap_err()
        )
        .contains("43252003274489856000")
    );
    for bad in
        ["", "cyclic", "cyclic(x)", "cyclic(1, 2)", "cyclic(0)", "heptagonal(7)", "cyclic(99999999999)"]
    {
        assert!(parse_group(bad).is_err(), "{bad}");
    }
    assert!(
        text(parse_group("semidirect(7, 5)").unwrap_err()).contains("no multiplication modulo 7 has order 5")
    );
    let pattern = SharingPattern::new(&Action::natural(&c3), &Action::natural(&c3)).unwrap();
    assert!(text(pattern.expand(&[1.0]).unwrap_err()).contains("expected 3 numbers, got 1"));
    assert!(text(equivariance_error(&[f64::NAN; 9], &pattern).unwrap_err()).contains("entry 0 is NaN"));
    assert!(SharingPattern::from_labels(2, 2, &[1, 2, 3]).is_err());
}
