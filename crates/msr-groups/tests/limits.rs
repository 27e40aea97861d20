//! What is too large is refused before it costs anything; what is accepted ends; what is claimed
//! holds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::{Duration, Instant};

use msr_groups::{
    Action, Error, Permutation, PermutationGroup, PlaneGroup, SharingPattern, cyclic, dihedral,
    image_equivariance_error, kronecker_permutation, parse_group, symmetric,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn refused<T>(result: Result<T, Error>) -> String {
    result.map(drop).unwrap_err().to_string()
}

/// What takes milliseconds, and took half a minute to hours: a guard against hanging, no
/// measurement.
fn soon<T>(what: &str, job: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = job();
    assert!(started.elapsed() < Duration::from_secs(20), "{what} took {:?}", started.elapsed());
    done
}

/// 31 s to refuse one of these, and hours to accept another.
#[test]
fn sizes_that_cannot_be_served_are_refused_at_once() {
    for (call, says) in [
        ("semidirect(100003, 5)", "no multiplication modulo 100003 has order 5"),
        ("semidirect(4194301, 7)", "no multiplication modulo 4194301 has order 7"),
        ("semidirect(4194304, 4194303)", "no multiplication"),
        ("semidirect(7, 0)", "no multiplication modulo 7 has order 0"),
        ("symmetric(4000000)", "at most 65536 is allowed"),
        ("symmetric(200000)", "at most 65536 is allowed"),
        ("alternating(1000000)", "at most 65536 is allowed"),
        ("cyclic(4194305)", "more than 4194304 points"),
        ("wreath_product(symmetric(2048), cyclic(2048))", "binary digits"),
        ("direct_product(symmetric(65536), symmetric(65536))", "binary digits"),
        ("regular(cyclic(1000001))", "goes through all elements"),
        ("regular(symmetric(200))", "about 10^374 on 200 points"),
        ("ordered_pairs(cyclic(2049))", "more than 4194304 points"),
    ] {
        let text = soon(call, || refused(parse_group(call)));
        assert!(text.contains(says), "{call}: {text}");
    }
    // Of those that are as large as allowed, the orders are right.
    let largest = soon("symmetric(65536)", || symmetric(65_536).unwrap());
    assert_eq!((largest.order().bits(), largest.order().trailing_zeros()), (954_037, Some(65_535)));
    let group = soon("semidirect(4194301, 5)", || parse_group("semidirect(4194301, 5)").unwrap());
    assert_eq!(group.order(), (5 * 4_194_301u64).into());
}

/// 1.1 GiB and two seconds for the regular action of a cyclic group; long cycles made deep trees.
#[test]
fn accepted_sizes_end() {
    let group = soon("regular(cyclic(1000000))", || parse_group("regular(cyclic(1000000))").unwrap());
    assert_eq!(group.degree(), 1_000_000);
    for call in
        ["cyclic(200000)", "dihedral(100000)", "torus_rotations(300)", "hypercube(16)", "symmetric(300)"]
    {
        let group = parse_group(call).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        soon(call, || {
            let g = group.random_element(&mut rng).unwrap();
            assert!(group.contains(&g).unwrap() && group.orbit(0).contains(&g.apply(0)));
            let fixing = group.stabilizer(0).unwrap();
            assert_eq!(fixing.order() * group.orbit(0).len(), group.order(), "{call}");
            assert!(fixing.generators().iter().all(|g| g.apply(0) == 0));
        });
    }
    // Points of regular actions are the elements in the order of their list.
    for call in ["dihedral(7)", "symmetric(4)", "cyclic(30)", "wreath_product(cyclic(2), symmetric(3))"] {
        let group = parse_group(call).unwrap();
        let elements = group.elements().unwrap();
        for (g, image) in group.generators().iter().zip(Action::regular(&group).unwrap().images()) {
            for (i, h) in elements.iter().enumerate() {
                assert_eq!(g.compose(h).unwrap(), elements[image.apply(i)], "{call}");
            }
        }
    }
}

/// Chains that would take hours are given up, with what to do.
#[test]
fn a_chain_that_takes_too_long_is_an_error() {
    let group = symmetric(20_000).unwrap();
    let error = group.contains(&group.generators()[0]).unwrap_err();
    assert!(matches!(error, Error::TooMuchWork { degree: 20_000, .. }), "{error}");
    assert!(error.to_string().contains("choose a group on fewer points"), "{error}");
    // Pairs of 120 points without a word of what makes them: their order is not known.
    let pairs = parse_group("unordered_pairs(symmetric(120))").unwrap();
    let error = PermutationGroup::new("pairs", pairs.degree(), pairs.generators().to_vec()).unwrap_err();
    assert!(matches!(error, Error::TooMuchWork { .. }), "{error}");
}

/// `product_grid(cyclic(2), unordered_pairs(cyclic(1)))` claimed order 2, and had one element.
#[test]
fn the_order_that_a_group_claims_is_what_its_generators_make() {
    let nothing = "unordered_pairs(cyclic(1))";
    let small =
        [nothing, "trivial(1)", "cyclic(1)", "cyclic(2)", "symmetric(2)", "symmetric(3)", "trivial(2)"];
    let mut calls: Vec<String> =
        ["torus_rotations(2)", "torus_rotations(3)", "square_grid(2)", "hypercube(1)"]
            .iter()
            .chain(&[
                "hypercube(5)",
                "icosahedron()",
                "rubik()",
                "torus_translations(1, 4)",
                "semidirect(2, 1)",
            ])
            .map(ToString::to_string)
            .collect();
    for g in small {
        for action in ["regular", "ordered_pairs", "distinct_pairs", "unordered_pairs"] {
            calls.push(format!("{action}({g})"));
            calls.push(format!("{action}({action}({g}))"));
        }
        for h in small {
            for product in ["direct_product", "wreath_product", "product_grid"] {
                calls.push(format!("{product}({g}, {h})"));
            }
        }
    }
    for call in &calls {
        let group = parse_group(call).unwrap();
        let made = PermutationGroup::new("made", group.degree(), group.generators().to_vec()).unwrap();
        assert_eq!(group.order(), made.order(), "{call}");
    }
    // Every way to make an action of one of others.
    for g in small {
        let group = parse_group(g).unwrap();
        let natural = Action::natural(&group);
        let none = Action::trivial(&group, 0).unwrap();
        let mut actions = vec![natural.clone(), none.clone(), Action::trivial(&group, 3).unwrap()];
        actions.push(natural.with_channels(0).unwrap());
        actions.push(natural.with_channels(2).unwrap());
        for other in actions.clone() {
            actions.extend([natural.times(&other).unwrap(), natural.beside(&other).unwrap()]);
            actions.extend([Action::product_grid_of(&natural, &other).unwrap()]);
            actions.extend([other.on_ordered_pairs().unwrap(), other.on_unordered_pairs().unwrap()]);
        }
        for action in actions {
            let image = action.image_group().unwrap();
            let made = PermutationGroup::new("made", image.degree(), image.generators().to_vec()).unwrap();
            assert_eq!(image.order(), made.order(), "{action:?}");
        }
    }
}

/// 20,000 brackets overflowed the stack; an error had 456,798 characters.
#[test]
fn names_are_nested_to_a_limit_and_errors_are_some_lines() {
    let nested = |depth: usize| format!("{}cyclic(2){}", "regular(".repeat(depth), ")".repeat(depth));
    assert_eq!(parse_group(&nested(15)).unwrap().order(), 2u32.into());
    assert!(refused(parse_group(&nested(16))).contains("nested at most 16 deep"));
    let images: Vec<usize> = vec![0; 100_000];
    let long = "(0 1)".repeat(100_000);
    let many = format!("({})", (0..100_000).map(|i| i.to_string()).collect::<Vec<_>>().join(" "));
    let (big, other) = (dihedral(50_000).unwrap(), cyclic(50_000).unwrap());
    let named = PermutationGroup::new("n".repeat(100_000), 3, Vec::new()).unwrap();
    let errors = [
        parse_group(&nested(20_000)).map(drop),
        parse_group(&"x".repeat(4_000)).map(drop),
        Permutation::from_images(&images).map(drop),
        Permutation::parse(&long, 5).map(drop),
        Permutation::parse(&many, 5).map(drop),
        Action::parse(&big, &long).map(drop),
        Action::homomorphism(&big, 50_000, vec![big.generators()[0].clone(), other.generators()[0].clone()])
            .map(drop),
        SharingPattern::new(&Action::natural(&big), &Action::natural(&other)).map(drop),
        Action::natural(&other).image_of(&big.generators()[1]).map(drop),
        Action::natural(&named).image_of(&Permutation::parse("(0 1)", 3).unwrap()).map(drop),
        PermutationGroup::new("n".repeat(100_000), 4, vec![Permutation::identity(3).unwrap()]).map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            let count = text.chars().count();
            assert!(count < 2_000, "{count} characters: {}", text.chars().take(300).collect::<String>());
        }
    }
}

