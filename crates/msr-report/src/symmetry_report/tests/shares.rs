//! Shares, and what is said beside them.

use msr_groups::{SignedPattern, SignedPermutation};

use super::{SymmetryReport, full, page, parsed, words};

/// Strengths are of what is kept, so that the tolerance stands near everything.
#[test]
fn the_tolerance_of_strengths_is_near_one() {
    let mut report = full();
    report.symmetry.as_mut().unwrap().generators[0].strength = Some((1.01, 0.99, 1.03).into());
    let html = page(&report).unwrap();
    let document = parsed(&html);
    let plot = document
        .descendants()
        .filter(|node| node.has_tag_name("svg"))
        .find(|svg| svg.descendants().any(|node| node.is_text() && node.text() == Some("tolerance")));
    let texts: Vec<&str> =
        plot.unwrap().descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect();
    assert!(texts.contains(&"96 %") && !texts.contains(&"5 %"), "{texts:?}");
    let words = words(&html);
    assert!(words.contains("strength 100 % (99 % to 100 %)"), "{words}");
}

/// What says nothing is not given in numbers, and no share is above all or below nothing.
#[test]
fn shares_that_cannot_be_measured_are_said_to_be() {
    let mut report = full();
    report.candidates[0].asymmetry = (-0.24, -1.0, 2.0).into();
    report.candidates[0].visible = 1.01;
    let symmetry = report.symmetry.as_mut().unwrap();
    symmetry.generators[0].strength = Some((0.5, -1.0, 2.0).into());
    symmetry.signed = true;
    let words = words(&page(&report).unwrap());
    for said in [
        "asymmetry not measurable",
        "strength not measurable",
        "The inputs show 100 % of what it ties",
        "up to a sign",
    ] {
        assert!(words.contains(said) || said.starts_with("asym"), "`{said}` is not in `{words}`");
    }
    assert!(!words.contains("200 %") && !words.contains("−24 %"), "{words}");
}

#[test]
fn notes_are_no_warnings() {
    let mut report = full();
    report.data.push(("Note".into(), "columns that were left out: timestamp".into()));
    let words = words(&page(&report).unwrap());
    assert!(words.contains("Warning. Two are alike."), "{words}");
    assert!(words.contains("Note columns that were left out: timestamp"), "{words}");
}

/// Weights of products are counted, and drawn, as the features are.
#[test]
fn weights_of_products_are_counted_as_features() {
    let mut report = full();
    let lifted = |moved: &SignedPermutation| moved.beside(moved).unwrap();
    let symmetry = report.symmetry.as_mut().unwrap();
    let pairs: Vec<_> = symmetry.generators.iter().map(|g| (g.outputs.clone(), lifted(&g.inputs))).collect();
    symmetry.pattern = SignedPattern::from_pairs(5, 10, &pairs).unwrap();
    symmetry.weights = None;
    assert!(page(&report).is_err(), "a pattern of other columns than the inputs");
    report.features = (0..5).map(|i| format!("x{i}")).chain((0..5).map(|i| format!("x{i}²"))).collect();
    let words = words(&page(&report).unwrap());
    for said in [
        "of 50 weights of a map that is linear in the inputs and their products, only 10 have",
        "the map from 10 features (5 inputs and their products) to 5 outputs",
        "free of 50 weights",
        "x4²",
    ] {
        assert!(words.contains(said), "`{said}` is not in `{words}`");
    }
}

/// Only what has numbers in place of names is said to be counted.
#[test]
fn numbers_are_spoken_of_where_there_are_some() {
    let mut report = full();
    let said = |report: &SymmetryReport| words(&page(report).unwrap());
    assert!(!said(&report).contains("count them from 0") && !said(&report).contains("row by row"));
    report.input_names.clear();
    assert!(said(&report).contains("columns are inputs; numbers count them from 0."));
    assert!(said(&report).contains("p of score: the probability") && said(&report).contains("Gain: how"));
}

/// Patterns that begin alike are shown as far as they differ.
#[test]
fn patterns_that_begin_alike_are_told_apart() {
    let mut report = full();
    let start = "a → b ".repeat(20);
    for (at, candidate) in report.candidates.iter_mut().enumerate() {
        candidate.what = format!("{start}{at} {}", "and so on ".repeat(60));
    }
    let words = words(&page(&report).unwrap());
    assert!((0..3).all(|at| words.contains(&format!("{}{at} and", start))), "{words}");
}
