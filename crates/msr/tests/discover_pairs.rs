//! `msr discover --pairs`: what its report says of products of inputs.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;

use command::{msr, numbers, text};

mod command;

/// Sixty tasks on a ring of five points, whose outputs are sums of products of neighbours.
fn table() -> String {
    let mut next = numbers(3);
    let names = |letter: &str| (0..5).map(|i| format!(",{letter}{i}")).collect::<String>();
    let mut text = format!("task{}{}\n", names("x"), names("y"));
    for task in 0..60 {
        let own: [f64; 5] = std::array::from_fn(|_| next());
        for _ in 0..40 {
            let x: [f64; 5] = std::array::from_fn(|_| next());
            let product = |j: usize| x[j % 5] * x[(j + 1) % 5];
            let y = |i: usize| (0..5).map(|j| own[j] * product(i + j)).sum::<f64>();
            let numbers = x.into_iter().chain((0..5).map(y)).map(|number| format!(",{number}"));
            let _ = writeln!(text, "{task}{}", numbers.collect::<String>());
        }
    }
    text
}

#[test]
fn the_report_counts_weights_of_features() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.csv");
    std::fs::write(&path, table()).unwrap();
    // Of such maps no linear part is left, and what may help is said.
    let plain = msr(&["discover", text(&path)]);
    assert!(plain.out.contains("% of the variation of the outputs is noise, or not linear"), "{}", plain.out);
    assert!(plain.out.contains("--pairs (products of inputs) may show more"), "{}", plain.out);

    let out = folder.path().join("report");
    let said = msr(&["discover", text(&path), "--pairs", "--out", text(&out), "--budget=1s"]);
    assert!(said.ok && !said.out.contains("--pairs (products"), "{}{}", said.out, said.err);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for words in [
        "of 100 weights of a map that is linear in the inputs and their products, only 20 have",
        "the map from 20 features (5 inputs and their products) to 5 outputs",
        "x0·x1",
        "x4²",
        "relaxed permutations (doubly stochastic)",
        "which is the part of --budget 1s that this has, one in 15; a larger --budget makes room",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("leave this out"));
}
