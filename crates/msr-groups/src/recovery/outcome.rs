//! What was read out of a symmetry matrix: a group, ties without a group, or nothing.

use std::fmt;

use num_bigint::BigUint;

use super::reason::Reason;
use super::rows::Tolerance;
use crate::group::PermutationGroup;
use crate::permutation::Permutation;
use crate::sharing::SharingPattern;

/// What [`recover`](crate::recover) read out of a symmetry matrix. Its `Display` says it in a few
/// lines.
///
/// # Example
/// ```
/// use msr_groups::{Recovery, RecoveryConfig, SymmetryMatrix, recover};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let weight = SymmetryMatrix::weight(&[1.0, 1.001], 1, 2)?;
/// match recover(weight, &RecoveryConfig::default())? {
///     Recovery::Group(found) => println!("{} permutations", found.order()),
///     Recovery::Ties(found) => println!("{} free parameters", found.pattern.free_parameters()),
///     nothing => println!("{nothing}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Recovery {
    /// The rows form clear clusters, and permutations of outputs and inputs keep the ties.
    Group(RecoveredGroup),
    /// The rows form clear clusters, but no permutation of outputs and inputs keeps the ties; see
    /// `docs/derivations/recovery.md`, section 3.
    Ties(RecoveredTies),
    /// Neither ties nor a symmetry are claimed.
    Nothing(NoSymmetry),
}

/// The group that a symmetry matrix encodes.
#[derive(Clone, Debug)]
pub struct RecoveredGroup {
    /// All `(σ, τ)` that keep the pattern, on the outputs followed by the inputs, with readable
    /// generators.
    pub permutations: PermutationGroup,
    /// Its usual name, when one can be proved ([`name_of`](crate::name_of)).
    pub name: Option<String>,
    /// The tied weights.
    pub pattern: SharingPattern,
    /// Whether the classes of the pattern are the orbits of the group on `Y × X`. If not, more
    /// weights are tied than the group explains. See `docs/derivations/recovery.md`, section 3.
    pub is_orbits: bool,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// Tied weights that no permutation of outputs and inputs keeps.
#[derive(Clone, Debug)]
pub struct RecoveredTies {
    /// The tied weights.
    pub pattern: SharingPattern,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// Why neither ties nor a symmetry are claimed.
#[derive(Clone, Debug)]
pub struct NoSymmetry {
    /// Why not.
    pub reason: Reason,
    /// What was measured on the clusters that were not claimed; `None` when there was nothing to
    /// compare.
    pub evidence: Option<Evidence>,
}

/// What was measured on clusters of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// How the tolerance was found.
    pub tolerance: Tolerance,
    /// `‖U − P(U)‖_F / ‖U‖_F` for the pattern of the clusters, on the rows that were clustered
    /// ([`Tolerance::whitened`]).
    pub residual: f64,
    /// An upper bound of log₁₀ of the probability that chance gives such clusters; see
    /// `docs/derivations/recovery.md`, section 2.
    pub log10_chance: f64,
}

impl Recovery {
    /// Whether a group is claimed.
    pub fn is_group(&self) -> bool {
        self.group().is_some()
    }

    /// The group, when one is claimed.
    pub fn group(&self) -> Option<&RecoveredGroup> {
        match self {
            Self::Group(found) => Some(found),
            _ => None,
        }
    }

    /// The usual name of the group, when one is claimed and its name can be proved.
    pub fn name(&self) -> Option<&str> {
        self.group()?.name.as_deref()
    }

    /// The tied weights, when a group or ties are claimed.
    pub fn pattern(&self) -> Option<&SharingPattern> {
        match self {
            Self::Group(found) => Some(&found.pattern),
            Self::Ties(found) => Some(&found.pattern),
            Self::Nothing(_) => None,
        }
    }

    /// What was measured, also where nothing is claimed; `None` when there was nothing to compare.
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Group(found) => Some(&found.evidence),
            Self::Ties(found) => Some(&found.evidence),
            Self::Nothing(nothing) => nothing.evidence.as_ref(),
        }
    }
}

impl RecoveredGroup {
    /// The order of the group.
    pub fn order(&self) -> BigUint {
        self.permutations.order()
    }

    /// The generators as pairs `(σ of outputs, τ of inputs)`. `docs/derivations/recovery.md`,
    /// section 4, says how they are chosen.
    pub fn generators(&self) -> Vec<(Permutation, Permutation)> {
        let m = self.pattern.outputs();
        let split = |g: &Permutation| Some((g.restrict(0..m)?, g.restrict(m..g.degree())?));
        self.permutations.generators().iter().filter_map(split).collect()
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(found) => found.fmt(f),
            Self::Ties(found) => found.fmt(f),
            Self::Nothing(nothing) => nothing.fmt(f),
        }
    }
}

impl fmt::Display for RecoveredGroup {
    /// The name and the order, then the generators in cycle notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("a group without a name here");
        write!(f, "Symmetry: {name}, order {}", self.order())?;
        for (on_outputs, on_inputs) in self.generators() {
            write!(f, "\n  generator: outputs {on_outputs}\n             inputs  {on_inputs}")?;
        }
        if !self.is_orbits {
            write!(f, "\n  More weights are tied than this group explains.")?;
        }
        Ok(())
    }
}

impl fmt::Display for RecoveredTies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights are tied, but no permutation of outputs and inputs keeps the ties.")
    }
}

impl fmt::Display for NoSymmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "No exact symmetry: {}.", self.reason)
    }
}
