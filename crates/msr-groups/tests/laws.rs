//! The laws of groups and actions: exhaustively over the list of small groups, by random properties
//! beyond.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::collections::{HashMap, HashSet};

use cases::{actions, groups, random, rng, some_elements, turned};
use msr_groups::{
    ALL_SMALL_GROUPS, Action, Permutation, PermutationGroup, SharingPattern, burnside_count, cyclic,
    quaternion, rubik, semidirect_product, symmetric,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

mod cases;

#[test]
fn group_axioms() {
    for (entry, group) in ALL_SMALL_GROUPS.iter().zip(groups()) {
        assert_eq!(group.order(), entry.order.into(), "{}", entry.call);
        // Theory gives the order of families; the generators must make as many elements.
        let computed = PermutationGroup::new("", group.degree(), group.generators().to_vec()).unwrap();
        assert_eq!(computed.order(), group.order(), "{}", entry.call);
        let other = PermutationGroup::new("", group.degree() + 1, Vec::new()).unwrap();
        assert!(!computed.is_same_as(&other).unwrap());
        let elements = some_elements(&group, &mut rng());
        let complete = group.order() <= 200u32.into();
        let set: HashSet<&Permutation> = elements.iter().collect();
        assert!(!complete || set.len() == elements.len(), "{}: elements are listed once", entry.call);
        assert!(!complete || elements[0].is_identity());
        for a in &elements {
            assert!(group.contains(a).unwrap() && group.contains(&a.inverse()).unwrap(), "{}", entry.call);
            assert!(a.compose(&a.inverse()).unwrap().is_identity());
            assert_eq!(a.power(-1), a.inverse());
            assert!(a.power(i64::try_from(a.order()).unwrap()).is_identity());
            for b in &elements {
                let ab = a.compose(b).unwrap();
                assert!(group.contains(&ab).unwrap(), "{} is closed", entry.call);
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
            let one = Permutation::identity(group.degree()).unwrap();
            let mut rho = HashMap::from([(one.clone(), Permutation::identity(action.points()).unwrap())]);
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
            assert_eq!(group.orbit(point).len() * group.stabilizer(point).unwrap().order(), group.order());
        }
        let mut element = || group.random_element(&mut rng).unwrap();
        let (a, b) = (element(), element());
        assert!(group.contains(&a.compose(&b).unwrap()).unwrap());
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
    let cube = rubik();
    assert_eq!(cube.order().to_string(), "43252003274489856000");
    // A quarter turn of one face moves 20 stickers; no single sticker can be turned alone.
    assert!(!cube.contains(&Permutation::from_cycles(48, &[&[0, 1]]).unwrap()).unwrap());
    let mut rng = rng();
    for _ in 0..20 {
        let g = cube.random_element(&mut rng).unwrap();
        assert!(cube.contains(&g).unwrap());
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
    assert_eq!(msr_groups::name_of(&quaternion()).as_deref(), Some("Q_8"));
    // x ↦ x² is no automorphism of C_4.
    let square = c4.generators()[0].power(2);
    assert!(semidirect_product(&c4, &c2, &[vec![square]]).is_err());
    // x ↦ x⁻¹ has order 2, so C_3 cannot act by it.
    let error = semidirect_product(&c4, &cyclic(3).unwrap(), &[vec![inverse]]).unwrap_err();
    assert!(error.to_string().contains("a^3 = 1"), "{error}");
}
