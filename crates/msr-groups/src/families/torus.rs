//! Translations and rotations of a torus.

use crate::error::Result;
use crate::group::PermutationGroup;
use crate::limits::{check_points, check_size};
use crate::permutation::Permutation;

/// `C_h × C_w`: the translations of an `h × w` torus on its cells, numbered row by row; order
/// `h w`.
///
/// # Errors
/// When a side is zero, or there are more than 2²² cells.
pub fn torus_translations(h: usize, w: usize) -> Result<PermutationGroup> {
    check_size("torus", h.min(w), 1)?;
    check_points("torus", h.checked_mul(w))?;
    let down = Permutation::trusted((0..h * w).map(|c| ((c + w) % (h * w)) as u32).collect());
    let right = Permutation::trusted((0..h * w).map(|c| (c / w * w + (c % w + 1) % w) as u32).collect());
    Ok(PermutationGroup::trusted(format!("C_{h} × C_{w}"), h * w, vec![down, right]).of_order(h * w))
}

/// `(C_n × C_n) ⋊ C_4`: the translations of an `n × n` torus and its quarter turns about cell 0;
/// order `4 n²` for `n ≥ 3`.
///
/// # Errors
/// When `n` is below 2 or above 2¹¹.
pub fn torus_rotations(n: usize) -> Result<PermutationGroup> {
    check_size("torus", n, 2)?;
    let mut generators = torus_translations(n, n)?.generators().to_vec();
    // (r, c) ↦ (c, −r)
    let turn = (0..n * n).map(|cell| (cell % n * n + (n - cell / n) % n) as u32).collect();
    generators.push(Permutation::trusted(turn));
    let group = PermutationGroup::trusted(format!("C_{n}² ⋊ C_4 (turns)"), n * n, generators);
    // On two by two cells half a turn is nothing but a translation.
    Ok(group.of_order(if n == 2 { 8 } else { 4 * n * n }))
}
