//! Dihedral groups.

use super::cyclic::shift;
use crate::error::Result;
use crate::group::PermutationGroup;
use crate::limits::check_size;
use crate::permutation::Permutation;

/// `D_n`, the symmetries of a regular polygon on its `n ≥ 3` corners: `x ↦ x + 1` and `x ↦ −x`
/// modulo `n`; order `2n`.
///
/// # Errors
/// When `n` is below 3 or above 2²².
pub fn dihedral(n: usize) -> Result<PermutationGroup> {
    check_size("dihedral group", n, 3)?;
    let flip = Permutation::trusted((0..n).map(|x| ((n - x) % n) as u32).collect());
    Ok(PermutationGroup::trusted(format!("D_{n}"), n, vec![shift(n), flip]).of_order(2 * n))
}
