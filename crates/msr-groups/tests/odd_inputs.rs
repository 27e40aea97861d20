//! Odd input for every parser and constructor: no panic, an end within the limits, errors of a few
//! lines.
//!
//! `check` takes any bytes, so that a fuzz target can call it as it stands; here it gets a list of
//! odd inputs, and mutations of them and of valid ones that a fixed seed draws.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::{Duration, Instant};

use msr_testkit::{ODD_TEXTS, VALID_TEXTS};
use odd::ODD_SIZES;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod odd;

/// What is told when a check takes longer than this in a test.
const SLOW: Duration = Duration::from_secs(5);

/// A check of one input, by its kind.
type Check = fn(&[u8]);

fn checks() -> [(&'static str, Check); 5] {
    [
        ("the name of a group", odd::check_group),
        ("the name of an action", odd::check_action),
        ("cycle notation", odd::check_cycles),
        ("a size", odd::check_size),
        ("sizes", odd::check_sizes),
    ]
}

fn within_limits(kind: &str, check: Check, input: &[u8]) {
    let started = Instant::now();
    check(input);
    let took = started.elapsed();
    let shown = String::from_utf8_lossy(&input[..input.len().min(200)]);
    assert!(took < SLOW, "{kind} `{shown}` took {took:?}");
}

#[test]
fn odd_inputs_are_refused_or_served_within_limits() {
    let long: Vec<String> = [
        format!("{}cyclic(2){}", "regular(".repeat(20_000), ")".repeat(20_000)),
        format!("cyclic({})", "9".repeat(100_000)),
        format!("({})", "0 1 ".repeat(100_000)),
        "(".repeat(100_000),
        "direct_product(".repeat(200),
        "é".repeat(50_000),
    ]
    .into();
    let texts = ODD_TEXTS.iter().chain(VALID_TEXTS).copied().chain(long.iter().map(String::as_str));
    for text in texts {
        for (kind, check) in checks() {
            within_limits(kind, check, text.as_bytes());
        }
    }
    for a in ODD_SIZES {
        within_limits("a size", odd::check_size, &a.to_le_bytes());
        for b in ODD_SIZES {
            let sizes: Vec<u8> = [*a, *b, 3, 2].iter().flat_map(|size| size.to_le_bytes()).collect();
            within_limits("sizes", odd::check_sizes, &sizes);
        }
    }
}

#[test]
fn mutated_inputs_are_refused_or_served_within_limits() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for _ in 0..4_000 {
        let input = mutated(&mut rng);
        for (kind, check) in checks() {
            within_limits(kind, check, &input);
        }
    }
}

/// A text of one of the lists with some changes.
fn mutated(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let pick = |rng: &mut ChaCha8Rng| -> Vec<u8> {
        let texts = if rng.random_bool(0.7) { VALID_TEXTS } else { ODD_TEXTS };
        texts[rng.random_range(0..texts.len())].as_bytes().to_vec()
    };
    let mut input = pick(rng);
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=input.len());
        match rng.random_range(0..6) {
            0 if at < input.len() => drop(input.remove(at)),
            1 => input.insert(at, b"(),0129 _x\n\\"[rng.random_range(0..12)]),
            2 if at < input.len() => input[at] = rng.random(),
            3 => {
                let other = pick(rng);
                input.splice(at..at, other);
            }
            4 => input.truncate(at),
            _ => {
                let size = ODD_SIZES[rng.random_range(0..ODD_SIZES.len())].to_string();
                input.splice(at..at, size.into_bytes());
            }
        }
    }
    input
}

/// Where there is no input there is nothing to check, and it must not take time.
#[test]
fn checks_take_any_bytes() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for length in 0..64 {
        let bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
        for (kind, check) in checks() {
            within_limits(kind, check, &bytes);
        }
    }
}
