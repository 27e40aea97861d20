//! The trivial group.

use crate::error::Result;
use crate::group::PermutationGroup;
use crate::limits::check_size;

/// The group `{1}` on `n ≥ 1` points.
///
/// # Errors
/// When `n` is zero or above 2²².
pub fn trivial(n: usize) -> Result<PermutationGroup> {
    check_size("trivial group", n, 1)?;
    Ok(PermutationGroup::trusted("trivial", n, Vec::new()).of_order(1u32))
}
