//! Groups of patterns against counting them.
#![allow(clippy::unwrap_used, reason = "tests")]

use msr_groups::{SharingPattern, pattern_automorphisms};
use rand::Rng;

mod cases;

/// How many pairs of permutations keep a pattern with few outputs: for each permutation of the
/// outputs the inputs must be those that there were, and equal ones can be exchanged.
fn counted(labels: &[usize], m: usize, n: usize) -> u64 {
    let columns: Vec<Vec<usize>> = (0..n).map(|x| (0..m).map(|y| labels[y * n + x]).collect()).collect();
    let mut sorted = columns.clone();
    sorted.sort();
    let equal = sorted.chunk_by(|a, b| a == b).map(|run| (1..=run.len() as u64).product::<u64>());
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..m {
        let longer = |order: &Vec<usize>| {
            let rest = (0..m).filter(|y| !order.contains(y)).map(|y| [&order[..], &[y]].concat());
            rest.collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    let keeps = |order: &&Vec<usize>| {
        let mut moved: Vec<Vec<usize>> =
            columns.iter().map(|column| order.iter().map(|&y| column[y]).collect()).collect();
        moved.sort();
        moved == sorted
    };
    orders.iter().filter(keeps).count() as u64 * equal.product::<u64>()
}

#[test]
fn small_patterns_have_as_many_automorphisms_as_are_counted() {
    let mut rng = cases::rng();
    for _ in 0..2_000 {
        let (m, n, kinds) = (rng.random_range(2..5), rng.random_range(2..12), rng.random_range(1..7));
        let mut labels: Vec<usize> = (0..m * n).map(|_| rng.random_range(0..kinds)).collect();
        // Rows and blocks of columns come again, so that there is something to exchange.
        let block = rng.random_range(1..=n);
        for at in 0..m * n {
            if rng.random_range(0..5) > 0 {
                labels[at] = labels[at / n % m.div_ceil(2) * n + at % n % block];
            }
        }
        let pattern = SharingPattern::from_labels(m, n, &labels).unwrap();
        let order = pattern_automorphisms(&pattern).unwrap().order();
        assert_eq!(order, counted(&labels, m, n).into(), "{m} × {n}: {labels:?}");
    }
}

/// Of this pattern the search once said that 64 permutations keep it, and gave generators of 128.
#[test]
fn a_search_that_contradicts_itself_is_repeated() {
    let half = [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8, 6, 7, 8, 9, 10, 11, 9, 10, 11];
    let labels: Vec<usize> = half.iter().chain(half.iter().rev()).copied().collect();
    let pattern = SharingPattern::from_labels(4, 12, &labels).unwrap();
    assert_eq!(counted(&labels, 4, 12), 128);
    assert_eq!(pattern_automorphisms(&pattern).unwrap().order(), 128u32.into());
}
