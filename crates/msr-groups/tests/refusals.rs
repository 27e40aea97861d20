//! Input that is refused, and what the errors say.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use msr_groups::{
    Action, Permutation, PermutationGroup, SharingPattern, burnside_count, cyclic, equivariance_error,
    parse_group, rubik, symmetric,
};

/// The word in the error is the identity of the group, and gives in the images what the error says.
fn the_relation_that_is_named_fails() {
    let group = parse_group("semidirect(7, 3)").unwrap();
    let (a, b) = (group.generators()[0].clone(), group.generators()[1].clone());
    for images in
        [vec![a.clone(), Permutation::identity(7).unwrap()], vec![a.clone(), b.power(2)], vec![b, a]]
    {
        let error = Action::homomorphism(&group, 7, images.clone()).unwrap_err();
        let msr_groups::Error::NotAHomomorphism { relation, gives } = &error else { panic!("{error}") };
        // A product, read from left to right; a' is the inverse, a^3 a power.
        let value = |letters: &[Permutation]| {
            relation.split(' ').fold(Permutation::identity(7).unwrap(), |product, word| {
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
    assert_eq!(Permutation::parse("()", 4).unwrap(), Permutation::identity(4).unwrap());
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
        text(burnside_count(&Action::natural(&rubik()), &Action::natural(&rubik())).unwrap_err())
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
