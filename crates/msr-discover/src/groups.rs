//! Sizes of groups.

use num_bigint::BigUint;

/// The natural logarithm of a count.
pub(crate) fn ln(count: &BigUint) -> f64 {
    let bits = count.bits();
    let shift = bits.saturating_sub(60);
    let head = u64::try_from(count >> shift).unwrap_or(1).max(1);
    (head as f64).ln() + shift as f64 * 2f64.ln()
}