/// Permutations of 2³² points were permutations of none; groups of the plane had an order that
/// wrapped.
#[test]
fn sizes_beyond_those_of_numbers_are_typed_errors() {
    for points in [(1 << 25) + 1, 1 << 32, usize::MAX] {
        assert!(matches!(Permutation::identity(points), Err(Error::TooManyPoints { .. })));
        assert!(matches!(Permutation::from_cycles(points, &[&[0, 1]]), Err(Error::TooManyPoints { .. })));
        assert!(matches!(Permutation::parse("(0 1)", points), Err(Error::TooManyPoints { .. })));
        assert!(SharingPattern::untied(points, 4).is_err() && SharingPattern::untied(4, points).is_err());
        assert!(kronecker_permutation((points, points), (points, 1)).is_err());
        assert!(parse_group(&format!("torus_translations({points}, {points})")).is_err());
    }
    // Without weights, too: the sum of outputs and inputs must be a number.
    assert!(SharingPattern::untied(0, usize::MAX).is_err() && SharingPattern::untied(usize::MAX, 0).is_err());
    let pattern = SharingPattern::untied(3_000, 3_000).unwrap();
    assert!(refused(pattern.dense()).contains("9000000 · 9000000 numbers"));
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    for n in [0, 1_001, 1 << 63, usize::MAX] {
        for group in [PlaneGroup::Rotations(n), PlaneGroup::RotationsAndFlips(n)] {
            assert!(group.order() >= n);
            let layer = |windows: &[f64]| Ok::<_, Error>(windows.to_vec());
            let text = refused(image_equivariance_error(group, 3, 6.0, rng, layer));
            assert!(text.contains("1 to 1000 rotations"), "{text}");
        }
    }
    assert!(!PlaneGroup::Rotations(0).contains(PlaneGroup::Rotations(3)));
    let layer = |windows: &[f64]| Ok::<_, Error>(windows.to_vec());
    let text = refused(image_equivariance_error(PlaneGroup::Rotations(4), (1 << 32) + 1, 6.0, rng, layer));
    assert!(text.contains("windows of an image"), "{text}");
}

/// As GAP prints a long permutation: over several lines, also within a cycle.
#[test]
fn cycle_notation_may_be_wrapped_anywhere() {
    let expected = Permutation::from_cycles(12, &[&[0, 1, 2, 10], &[3, 4]]).unwrap();
    for text in [
        "(0 1\n 2 10)(3 4)",
        "(0,1,\n2,\n10)\n(3,4)",
        "(0,1,2,10)(3,4)\n",
        "\r\n( 0\r\n1\t2 10\r\n)( 3 4 )",
        "(0,1,2,1\\\n0)(3,4)",
        "(0,1,2,1\\\r\n0)\\\n(3,4)",
    ] {
        assert_eq!(Permutation::parse(text, 12).unwrap(), expected, "{text:?}");
    }
    assert!(Permutation::parse("(0 1\\2)", 12).is_err());
}
