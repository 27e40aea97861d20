//! The group of a pattern.

use msr_groups::{PermutationGroup, SignedPattern, pattern_automorphisms, signed_automorphisms};
use num_bigint::BigUint;

use crate::error::Result;

/// The group of a pattern, and how many maps it makes of one: `(−1, −1)` makes none.
pub(crate) fn group_of(pattern: &SignedPattern) -> Result<(PermutationGroup, BigUint)> {
    match pattern.unsigned() {
        Some(pattern) => {
            let group = pattern_automorphisms(&pattern)?;
            let order = group.order();
            Ok((group, order))
        }
        None => {
            let group = signed_automorphisms(pattern)?;
            let order = group.order() / 2u32;
            Ok((group, order))
        }
    }
}

/// The natural logarithm of a count.
pub(crate) fn ln(count: &BigUint) -> f64 {
    let bits = count.bits();
    let shift = bits.saturating_sub(60);
    let head = u64::try_from(count >> shift).unwrap_or(1).max(1);
    (head as f64).ln() + shift as f64 * 2f64.ln()
}
