//! Signed permutations: their laws, over signed actions of every small group and random properties;
//! what is equivariant, how many free parameters that takes, and which group a pattern has.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use cases::{actions, groups, random, rng, some_elements};
use msr_groups::{
    Action, Permutation, PermutationGroup, SharingPattern, SignedAction, SignedPattern, SignedPermutation,
    burnside_count, cyclic, dihedral, hyperoctahedral, pattern_automorphisms, sign_changes,
    signed_automorphisms, signed_burnside_count, signed_pairs, symmetric,
};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

mod cases;

fn random_signed(degree: usize, rng: &mut ChaCha8Rng) -> SignedPermutation {
    let mut images: Vec<usize> = (0..degree).collect();
    images.shuffle(rng);
    let flips: Vec<bool> = (0..degree).map(|_| rng.random()).collect();
    SignedPermutation::new(Permutation::from_images(&images).unwrap(), &flips).unwrap()
}

/// The matrix, row by row, from the definition `ρ e_x = s(x) e_{g(x)}`.
fn matrix(g: &SignedPermutation) -> Vec<f64> {
    let n = g.degree();
    let mut matrix = vec![0.0; n * n];
    for x in 0..n {
        let (to, is_negative) = g.apply(x);
        matrix[to * n + x] = if is_negative { -1.0 } else { 1.0 };
    }
    matrix
}

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let entry = |at: usize| (0..n).map(|k| a[at / n * n + k] * b[k * n + at % n]).sum();
    (0..n * n).map(entry).collect()
}

#[test]
fn signed_permutations_are_their_matrices() {
    let rng = &mut rng();
    for degree in [0, 1, 2, 3, 5, 8] {
        for _ in 0..20 {
            let (g, h) = (random_signed(degree, rng), random_signed(degree, rng));
            let gh = g.compose(&h).unwrap();
            assert_eq!(matrix(&gh), product(&matrix(&g), &matrix(&h), degree));
            assert!(g.compose(&g.inverse()).unwrap().is_identity());
            let trace: f64 = (0..degree).map(|x| matrix(&g)[x * degree + x]).sum();
            assert_eq!(g.trace() as f64, trace);
            let f = random(degree, rng);
            let expected: Vec<f64> =
                (0..degree).map(|y| (0..degree).map(|x| matrix(&g)[y * degree + x] * f[x]).sum()).collect();
            assert_eq!(g.apply_to(&f).unwrap(), expected);
            // Doubling is a homomorphism that loses nothing.
            assert_eq!(g.doubled().compose(&h.doubled()).unwrap(), gh.doubled());
            assert_eq!(SignedPermutation::from_doubled(&g.doubled()), Some(g.clone()));
            assert_eq!(SignedPermutation::parse(&g.to_string(), degree).unwrap(), g);
            let order = u32::try_from(&g.order()).unwrap();
            let mut power = SignedPermutation::identity(degree).unwrap();
            for i in 1..=order {
                power = power.compose(&g).unwrap();
                assert_eq!(power.is_identity(), i == order);
            }
            let minus = SignedPermutation::negation(degree).unwrap();
            assert_eq!(g.negated(), minus.compose(&g).unwrap());
            let both = g.beside(&h).unwrap();
            assert_eq!(both.restrict(0..degree), Some(g.clone()));
            assert_eq!(both.restrict(degree..2 * degree), Some(h));
        }
    }
}

