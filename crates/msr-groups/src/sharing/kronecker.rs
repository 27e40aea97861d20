//! Product groups.

use crate::error::Result;
use crate::limits::check_degree;
use crate::permutation::Permutation;

/// Π, which sends `((i1, j1), (i2, j2))` to `((i1, i2), (j1, j2))`: row
/// `(i1 n1 + j1) m2 n2 + i2 n2 + j2` of `U^{G1} ⊗ U^{G2}` is row `(i1 m2 + i2) n1 n2 + j1 n2 + j2`
/// of `U^{G1 × G2}`.
///
/// See [groups, section 5](crate::derivations::groups). Source: Zhou, Knowles, Finn (ICLR 2021),
/// appendix.
///
/// # Errors
/// [`Error::TooManyPoints`](crate::Error::TooManyPoints) when there are more than 2²⁵ rows.
///
/// # Example
/// ```
/// let pi = msr_groups::kronecker_permutation((2, 1), (1, 2))?;
/// // (i1, j1, i2, j2) = (1, 0, 0, 1) is row 3 of both.
/// assert_eq!(pi.apply(3), 3);
/// # Ok::<(), msr_groups::Error>(())
/// ```
pub fn kronecker_permutation((m1, n1): (usize, usize), (m2, n2): (usize, usize)) -> Result<Permutation> {
    let rows = [m1, n1, m2, n2].iter().try_fold(1usize, |a, &b| a.checked_mul(b));
    check_degree(rows)?;
    let rows = rows.unwrap_or(0);
    let image = |row: usize| {
        let (first, second) = (row / (m2 * n2), row % (m2 * n2));
        let (i1, j1, i2, j2) = (first / n1, first % n1, second / n2, second % n2);
        ((i1 * m2 + i2) * n1 * n2 + j1 * n2 + j2) as u32
    };
    Ok(Permutation::trusted((0..rows).map(image).collect()))
}
