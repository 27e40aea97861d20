//! The trivial group.

use super::check_size;
use crate::error::Result;
use crate::group::PermutationGroup;

/// The group `{1}` on `n ≥ 1` points.
///
/// # Errors
/// When `n` is zero.
pub fn trivial(n: usize) -> Result<PermutationGroup> {
    check_size("trivial group", n, 1)?;
    PermutationGroup::new("trivial", n, Vec::new())
}
