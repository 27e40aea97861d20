//! Symmetric groups.

use num_bigint::BigUint;

use super::check_size;
use super::cyclic::shift;
use crate::error::Result;
use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// `n!`
pub(crate) fn factorial(n: usize) -> BigUint {
    (1..=n).map(BigUint::from).product()
}

/// `S_n`, all permutations of `n ≥ 1` points; order `n!`.
///
/// # Errors
/// When `n` is zero.
pub fn symmetric(n: usize) -> Result<PermutationGroup> {
    check_size("symmetric group", n, 1)?;
    let generators = match n {
        1 => Vec::new(),
        2 => vec![shift(2)],
        _ => vec![shift(n), Permutation::from_cycles(n, &[&[0, 1]])?],
    };
    Ok(PermutationGroup::new(format!("S_{n}"), n, generators)?.of_order(factorial(n)))
}