#[test]
fn signed_cycles_are_read_as_they_are_written() {
    for (text, images, flips) in [
        ("()", [0, 1, 2], [false, false, false]),
        ("(0 1 -2)", [1, 2, 0], [false, true, false]),
        ("(-0 1)", [1, 0, 2], [false, true, false]),
        ("(-2)", [0, 1, 2], [false, false, true]),
        ("(-0)(-1)(-2)", [0, 1, 2], [true, true, true]),
    ] {
        let g = SignedPermutation::parse(text, 3).unwrap();
        assert_eq!((g.to_string(), g.flips()), (text.to_string(), &flips[..]));
        assert_eq!(g.points(), &Permutation::from_images(&images).unwrap());
    }
    for bad in [
        "",
        "(0 1",
        "(0 -)",
        "(0 1-)",
        "(0 --1)",
        "(- 1)",
        "(0 3)",
        "(0 0)",
        "(-0 -0)",
        "(0 -9999999999999999999999)",
        "-(0 1)",
    ] {
        assert!(SignedPermutation::parse(bad, 3).is_err(), "{bad}");
    }
    assert!(SignedPermutation::new(Permutation::identity(3).unwrap(), &[true]).is_err());
    let torn = Permutation::parse("(0 2)", 4).unwrap();
    assert_eq!(SignedPermutation::from_doubled(&torn), None);
    assert_eq!(SignedPermutation::from_doubled(&Permutation::identity(3).unwrap()), None);
    assert!(SignedPermutation::identity(2).unwrap().apply_to(&[1.0]).is_err());
}

/// Signed actions of a group: its actions without signs, and times every character of order two.
fn signed_actions(group: &PermutationGroup) -> Vec<SignedAction> {
    let mut found = Vec::new();
    for action in actions(group).into_iter().filter(|action| action.points() <= 16) {
        let plain = SignedAction::unsigned(&action).unwrap();
        let generators = group.generators().len();
        for bits in 1u32..1 << generators.min(4) {
            let signs: Vec<bool> = (0..generators).map(|i| bits >> i.min(31) & 1 == 1).collect();
            if let Ok(signed) = plain.with_signs(&signs) {
                found.push(plain.beside(&signed).unwrap());
                found.push(signed);
            }
        }
        found.push(plain);
    }
    found.truncate(12);
    found
}

/// `ρ_out(g) W ρ_in(g)⁻¹`, from its entries.
fn turned(w: &[f64], (on_y, on_x): (&SignedPermutation, &SignedPermutation)) -> Vec<f64> {
    let n = on_x.degree();
    let mut turned = vec![0.0; w.len()];
    for (at, &value) in w.iter().enumerate() {
        let ((y, left), (x, right)) = (on_y.apply(at / n), on_x.apply(at % n));
        turned[y * n + x] = if left ^ right { -value } else { value };
    }
    turned
}

fn is_close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn patterns_are_what_commutes_for_every_small_group() {
    let rng = &mut rng();
    let mut with_signs = 0;
    for group in groups().into_iter().filter(|group| group.order() <= 400u32.into()) {
        let all = signed_actions(&group);
        let elements = some_elements(&group, rng);
        for (i, input) in all.iter().enumerate() {
            let output = &all[(i * 7 + 3) % all.len()];
            with_signs += usize::from(input.images().iter().any(|g| g.flips().contains(&true)));
            let pattern = SignedPattern::new(output, input).unwrap();
            let k = pattern.free_parameters();
            assert_eq!(signed_burnside_count(output, input).unwrap(), k.into(), "{output:?}, {input:?}");
            let images: Vec<_> =
                elements.iter().map(|g| (output.image_of(g).unwrap(), input.image_of(g).unwrap())).collect();
            let w = pattern.expand(&random(k, rng)).unwrap();
            let any = random(output.points() * input.points(), rng);
            let nearest = pattern.project(&any).unwrap();
            assert!(is_close(&pattern.project(&w).unwrap(), &w));
            for (on_y, on_x) in &images {
                assert_eq!(turned(&w, (on_y, on_x)), w, "{output:?}, {input:?}");
                assert!(pattern.is_kept_by(on_y, on_x));
            }
            if images.len() as u64 == u64::try_from(&group.order()).unwrap() {
                let mut mean = vec![0.0; any.len()];
                for (on_y, on_x) in &images {
                    mean.iter_mut().zip(turned(&any, (on_y, on_x))).for_each(|(m, w)| *m += w);
                }
                mean.iter_mut().for_each(|m| *m /= images.len() as f64);
                assert!(is_close(&mean, &nearest));
            }
            // From pairs, from labels, in full: the same.
            let pairs: Vec<_> = output.images().iter().cloned().zip(input.images().iter().cloned()).collect();
            let (m, n) = (output.points(), input.points());
            assert_eq!(SignedPattern::from_pairs(m, n, &pairs).unwrap(), pattern);
            let labels: Vec<_> = (0..m * n)
                .map(|at| pattern.entry(at / n, at % n).map(|(label, minus)| (label, !minus)))
                .collect();
            assert_eq!(SignedPattern::from_labels(m, n, &labels).unwrap(), pattern);
            let (v, dense) = (random(k, rng), pattern.dense().unwrap());
            let expanded: Vec<f64> =
                (0..m * n).map(|row| (0..k).map(|c| dense[row * k + c] * v[c]).sum()).collect();
            assert_eq!(pattern.expand(&v).unwrap(), expanded);
        }
    }
    assert!(with_signs > 100, "{with_signs}");
}

