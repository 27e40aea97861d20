//! Generators of the groups of patterns, as they are tested and told.

use msr_groups::{Permutation, PermutationGroup, SignedPattern, SignedPermutation, name_of, signed_pairs};
use num_bigint::BigUint;

use crate::error::Result;
use crate::search::Pair;

/// The most points on which a group with signs is named.
const MOST_POINTS: usize = 800;

/// The name of a group without signs, on outputs and inputs: of one that permutes the points of
/// each orbit as it likes, say two inputs and three others, as the product that shows it, `S_2 ×
/// S_3`, which as a group could as well be called D_6; of others their usual one.
pub(crate) fn plain_name(group: &PermutationGroup, (m, n): (usize, usize)) -> Option<String> {
    let on = |points: std::ops::Range<usize>| -> Option<String> {
        let degree = points.len();
        let of = group.generators().iter().map(|g| g.restrict(points.clone())).collect::<Option<Vec<_>>>()?;
        let part = PermutationGroup::new("", degree, of).ok()?;
        let mut sizes: Vec<usize> = part.orbits().iter().map(Vec::len).filter(|&size| size > 1).collect();
        let all: BigUint = sizes.iter().flat_map(|&size| 2..=size).map(BigUint::from).product();
        if sizes.len() < 2 || part.order() != all || group.order() != all {
            return None;
        }
        sizes.sort_unstable();
        let names: Vec<String> = sizes.iter().map(|size| format!("S_{size}")).collect();
        Some(names.join(" × "))
    };
    on(m..m + n).or_else(|| on(0..m + n)).or_else(|| name_of(group))
}

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

#[cfg(test)]
mod tests {
    use msr_groups::from_cycle_notation;

    use super::plain_name;

    #[test]
    fn blocks_of_points_that_can_all_be_exchanged_are_told() {
        let name = |cycles: &[&str], m: usize, n: usize| {
            let group = from_cycle_notation("", m + n, cycles).unwrap_or_else(|e| unreachable!("{e}"));
            plain_name(&group, (m, n)).unwrap_or_default()
        };
        // One output, and inputs 1 to 5.
        assert_eq!(name(&["(1 2)", "(3 4)", "(4 5)"], 1, 5), "S_2 × S_3");
        assert_eq!(name(&["(1 2)", "(3 4)", "(4 5)", "(5 6)"], 1, 6), "S_2 × S_4");
        // Outputs that go with the inputs, and outputs that are exchanged by themselves.
        assert_eq!(name(&["(0 1)(2 3)", "(4 5)", "(5 6)"], 2, 5), "S_2 × S_3");
        assert_eq!(name(&["(0 1)", "(2 3)", "(3 4)"], 2, 3), "S_2 × S_3");
        // A hexagon is none.
        assert_eq!(name(&["(1 2 3 4 5 6)", "(2 6)(3 5)"], 1, 6), "D_6");
        assert_eq!(name(&["(1 2 3 4 5)"], 1, 5), "C_5");
        assert_eq!(name(&["(1 2)(3 4)"], 1, 4), "C_2");
    }
}
