//! Counting free parameters without a pattern.

use num_bigint::BigUint;

use crate::action::Action;
use crate::error::Result;

/// The number of free parameters of an equivariant map, `(1/|G|) Σ_g fix_Y(g) fix_X(g)`: the mean
/// number of fixed points of the group on `Y × X` (Burnside's lemma). See
/// [groups, section 4](crate::derivations::groups).
///
/// [`SharingPattern::new`](crate::SharingPattern::new) finds the same number from the generators;
/// this one goes through all elements.
///
/// # Errors
/// [`Error::TooManyElements`](crate::Error::TooManyElements);
/// [`Error::TooMuchWork`](crate::Error::TooMuchWork);
/// [`Error::DifferentGroups`](crate::Error::DifferentGroups) when different groups act.
///
/// # Example
/// ```
/// use msr_groups::{Action, burnside_count, dihedral};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&dihedral(8)?);
/// // Distances 0 to 4 on an octagon.
/// assert_eq!(burnside_count(&action, &action)?, 5u32.into());
/// # Ok(())
/// # }
/// ```
pub fn burnside_count(output: &Action, input: &Action) -> Result<BigUint> {
    let both = output.beside(input)?;
    let group = both.group();
    // Elements with their images: those of the group that acts on its own points, Y and X at once.
    let whole = Action::natural(group).beside(&both)?.image_group()?;
    let from = group.degree();
    let (m, n) = (output.points(), input.points());
    let mut total = BigUint::ZERO;
    whole.try_for_each("Burnside's count", |g| {
        let fixed = |from: usize, count: usize| (from..from + count).filter(|&p| g.apply(p) == p).count();
        // At most 2²² of each.
        total += fixed(from, m) as u64 * fixed(from + m, n) as u64;
    })?;
    Ok(total / whole.order())
}
