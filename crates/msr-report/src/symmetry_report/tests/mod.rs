//! Reports as they come out.
#![allow(clippy::unwrap_used, reason = "tests")]

mod shares;

use msr_groups::{Permutation, SignedPattern, SignedPermutation};

use super::{Candidate, Generator, Interval, Kind, Model, Series, Status, Symmetry, SymmetryReport, page};
use crate::Error;

/// What makes a good report a bad one.
type Change = fn(&mut SymmetryReport);

const EVIL: &str = "</title><script>alert('x')</script>\"&\u{202e}\u{1b}[31mשלום";

fn parsed(html: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(html, options).unwrap()
}

/// All text, without what breaks lines.
fn words(html: &str) -> String {
    let document = parsed(html);
    let body = document.descendants().find(|node| node.has_tag_name("body")).unwrap();
    let texts = body.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text());
    texts.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

fn headings(html: &str) -> Vec<String> {
    let document = parsed(html);
    let found = document.descendants().filter(|node| node.has_tag_name("h2"));
    found.map(|node| node.text().unwrap_or_default().to_string()).collect()
}

fn cyclic(n: usize) -> SignedPermutation {
    Permutation::from_images(&(0..n).map(|x| (x + 1) % n).collect::<Vec<_>>()).unwrap().into()
}

fn symmetry(generators: Vec<Generator>, (m, n): (usize, usize)) -> Symmetry {
    let pairs: Vec<_> = generators.iter().map(|g| (g.outputs.clone(), g.inputs.clone())).collect();
    let pattern = SignedPattern::from_pairs(m, n, &pairs).unwrap();
    let name = "C_5".into();
    Symmetry {
        name,
        order: "5".into(),
        pattern,
        generators,
        strength: "strength".into(),
        signed: false,
        weights: None,
    }
}

fn shift(n: usize) -> Generator {
    let strength = Some((0.01, 0.0, 0.02).into());
    Generator { outputs: cyclic(n), inputs: cyclic(n), strength, words: Some("shift".into()) }
}

fn candidate(what: &str, status: Status, alpha: f64) -> Candidate {
    Candidate {
        what: what.into(),
        below: Some("on outputs and inputs".into()),
        order: Some("5".into()),
        free: 5,
        asymmetry: (alpha, alpha - 0.01, alpha + 0.01).into(),
        score_p: 0.5,
        gain: 0.1,
        visible: 0.9,
        status,
        reason: "because".into(),
    }
}

fn model(name: &str, error: f64) -> Model {
    let error: Interval = (error, 0.9 * error, 1.1 * error).into();
    Model { name: name.into(), error, against_tied: Some(error), note: "a remark".into() }
}

/// Everything that a report can have.
fn full() -> SymmetryReport {
    let n = 5;
    SymmetryReport {
        title: "a.npz".into(),
        kind: Kind::Found,
        verdict: "C_5, order 5".into(),
        what_would_change_it: vec!["more tasks".into()],
        data: vec![("tasks".into(), "32".into()), ("warning".into(), "two are alike".into())],
        tolerance: Some(0.05),
        outputs: n,
        inputs: n,
        input_shape: vec![n],
        output_shape: vec![n],
        input_names: (0..n).map(|i| format!("in_{i}")).collect(),
        output_names: (0..n).map(|i| format!("out_{i}")).collect(),
        features: vec![],
        symmetry: Some(Symmetry { weights: Some(vec![0.5; n * n]), ..symmetry(vec![shift(n)], (n, n)) }),
        candidates: vec![
            candidate("refused one", Status::Refused, 0.4),
            candidate("open one", Status::Open, 0.06),
            candidate("accepted one", Status::Accepted, 0.01),
        ],
        error_name: "mean squared error".into(),
        models: vec![model("tied", 0.01), model("ridge", 0.04)],
        curve: vec![Series { name: "tied".into(), points: vec![(4.0, 0.4), (8.0, 0.2)] }],
        settings: vec![("seed".into(), "0".into())],
        command: "msr discover a.npz".into(),
        made: "msr 0.1.0".into(),
    }
}

