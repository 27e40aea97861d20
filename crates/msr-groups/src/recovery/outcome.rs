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
    /// [recovery.md](crate::derivations::recovery), section 3.
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
    /// weights are tied than the group explains. See [recovery.md](crate::derivations::recovery),
    /// section 3.
    pub is_orbits: bool,
    /// What speaks for it.
    pub evidence: Evidence,
    /// The next larger group that would be claimed, were it not for a small difference.
    pub almost: Option<Box<AlmostGroup>>,
    /// How many widths of noise are between weights that this group ties, where that is more than
    /// noise explains: the group may be a smaller one or not quite learned yet, but no finer
    /// clusters are clear.
    pub doubt: Option<f64>,
}

/// Tied weights that no permutation of outputs and inputs keeps.
#[derive(Clone, Debug)]
pub struct RecoveredTies {
    /// The tied weights.
    pub pattern: SharingPattern,
    /// What speaks for it.
    pub evidence: Evidence,
    /// The group that would be claimed, were it not for a small difference.
    pub almost: Option<Box<AlmostGroup>>,
}

/// An almost-symmetry: the group of coarser clusters, which are clear but not all there is. See
/// [recovery.md](crate::derivations::recovery), section 6.
#[derive(Clone, Debug)]
pub struct AlmostGroup {
    /// Its usual name, when one can be proved.
    pub name: Option<String>,
    /// The number of its permutations.
    pub order: BigUint,
    /// The weights that it would tie, besides those that are tied.
    pub pattern: SharingPattern,
    /// `‖U − P(U)‖_F / ‖U‖_F` for its pattern.
    pub residual: f64,
    /// The largest distance between the centres of two classes that it would tie, over the width of
    /// the noise: the largest distance between two rows of one class.
    pub separation: f64,
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
    /// [recovery.md](crate::derivations::recovery), section 2.
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

    /// What [`RecoveredGroup::doubt`] says, in a sentence; `None` without one.
    pub fn doubt_in_words(&self) -> Option<String> {
        let separation = self.doubt?;
        Some(format!(
            "Weights that it ties differ by up to {separation:.1} noise widths, more than noise explains: the group may \
             be a smaller one, or not quite learned yet."
        ))
    }

    /// The generators as pairs `(σ of outputs, τ of inputs)`.
    /// [recovery.md](crate::derivations::recovery), section 4, says how they are chosen.
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
    /// The name and the order, then the generators in cycle notation, in a few lines: of many
    /// generators the first ones, and of long ones the beginning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("a group without a name here");
        write!(f, "Symmetry: {name}, order {}", short_order(&self.order()))?;
        let generators = self.generators();
        for (on_outputs, on_inputs) in generators.iter().take(MOST_GENERATORS) {
            let (outputs, inputs) = (short_cycles(on_outputs), short_cycles(on_inputs));
            write!(f, "\n  generator: outputs {outputs}\n             inputs  {inputs}")?;
        }
        if generators.len() > MOST_GENERATORS {
            write!(f, "\n  and {} more generators", generators.len() - MOST_GENERATORS)?;
        }
        if !self.is_orbits {
            write!(f, "\n  More weights are tied than this group explains.")?;
        }
        self.doubt_in_words().iter().try_for_each(|doubt| write!(f, "\n  {doubt}"))?;
        self.almost.iter().try_for_each(|almost| write!(f, "\n  {almost}"))
    }
}

impl fmt::Display for RecoveredTies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights are tied, but no permutation of outputs and inputs keeps the ties.")?;
        self.almost.iter().try_for_each(|almost| write!(f, "\n  {almost}"))
    }
}

impl fmt::Display for AlmostGroup {
    /// The group, and what separates it from what is claimed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("a group without a name here");
        let digits = if self.separation < 10.0 { 1 } else { 0 };
        write!(
            f,
            "{name}, order {}, but for a difference of {:.digits$} noise widths.",
            short_order(&self.order),
            self.separation
        )
    }
}

impl fmt::Display for NoSymmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "No exact symmetry: {}.", self.reason)
    }
}

/// So many generators are displayed.
const MOST_GENERATORS: usize = 6;
/// So many characters of a permutation.
const MOST_CHARACTERS: usize = 100;
/// Orders with more digits are displayed in scientific notation.
const MOST_DIGITS: usize = 15;

/// An order in full, or in scientific notation.
fn short_order(order: &BigUint) -> String {
    let digits = order.to_string();
    match digits.split_at_checked(1) {
        Some((first, rest)) if digits.len() > MOST_DIGITS => {
            format!("{first}.{}e{}", &rest[..2], rest.len())
        }
        _ => digits,
    }
}

/// Cycle notation, or its beginning.
fn short_cycles(g: &Permutation) -> String {
    let text = g.to_string();
    if text.chars().count() <= MOST_CHARACTERS {
        return text;
    }
    text.chars().take(MOST_CHARACTERS - 2).chain(" …".chars()).collect()
}