#[test]
fn without_signs_all_is_as_it_was() {
    for group in groups().into_iter().filter(|group| group.order() <= 200u32.into()) {
        for action in actions(&group).into_iter().filter(|action| action.points() <= 40) {
            let signed = SignedAction::unsigned(&action).unwrap();
            assert_eq!((signed.points(), signed.name()), (action.points(), action.name()));
            let plain = SharingPattern::new(&action, &action).unwrap();
            assert_eq!(SignedPattern::from(&plain), SignedPattern::new(&signed, &signed).unwrap());
            assert_eq!(
                burnside_count(&action, &action).unwrap(),
                signed_burnside_count(&signed, &signed).unwrap()
            );
        }
    }
}

/// All pairs of signed permutations that keep a pattern, one by one.
fn kept(pattern: &SignedPattern) -> usize {
    let all = |n: usize| {
        let mut all = HashSet::new();
        let group = hyperoctahedral(n).unwrap();
        for g in group.group().elements().unwrap() {
            all.insert(group.image_of(&g).unwrap());
        }
        all
    };
    let (on_outputs, on_inputs) = (all(pattern.outputs()), all(pattern.inputs()));
    on_outputs.iter().map(|y| on_inputs.iter().filter(|x| pattern.is_kept_by(y, x)).count()).sum()
}

#[test]
fn the_group_of_a_pattern_is_all_that_keeps_it() {
    let rng = &mut rng();
    for case in 0..60 {
        let (m, n) = (1 + case % 3, 1 + case % 4);
        let label = |rng: &mut ChaCha8Rng| match rng.random_range(0..4) {
            0 => None,
            label => Some((label % (1 + case % 3), rng.random::<bool>())),
        };
        let labels: Vec<_> = (0..m * n).map(|_| label(rng)).collect();
        let pattern = SignedPattern::from_labels(m, n, &labels).unwrap();
        let group = signed_automorphisms(&pattern).unwrap();
        assert_eq!(group.order(), kept(&pattern).into(), "{pattern:?}");
        let pairs = signed_pairs(&group, m, n);
        assert_eq!(pairs.len(), group.generators().len());
        assert!(pairs.iter().all(|(y, x)| pattern.is_kept_by(y, x)));
        let minus = [m, n]
            .map(|n| SignedPermutation::negation(n).unwrap())
            .into_iter()
            .reduce(|a, b| a.beside(&b).unwrap());
        assert!(group.contains(&minus.unwrap().doubled()).unwrap());
    }
}