const SECTIONS: [&str; 8] = [
    "The data",
    "What is tied",
    "Generators",
    "What was tested",
    "Held-out errors",
    "Learning curve",
    "What would change the answer",
    "How it was made",
];

#[test]
fn a_full_report_has_every_section_in_order() {
    let html = page(&full()).unwrap();
    assert_eq!(headings(&html), SECTIONS);
    let words = words(&html);
    for said in [
        "Symmetry found",
        "C₅",
        "C₅, order 5.",
        "of 25 weights of a linear map, only 5 have to be learned",
        "Warning. Two are alike.",
        "1. shift",
        "one cycle of 5",
        "1 accepted, 1 open, 1 refused",
        "msr discover a.npz",
        "More tasks.",
        "Made by msr 0.1.0.",
    ] {
        assert!(words.contains(said), "`{said}` is not in `{words}`");
    }
}

/// Each part alone is left out when it is empty, and nothing else with it.
#[test]
fn sections_without_data_are_left_out() {
    let empty = SymmetryReport { verdict: "no".into(), kind: Kind::None, ..SymmetryReport::default() };
    assert!(headings(&page(&empty).unwrap()).is_empty());
    let without: [(&[usize], SymmetryReport); 6] = [
        (&[1, 2], SymmetryReport { symmetry: None, kind: Kind::Undecided, ..full() }),
        (&[3], SymmetryReport { candidates: vec![], ..full() }),
        (&[4], SymmetryReport { models: vec![], ..full() }),
        (&[5], SymmetryReport { curve: vec![Series { name: "empty".into(), points: vec![] }], ..full() }),
        (&[6], SymmetryReport { what_would_change_it: vec![], ..full() }),
        (&[7], SymmetryReport { settings: vec![], command: String::new(), ..full() }),
    ];
    for (missing, report) in without {
        let expected: Vec<&str> =
            SECTIONS.iter().enumerate().filter(|(i, _)| !missing.contains(i)).map(|(_, s)| *s).collect();
        assert_eq!(headings(&page(&report).unwrap()), expected);
    }
    let no_generators = Symmetry { generators: vec![], ..full().symmetry.unwrap() };
    let html = page(&SymmetryReport { symmetry: Some(no_generators), ..full() }).unwrap();
    assert!(!headings(&html).contains(&"Generators".to_string()) && html.contains("What is tied"));
}

#[test]
fn every_kind_says_what_it_is() {
    let said = |kind: Kind, symmetry: Option<Symmetry>| {
        words(&page(&SymmetryReport { kind, symmetry, candidates: vec![], ..full() }).unwrap())
    };
    assert!(said(Kind::AtLeast, full().symmetry).contains("At least C₅"));
    assert!(said(Kind::None, None).contains("No symmetry"));
    assert!(said(Kind::Undecided, None).contains("These data do not tell"));
    let unnamed =
        Symmetry { name: String::new(), order: "43252003274489856000".into(), ..full().symmetry.unwrap() };
    assert!(said(Kind::Found, Some(unnamed)).contains("A group of order ≈ 4.33×10¹⁹"));
}

#[test]
fn candidates_are_sorted_by_what_was_decided() {
    let words = words(&page(&full()).unwrap());
    let at = |name: &str| words.find(name).unwrap();
    assert!(at("accepted one") < at("open one") && at("open one") < at("refused one"));
    let html = page(&full()).unwrap();
    assert_eq!(html.matches("asymmetry 1 % (0 % to 2 %)").count(), 1);
}

#[test]
fn differences_that_are_not_there_have_no_column() {
    let mut report = full();
    assert!(words(&page(&report).unwrap()).contains("minus that of tied weights"));
    report.models.iter_mut().for_each(|model| model.against_tied = None);
    let words = words(&page(&report).unwrap());
    assert!(words.contains("A remark.") && !words.contains("minus that of tied weights"));
}

