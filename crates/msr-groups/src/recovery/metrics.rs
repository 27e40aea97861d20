//! How far a recovered partition is from the true one.

use pathfinding::matrix::Matrix;
use pathfinding::prelude::kuhn_munkres;

use crate::error::{Error, Result};
use crate::limits::check_count;
use crate::sharing::SharingPattern;

/// The most steps of the matching: about a minute.
const MOST_STEPS: u64 = 1 << 36;

/// The partition distance: how many weights must change their class for the two patterns to be the
/// same; the classes are matched so that this is as small as possible (Hungarian method). See
/// [recovery.md](crate::derivations::recovery), section 5.
///
/// Source: Gusfield, "Partition-distance" (2002); used for sharing patterns by Yeh et al.,
/// "Equivariance Discovery by Learned Parameter-Sharing" (AISTATS 2022).
///
/// # Errors
/// [`Error::Shape`] when the patterns have different numbers of outputs or inputs,
/// [`Error::Config`] when they have too many classes to be matched: a² b steps for a ≤ b classes,
/// at most 2³⁶.
///
/// # Example
/// ```
/// use msr_groups::{SharingPattern, partition_distance};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let truth = SharingPattern::from_labels(2, 2, &[0, 0, 1, 1])?;
/// let other = SharingPattern::from_labels(2, 2, &[0, 1, 2, 2])?;
/// assert_eq!(partition_distance(&truth, &other)?, 1);
/// # Ok(())
/// # }
/// ```
pub fn partition_distance(a: &SharingPattern, b: &SharingPattern) -> Result<usize> {
    let (expected, got) = ((a.outputs(), a.inputs()), (b.outputs(), b.inputs()));
    if expected != got {
        return Err(Error::Shape { what: "the patterns to compare".into(), expected, got });
    }
    // The method needs at least as many columns as rows.
    let (a, b) = if a.free_parameters() <= b.free_parameters() { (a, b) } else { (b, a) };
    if a.free_parameters() == 0 {
        return Ok(0);
    }
    let (rows, columns) = (a.free_parameters(), b.free_parameters());
    check_count("the weights that two patterns' classes have in common", &[rows, columns])?;
    if (rows * columns).saturating_mul(rows) as u64 > MOST_STEPS {
        let problem =
            format!("{rows} classes are matched with {columns}, which takes more than {MOST_STEPS} steps");
        return Err(Error::Config { problem });
    }
    let mut common = Matrix::new(a.free_parameters(), b.free_parameters(), 0i64);
    for (&i, &j) in a.labels().iter().zip(b.labels()) {
        common[(i as usize, j as usize)] += 1;
    }
    let (kept, _) = kuhn_munkres(&common);
    Ok(a.labels().len() - kept as usize)
}
