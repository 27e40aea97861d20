//! Counting free parameters of signed patterns without a pattern.

use num_bigint::{BigInt, BigUint};

use crate::action::Action;
use crate::error::Result;
use crate::signed::SignedAction;

/// The number of free parameters of an equivariant map, `(1/|G|) Σ_g tr ρ_Y(g) tr ρ_X(g)`: the mean
/// of the traces of all elements on maps, which is the dimension of what they leave as it is. A
/// trace is the number of points that stay with their signs, less those that change them. See
/// [signed, section 3](crate::derivations::signed).
///
/// [`SignedPattern::new`](crate::SignedPattern::new) finds the same number from the generators;
/// this one goes through all elements.
///
/// # Errors
/// As [`burnside_count`](crate::burnside_count).
///
/// # Example
/// ```
/// use msr_groups::{hyperoctahedral, signed_burnside_count};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = hyperoctahedral(3)?;
/// // Only the multiples of the identity commute with all sign changes and permutations.
/// assert_eq!(signed_burnside_count(&action, &action)?, 1u32.into());
/// # Ok(())
/// # }
/// ```
pub fn signed_burnside_count(output: &SignedAction, input: &SignedAction) -> Result<BigUint> {
    let both = output.doubled().beside(input.doubled())?;
    let group = both.group();
    let whole = Action::natural(group).beside(&both)?.image_group()?;
    let from = group.degree();
    let (m, n) = (output.points(), input.points());
    let mut total = BigInt::ZERO;
    whole.try_for_each("Burnside's count", |g| {
        let trace = |from: usize, count: usize| -> i64 {
            let at = |x: usize| match g.apply(from + 2 * x) {
                image if image == from + 2 * x => 1,
                image if image == from + 2 * x + 1 => -1,
                _ => 0,
            };
            (0..count).map(at).sum()
        };
        // At most 2²² of each.
        total += trace(from, m) * trace(from + 2 * m, n);
    })?;
    // A dimension is no negative number.
    Ok(total.to_biguint().unwrap_or_default() / whole.order())
}