#[test]
fn groups_of_vectors() {
    // Vectors at the corners of a square: D_4 moves the corners and turns the vectors.
    let group = dihedral(4).unwrap();
    let corners = SignedAction::unsigned(&Action::natural(&group)).unwrap();
    // The second generator is a reflection; through corners or through sides, its action says.
    let vectors = [["(-0 1)", "(0 1)"], ["(-0 1)", "(-0)"]]
        .into_iter()
        .find_map(|texts| {
            let images = texts.map(|text| SignedPermutation::parse(text, 2).unwrap()).to_vec();
            SignedAction::homomorphism(&group, 2, images).ok()
        })
        .unwrap();
    let fields = corners.times(&vectors).unwrap();
    assert_eq!(fields.points(), 8);
    assert!(SignedAction::homomorphism(&group, 8, fields.images().to_vec()).is_ok());
    let pattern = SignedPattern::new(&fields, &fields).unwrap();
    assert_eq!(signed_burnside_count(&fields, &fields).unwrap(), pattern.free_parameters().into());
    // Half of the pairs: (−1, −1) moves no map.
    let found = signed_automorphisms(&pattern).unwrap();
    assert!(found.order() >= (2 * 8u32).into(), "{found:?}");

    for n in 1..6 {
        let all = hyperoctahedral(n).unwrap();
        let order = (1..=n as u32).product::<u32>() << n;
        assert_eq!(all.group().order(), order.into());
        let pattern = SignedPattern::new(&all, &all).unwrap();
        assert_eq!(pattern.free_parameters(), 1);
        assert_eq!(signed_automorphisms(&pattern).unwrap().order(), order.into());
        let signs = sign_changes(n).unwrap();
        assert_eq!(signs.group().order(), (1u32 << n).into());
        assert_eq!(SignedPattern::new(&signs, &signs).unwrap().free_parameters(), n);
    }
}

#[test]
fn what_is_no_signed_action_is_refused() {
    let turn = SignedPermutation::parse("(-0 1)", 2).unwrap();
    // A quarter turn has order four with its signs, two without.
    assert!(SignedAction::homomorphism(&cyclic(2).unwrap(), 2, vec![turn.clone()]).is_err());
    assert!(SignedAction::homomorphism(&cyclic(4).unwrap(), 2, vec![turn.clone()]).is_ok());
    assert!(SignedAction::homomorphism(&cyclic(4).unwrap(), 3, vec![turn.clone()]).is_err());
    assert!(SignedAction::homomorphism(&cyclic(4).unwrap(), 2, vec![]).is_err());
    let odd = SignedAction::unsigned(&Action::natural(&cyclic(3).unwrap())).unwrap();
    assert!(odd.with_signs(&[true]).is_err(), "no character of order two");
    assert!(odd.with_signs(&[]).is_err());
    let even = SignedAction::unsigned(&Action::natural(&symmetric(3).unwrap())).unwrap();
    assert!(
        even.beside(&odd).is_err() && even.times(&odd).is_err() && SignedPattern::new(&even, &odd).is_err()
    );
    assert!(SignedPattern::from_labels(2, 2, &[Some((0, true))]).is_err());
    assert!(
        SignedPattern::from_pairs(2, 2, &[(turn.clone(), SignedPermutation::identity(3).unwrap())]).is_err()
    );
    let pattern = SignedPattern::from_pairs(2, 2, &[(turn.clone(), turn)]).unwrap();
    assert!(pattern.expand(&[1.0]).is_err() && pattern.project(&[1.0]).is_err());
    assert_eq!((pattern.entry(2, 0), pattern.entry(0, 2)), (None, None));
    assert!(hyperoctahedral(0).is_err() && hyperoctahedral(1 << 40).is_err() && sign_changes(0).is_err());
    let plain = SharingPattern::untied(2, 2).unwrap();
    assert_eq!(pattern_automorphisms(&plain).unwrap().order(), 1u32.into());
    assert_eq!(signed_automorphisms(&(&plain).into()).unwrap().order(), 2u32.into());
    assert!(SignedPattern::from(&plain).is_finer_than(&pattern));
    assert!(!pattern.is_finer_than(&(&plain).into()));
}
