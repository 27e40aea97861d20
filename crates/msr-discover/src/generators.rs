//! Generators of the groups of patterns, as they are tested and told.

use msr_groups::{Permutation, PermutationGroup, SignedPattern, SignedPermutation, name_of, signed_pairs};

use crate::error::Result;
use crate::search::Pair;

/// The most points on which a group with signs is named.
const MOST_POINTS: usize = 800;

/// The name of a group with signs (on outputs and inputs twice), where −1 on both sides, which
/// moves no weight, counts for nothing: of what it does to the weights and their negatives.
pub(crate) fn signed_name(group: &PermutationGroup, (m, n): (usize, usize)) -> Result<Option<String>> {
    if 2 * m * n > MOST_POINTS {
        return Ok(None);
    }
    let mut on_weights = Vec::new();
    for (y, x) in signed_pairs(group, m, n) {
        let mut images = Vec::with_capacity(2 * m * n);
        for at in 0..2 * m * n {
            let ((to_y, a), (to_x, b)) = (y.apply(at / 2 / n), x.apply(at / 2 % n));
            images.push(2 * (to_y * n + to_x) + usize::from((at % 2 == 1) != (a != b)));
        }
        on_weights.push(Permutation::from_images(&images)?);
    }
    let name = name_of(&PermutationGroup::new("", 2 * m * n, on_weights)?);
    Ok(name.map(|name| format!("{name} (signed)")))
}

/// The pair, or its negative, which does the same to weights.
fn with_fewer_minuses((y, x): Pair) -> Pair {
    let minuses = |g: &SignedPermutation| g.flips().iter().filter(|&&flip| flip).count();
    if 2 * (minuses(&y) + minuses(&x)) > y.degree() + x.degree() {
        (y.negated(), x.negated())
    } else {
        (y, x)
    }
}

/// The generators of the group of a pattern over m outputs and n inputs, without what moves no
/// weight, and without repetition.
pub(crate) fn pairs_of(
    pattern: &SignedPattern,
    group: &PermutationGroup,
    (m, n): (usize, usize),
) -> Vec<Pair> {
    let found: Vec<Pair> = match pattern.unsigned() {
        Some(_) => {
            let split = |g: &Permutation| Some((g.restrict(0..m)?.into(), g.restrict(m..m + n)?.into()));
            group.generators().iter().filter_map(split).collect()
        }
        None => {
            let mut pairs = signed_pairs(group, m, n);
            // Minus one on both sides moves no weight. Of the two that differ by it the one with
            // fewer minuses is told.
            let is_minus = |g: &SignedPermutation| g.negated().is_identity();
            pairs.retain(|(y, x)| !(is_minus(y) && is_minus(x)));
            pairs.into_iter().map(with_fewer_minuses).collect()
        }
    };
    let mut told = Vec::new();
    for pair in found {
        if !told.contains(&pair) {
            told.push(pair);
        }
    }
    told
}
