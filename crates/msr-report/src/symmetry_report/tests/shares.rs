//! Shares, and what is said beside them.

use super::{full, page, parsed, words};

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
