//! How equivariant a weight, a symmetry matrix or a function is.

use rand::RngCore;
use rand_distr::{Distribution, StandardNormal};

use super::SharingPattern;
use crate::action::{Action, same_group};
use crate::error::{Error, Result, check_numbers};
use crate::symmetry_matrix::SymmetryMatrix;

/// `P(W) = |G|⁻¹ Σ_g ρ_out(g) W ρ_in(g)⁻¹`, the nearest equivariant matrix to
/// `W (m × n, row by row)`.
///
/// The mean over the group is the mean over each orbit on `Y × X`, `P = U (Uᵀ U)⁻¹ Uᵀ`, which is
/// what is computed; see
/// [groups, section 6](crate::derivations::groups).
///
/// # Errors
/// When `weight` is not `m × n`, or not finite.
///
/// # Example
/// ```
/// use msr_groups::{Action, SharingPattern, cyclic, reynolds_projection};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&cyclic(2)?);
/// let pattern = SharingPattern::new(&action, &action)?;
/// assert_eq!(reynolds_projection(&[1., 2., 4., 3.], &pattern)?, [2., 3., 3., 2.]);
/// # Ok(())
/// # }
/// ```
pub fn reynolds_projection(weight: &[f64], pattern: &SharingPattern) -> Result<Vec<f64>> {
    check_numbers("the weight", weight, &[pattern.outputs(), pattern.inputs()])?;
    pattern.expand(&pattern.means(|row| weight[row]))
}

/// `‖W − P(W)‖_F / ‖W‖_F`: zero for an equivariant `W (m × n, row by row)`, at most one; zero for
/// `W = 0`. See [groups, section 6](crate::derivations::groups).
///
/// # Errors
/// As [`reynolds_projection`].
pub fn equivariance_error(weight: &[f64], pattern: &SharingPattern) -> Result<f64> {
    symmetry_residual(SymmetryMatrix::weight(weight, pattern.outputs(), pattern.inputs())?, pattern)
}

/// `‖U − P_G(U)‖_F / ‖U‖_F`, with `P_G` applied to each column of `U (m n × k)`: zero when every
/// weight `U v` is equivariant, whatever basis the columns are in. See
/// [groups, section 6](crate::derivations::groups).
///
/// # Errors
/// [`Error::Shape`] when `symmetry` and `pattern` have different numbers of outputs or inputs.
///
/// # Example
/// ```
/// use msr_groups::{Action, SharingPattern, SymmetryMatrix, dihedral, symmetry_residual};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&dihedral(4)?);
/// let pattern = SharingPattern::new(&action, &action)?;
/// let dense = pattern.dense()?;
/// assert_eq!(symmetry_residual(SymmetryMatrix::new(&dense, 4, 4)?, &pattern)?, 0.0);
/// # Ok(())
/// # }
/// ```
pub fn symmetry_residual(symmetry: SymmetryMatrix<'_>, pattern: &SharingPattern) -> Result<f64> {
    let (expected, got) = ((pattern.outputs(), pattern.inputs()), (symmetry.outputs(), symmetry.inputs()));
    if expected != got {
        return Err(Error::Shape { what: "the symmetry matrix".into(), expected, got });
    }
    let (k, symmetry) = (symmetry.columns(), symmetry.values());
    // In units of the largest entry, so that squares neither overflow nor vanish.
    let scale = symmetry.iter().fold(0.0f64, |l, u| l.max(u.abs()));
    if scale == 0.0 {
        return Ok(0.0);
    }
    let entry = |row: usize, column: usize| symmetry[row * k + column] / scale;
    let (mut off, mut size) = (0.0, 0.0);
    for column in 0..k {
        let means = pattern.means(|row| entry(row, column));
        for (row, &label) in pattern.labels().iter().enumerate() {
            off += (entry(row, column) - means[label as usize]).powi(2);
            size += entry(row, column).powi(2);
        }
    }
    Ok(ratio(off, size))
}

/// How far a function is from equivariant, as a whole and as a function: the root mean square over
/// `samples` standard normal inputs x and random elements g of `‖f(g x) − g f(x)‖`, divided by that
/// of `‖f(x)‖`. For `f(x) = W x` it is √2 times [`equivariance_error`]; it can exceed one. See
/// [groups, section 6](crate::derivations::groups).
///
/// # Errors
/// [`Error::DifferentGroups`]; [`Error::Config`] without samples; [`Error::Size`] when `f` returns
/// another number of outputs; [`Error::TooMuchWork`]; what `f` reports.
///
/// # Example
/// ```
/// use msr_groups::{Action, cyclic, function_equivariance_error};
/// use rand::SeedableRng;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&cyclic(4)?);
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let relu = |x: &[f64]| Ok(x.iter().map(|x| x.max(0.0)).collect());
/// assert_eq!(function_equivariance_error(relu, &action, &action, 10, &mut rng)?, 0.0);
/// # Ok(())
/// # }
/// ```
pub fn function_equivariance_error(
    mut f: impl FnMut(&[f64]) -> Result<Vec<f64>>,
    output: &Action,
    input: &Action,
    samples: usize,
    rng: &mut impl RngCore,
) -> Result<f64> {
    same_group(output, input)?;
    if samples == 0 {
        return Err(Error::Config { problem: "an equivariance error needs at least one sample".into() });
    }
    let pairs = output.beside(input)?.image_group()?;
    let (m, n) = (output.points(), input.points());
    let (mut off, mut size) = (0.0, 0.0);
    for _ in 0..samples {
        let g = pairs.random_element(rng)?;
        let x: Vec<f64> = (0..n).map(|_| StandardNormal.sample(rng)).collect();
        let mut moved_x = vec![0.0; n];
        for (i, &value) in x.iter().enumerate() {
            moved_x[g.apply(m + i) - m] = value;
        }
        let (y, moved_y) = (f(&x)?, f(&moved_x)?);
        check_numbers("the function's output", &y, &[m])?;
        check_numbers("the function's output", &moved_y, &[m])?;
        off += (0..m).map(|i| (moved_y[g.apply(i)] - y[i]).powi(2)).sum::<f64>();
        size += y.iter().map(|y| y * y).sum::<f64>();
    }
    Ok(ratio(off, size))
}

fn ratio(off: f64, size: f64) -> f64 {
    if size == 0.0 { 0.0 } else { (off / size).sqrt() }
}
