//! Reading the group back out of a learned symmetry matrix.

mod automorphisms;
mod candidate;
mod config;
pub(crate) mod generators;
mod metrics;
mod naming;
mod outcome;
mod ranking;
mod reason;
mod refinement;
mod rows;
mod selection;
mod significance;
mod subgroups;

pub use automorphisms::{pattern_automorphisms, signed_automorphisms, signed_pairs};
pub use config::RecoveryConfig;
pub use metrics::partition_distance;
pub use naming::{GroupName, name_of};
pub use outcome::{AlmostGroup, Evidence, NoSymmetry, RecoveredGroup, RecoveredTies, Recovery};
pub use ranking::{Fit, KnownAction, known_actions, rank_groups};
pub use reason::Reason;
pub use rows::Tolerance;

use num_bigint::BigUint;

use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::permutation::Permutation;
use crate::sharing::SharingPattern;
use crate::symmetry_matrix::SymmetryMatrix;
use candidate::Candidate;
use selection::{Choice, Coarser};

/// The largest number of rows that are compared pair by pair.
const MOST_ROWS: usize = 50_000;
/// The largest number of rows of one column, which are only sorted.
const MOST_NUMBERS: usize = u32::MAX as usize - 1;
/// So many coarser clusters are looked at for a larger group.
const MOST_COARSER: usize = 3;

/// Reads the group out of a symmetry matrix in any basis of its columns.
///
/// Equal rows are tied weights. The permutations of outputs and inputs that keep the ties are the
/// group. A symmetry is claimed only when the rows form clear clusters, the residual is small, and
/// chance is ruled out ([`RecoveryConfig`]); where coarse clusters hide a difference that is no
/// noise, the finer ones are claimed, and the coarser group is an [`AlmostGroup`]. A plain weight
/// matrix is a symmetry matrix of one column ([`SymmetryMatrix::weight`]).
///
/// See [recovery.md](crate::derivations::recovery). Source: Ravanbakhsh, Schneider, Póczos,
/// "Equivariance Through Parameter-Sharing" (ICML 2017), for the group of a pattern; the rest is
/// this project's.
///
/// # Errors
/// [`Error::TooManyWeights`] when there are more than 50,000 rows of two or more columns, or
/// 2³² − 2 of one; [`Error::Config`] when the pattern is too large for [`pattern_automorphisms`],
/// or a number of `config` is outside its range; [`Error::Search`] when the search for
/// automorphisms contradicts itself.
///
/// # Example
/// ```
/// use msr_groups::{
///     Action, Recovery, RecoveryConfig, SharingPattern, SymmetryMatrix, dihedral, recover,
/// };
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&dihedral(6)?);
/// let dense = SharingPattern::new(&action, &action)?.dense()?;
/// let found = recover(SymmetryMatrix::new(&dense, 6, 6)?, &RecoveryConfig::default())?;
/// if let Recovery::Group(found) = &found {
///     assert_eq!(found.name.as_deref(), Some("D_6"));
///     assert_eq!(found.generators()[0].1.to_string(), "(0 1 2 3 4 5)");
/// }
/// assert!(found.to_string().starts_with("Symmetry: D_6, order 12"));
/// # Ok(())
/// # }
/// ```
pub fn recover(symmetry: SymmetryMatrix<'_>, config: &RecoveryConfig) -> Result<Recovery> {
    config.check()?;
    let (outputs, inputs) = (symmetry.outputs(), symmetry.inputs());
    let (rows, columns) = (symmetry.weights(), symmetry.columns());
    let most = if columns > 1 { MOST_ROWS } else { MOST_NUMBERS };
    if rows > most {
        return Err(Error::TooManyWeights { weights: rows, columns, most });
    }
    // In units of the largest entry, so that squares neither overflow nor vanish.
    let largest = symmetry.values().iter().fold(0.0f64, |l, u| l.max(u.abs()));
    let scaled: Vec<f64> =
        symmetry.values().iter().map(|u| if largest > 0.0 { u / largest } else { 0.0 }).collect();
    let views = rows::views(&scaled, rows, columns);
    let shape = (outputs, inputs);
    let mut refuted = Vec::new();
    let (candidate, permutations, doubt) = loop {
        let Some(choice) = selection::choose(&views, shape, config, &refuted)? else {
            let reason = if rows < 2 { Reason::FewWeights } else { Reason::AllZero };
            return Ok(Recovery::Nothing(NoSymmetry { reason, evidence: None }));
        };
        let Choice { candidate, objection } = choice;
        if let Some(reason) = objection {
            return Ok(Recovery::Nothing(NoSymmetry { reason, evidence: Some(candidate.evidence) }));
        }
        let permutations = pattern_automorphisms(&candidate.pattern)?;
        match selection::refuted_by_elements(&views, &candidate.pattern, &permutations) {
            Some(known) if known.separation >= selection::WIDE => refuted.push(known),
            known => {
                let doubt = selection::doubt(&candidate, &views, known.map(|known| known.separation))?;
                break (candidate, permutations.simplified(), doubt);
            }
        }
    };
    let order = permutations.order();
    let almost = almost(selection::coarser(&candidate, &views, shape)?, &order)?.map(Box::new);
    let Candidate { pattern, evidence, .. } = candidate;
    if order == BigUint::from(1u32) {
        return Ok(Recovery::Ties(RecoveredTies { pattern, evidence, almost }));
    }
    let name = name_of(&permutations);
    let permutations = match &name {
        Some(name) => permutations.named(name.as_str()),
        None => permutations,
    };
    let is_orbits = orbits_of(&permutations, outputs, inputs)? == pattern;
    Ok(Recovery::Group(RecoveredGroup { permutations, name, pattern, is_orbits, evidence, almost, doubt }))
}

/// The first of the coarser clusters that have a larger group than one of this order.
fn almost(coarser: Vec<Coarser>, order: &BigUint) -> Result<Option<AlmostGroup>> {
    for Coarser { pattern, residual, separation } in coarser.into_iter().take(MOST_COARSER) {
        let group = pattern_automorphisms(&pattern)?;
        if group.order() > *order {
            let (name, order) = (name_of(&group), group.order());
            return Ok(Some(AlmostGroup { name, order, pattern, residual, separation }));
        }
    }
    Ok(None)
}

/// The pattern of a group on outputs followed by inputs.
fn orbits_of(group: &PermutationGroup, outputs: usize, inputs: usize) -> Result<SharingPattern> {
    let part = |g: &Permutation, from: usize, to: usize| g.restrict(from..to);
    let whole = outputs + inputs;
    let split = |g: &Permutation| Some((part(g, 0, outputs)?, part(g, outputs, whole)?));
    let moves: Vec<(Permutation, Permutation)> = group.generators().iter().filter_map(split).collect();
    SharingPattern::from_moves(outputs, inputs, moves.iter().map(|(y, x)| (y, x)))
}