#[test]
fn names_that_are_markup_stay_names() {
    let evil = || EVIL.to_string();
    let mut report = full();
    report.title = evil();
    report.verdict = evil();
    report.what_would_change_it = vec![evil()];
    report.data = vec![(evil(), evil()), ("warning".into(), evil())];
    report.input_names = vec![evil(); 5];
    report.output_names = vec![evil(); 5];
    report.settings = vec![(evil(), evil())];
    (report.command, report.made, report.error_name) = (evil(), evil(), evil());
    for candidate in &mut report.candidates {
        (candidate.what, candidate.reason, candidate.order) = (evil(), evil(), Some(evil()));
    }
    for model in &mut report.models {
        (model.name, model.note) = (evil(), evil());
    }
    report.curve[0].name = evil();
    let symmetry = report.symmetry.as_mut().unwrap();
    (symmetry.name, symmetry.order, symmetry.strength) = (evil(), evil(), evil());
    symmetry.generators[0].words = Some(evil());
    let html = page(&report).unwrap();
    let document = parsed(&html);
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    assert!(!html.contains('\u{1b}') && !html.contains("<script"));
    assert_eq!(headings(&html), SECTIONS);
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    assert_eq!(ids.len(), ids.iter().collect::<std::collections::BTreeSet<_>>().len());
}

#[test]
fn long_names_are_cut_and_whole_in_their_tooltip() {
    let long = "a name that goes on ".repeat(20);
    let mut report = full();
    report.candidates[0].what = long.clone();
    report.input_names[0] = long.clone();
    let html = page(&report).unwrap();
    let document = parsed(&html);
    let titles: Vec<_> = document.descendants().filter_map(|node| node.attribute("title")).collect();
    assert!(titles.contains(&long.as_str()));
    let tips = document
        .descendants()
        .filter(|n| n.has_tag_name("title") && n.parent().unwrap().has_tag_name("text"));
    assert!(tips.filter_map(|tip| tip.text()).any(|tip| tip == long));
    let shown =
        document.descendants().filter(|node| node.is_text() && !node.parent().unwrap().has_tag_name("title"));
    assert!(shown.filter_map(|node| node.text()).all(|text| !text.contains(&long)));
}

/// 256 points, a pattern of 64 × 64, 60 candidates.
#[test]
fn large_reports_stay_small_files() {
    let sizes = [(256, 256), (64, 64), (1, 1024)];
    for (m, n) in sizes {
        let generator = |k: usize| {
            let images: Vec<usize> = (0..n).map(|x| (x + k) % n).collect();
            let outputs: Vec<usize> = (0..m).map(|y| (y + k) % m).collect();
            let of = |images: &[usize]| SignedPermutation::from(Permutation::from_images(images).unwrap());
            Generator { outputs: of(&outputs), inputs: of(&images), strength: None, words: None }
        };
        let generators: Vec<Generator> = (1..=20).map(generator).collect();
        let weights = (0..m * n).map(|i| (i as f64).sin()).collect();
        let report = SymmetryReport {
            outputs: m,
            inputs: n,
            input_shape: vec![n],
            output_shape: vec![m],
            input_names: (0..n).map(|i| format!("{i} {}", "long ".repeat(20))).collect(),
            output_names: vec![],
            symmetry: Some(Symmetry { weights: Some(weights), ..symmetry(generators, (m, n)) }),
            candidates: (0..60).map(|i| candidate(&format!("number {i}"), Status::Refused, 0.3)).collect(),
            ..full()
        };
        let html = page(&report).unwrap();
        parsed(&html);
        assert!(html.len() < 2_000_000, "{m} × {n}: {} bytes", html.len());
        assert!(html.contains("40 more candidates") && html.contains("8 more generators"));
    }
}

