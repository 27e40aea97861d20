//! Symmetric groups.

use super::cyclic::shift;
use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::limits::{check_size, factorial};
use crate::permutation::Permutation;

/// The largest `n` for which `n!` is written; it has 954,037 binary digits.
const MOST_FACTORIAL: usize = 1 << 16;

/// Refuses groups whose order is a factorial with too many digits.
pub(super) fn check_factorial(family: &'static str, n: usize) -> Result<()> {
    if n <= MOST_FACTORIAL {
        return Ok(());
    }
    let problem = format!("n is {n}; at most {MOST_FACTORIAL} is allowed, so that n! can be written");
    Err(Error::Family { family, problem })
}

/// `S_n`, all permutations of `n ≥ 1` points; order `n!`.
///
/// # Errors
/// When `n` is zero or above 65,536.
pub fn symmetric(n: usize) -> Result<PermutationGroup> {
    check_size("symmetric group", n, 1)?;
    check_factorial("symmetric group", n)?;
    let generators = match n {
        1 => Vec::new(),
        2 => vec![shift(2)],
        _ => vec![shift(n), Permutation::from_cycles(n, &[&[0, 1]])?],
    };
    Ok(PermutationGroup::trusted(format!("S_{n}"), n, generators).of_order(factorial(n)))
}
