//! Symmetries of a square grid.

use crate::error::Result;
use crate::group::PermutationGroup;
use crate::limits::{check_points, check_size};
use crate::permutation::Permutation;

/// The quarter turns and reflections of an `n × n` grid on its cells, numbered row by row; `D_4`,
/// order 8 for `n ≥ 2`.
///
/// # Errors
/// When `n` is below 2 or above 2¹¹.
pub fn square_grid(n: usize) -> Result<PermutationGroup> {
    check_size("square grid", n, 2)?;
    check_points("square grid", n.checked_mul(n))?;
    let cells = 0..n * n;
    let turn = cells.clone().map(|c| ((c % n) * n + (n - 1 - c / n)) as u32).collect();
    let flip = cells.map(|c| (c / n * n + (n - 1 - c % n)) as u32).collect();
    let generators = vec![Permutation::trusted(turn), Permutation::trusted(flip)];
    let group = PermutationGroup::trusted(format!("D_4 on a {n} × {n} grid"), n * n, generators);
    Ok(group.of_order(8u32))
}