#[test]
fn signs_and_zeros_are_marked() {
    // Outputs change places as the last two inputs do, which also change their signs; nothing
    // depends on the first.
    let exchange = SignedPermutation::parse("(0 1)", 2).unwrap();
    let turned = SignedPermutation::parse("(-1 -2)", 3).unwrap();
    let first = SignedPermutation::parse("(-0)", 3).unwrap();
    let stay = SignedPermutation::identity(2).unwrap();
    let generator = |outputs, inputs| Generator { outputs, inputs, strength: None, words: None };
    let generators = vec![generator(exchange, turned), generator(stay, first)];
    let symmetry = symmetry(generators, (2, 3));
    assert_eq!((symmetry.pattern.entry(0, 0), symmetry.pattern.entry(1, 2)), (None, Some((0, true))));
    let report = SymmetryReport {
        outputs: 2,
        inputs: 3,
        input_shape: vec![],
        output_shape: vec![],
        input_names: vec![],
        output_names: vec![],
        symmetry: Some(symmetry),
        ..full()
    };
    let words = words(&page(&report).unwrap());
    for said in
        ["they have no colour", "A minus: the weight is", "2 change their signs", "its arrow is dashed"]
    {
        assert!(words.contains(said), "`{said}` is not in `{words}`");
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(page(&full()).unwrap(), page(&full()).unwrap());
}

#[test]
fn what_is_no_number_is_refused_and_named() {
    let refused = |change: Change| {
        let mut report = full();
        change(&mut report);
        match page(&report) {
            Err(error @ Error::NotFinite { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let cases: [(Change, &str); 8] = [
        (|r| r.tolerance = Some(f64::NAN), "tolerance"),
        (|r| r.candidates[1].asymmetry.upper = f64::INFINITY, "open one"),
        (|r| r.candidates[0].score_p = f64::NAN, "score"),
        (|r| r.models[1].error.value = f64::NAN, "ridge"),
        (|r| r.models[0].against_tied.as_mut().unwrap().lower = f64::NEG_INFINITY, "difference"),
        (|r| r.curve[0].points[1].1 = f64::NAN, "an error of `tied`"),
        (|r| r.symmetry.as_mut().unwrap().weights.as_mut().unwrap()[3] = f64::NAN, "a weight"),
        (
            |r| r.symmetry.as_mut().unwrap().generators[0].strength.as_mut().unwrap().value = f64::NAN,
            "generator 1",
        ),
    ];
    for (change, named) in cases {
        let message = refused(change);
        assert!(message.contains(named) && message.contains("finite"), "{message}");
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused_and_named() {
    let cases: [(Change, &str); 10] = [
        (|r| r.input_shape = vec![2, 3], "the shape of the inputs: [2, 3], where it should be 5"),
        (|r| r.output_shape = vec![usize::MAX, 2], "the shape of the outputs"),
        (|r| r.input_names = vec!["one".into()], "the names of the inputs: 1"),
        (|r| r.symmetry = None, "the symmetry: none"),
        (|r| r.kind = Kind::None, "the symmetry: there"),
        (|r| r.symmetry.as_mut().unwrap().generators[0].inputs = cyclic(4), "the inputs of generator 1: 4"),
        (|r| r.symmetry.as_mut().unwrap().pattern = symmetry(vec![shift(4)], (4, 4)).pattern, "4 × 4"),
        (
            |r| r.symmetry.as_mut().unwrap().weights = Some(vec![0.0; 3]),
            "the weights: 3, where it should be 25",
        ),
        (|r| r.models[0].error = (1.0, 2.0, 1.0).into(), "a lower bound of 2"),
        (|r| r.outputs = 4, "the shape of the outputs"),
    ];
    for (change, said) in cases {
        let mut report = full();
        change(&mut report);
        let error = page(&report).unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. }) && error.to_string().contains(said), "{error}");
    }
}

/// Numbers at the edges of what can be written give pages without NaN, and no panic.
#[test]
fn extreme_numbers_are_drawn() {
    let extremes = [0.0, -0.0, 1e-300, -1e-300, 1e300, -1e300, f64::MAX, f64::MIN_POSITIVE, 1.0];
    for low in extremes {
        for high in extremes.into_iter().filter(|high| low <= *high) {
            let mut report = full();
            let interval: Interval = (low, low, high).into();
            report.candidates[0].asymmetry = interval;
            report.candidates[0].gain = low;
            report.models[0].error = interval;
            report.curve[0].points = vec![(low, high), (high, low)];
            report.symmetry.as_mut().unwrap().generators[0].strength = Some(interval);
            report.symmetry.as_mut().unwrap().weights = Some(vec![low; 25]);
            match page(&report) {
                Ok(html) => assert!(!html.contains("NaN") && !html.contains("\"inf"), "{low} {high}"),
                Err(error) => assert!(matches!(error, Error::NotFinite { .. }), "{error}"),
            }
        }
    }
}
