//! The quaternion group.

use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// `Q_8 = {±1, ±i, ±j, ±k}` on itself by multiplication from the left; the points are 1, −1, i, −i,
/// j, −j, k, −k; order 8.
pub fn quaternion() -> PermutationGroup {
    // i · (1, −1, i, −i, j, −j, k, −k) = (i, −i, −1, 1, k, −k, −j, j), and j likewise.
    let i = Permutation::trusted(vec![2, 3, 1, 0, 6, 7, 5, 4]);
    let j = Permutation::trusted(vec![4, 5, 7, 6, 1, 0, 2, 3]);
    PermutationGroup::trusted("Q_8", 8, vec![i, j]).of_order(8u32)
}
