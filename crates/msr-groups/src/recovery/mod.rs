//! Reading the group back out of a learned symmetry matrix.

mod automorphisms;
pub(crate) mod generators;
mod metrics;
mod naming;
mod ranking;
mod rows;
mod significance;

pub use automorphisms::pattern_automorphisms;
pub use metrics::partition_distance;
pub use naming::name_of;
pub use ranking::{Fit, known_actions, rank_groups};
pub use rows::Tolerance;

use num_bigint::BigUint;

use crate::error::{Error, Result, check_numbers};
use crate::group::PermutationGroup;
use crate::permutation::Permutation;
use crate::sharing::{SharingPattern, symmetry_residual};

/// What it takes to claim a symmetry. See `docs/derivations/recovery.md`, sections 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecoveryConfig {
    /// The smallest distance between clusters of rows must be at least so many times the longest step that joins
    /// rows of one.
    pub least_gap: f64,
    /// The residual `‖U − P(U)‖ / ‖U‖` must be at most this.
    pub largest_residual: f64,
    /// The probability that chance alone gives such a pattern must be at most this; see
    /// `docs/derivations/recovery.md`, section 2.
    pub largest_chance: f64,
}

impl Default for RecoveryConfig {
    /// A gap of at least 1.5, a residual of at most 0.2, a chance of at most one in a million.
    fn default() -> Self {
        Self { least_gap: 1.5, largest_residual: 0.2, largest_chance: 1e-6 }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The rows form clear clusters, and the pattern has these symmetries.
    Exact,
    /// The rows form clear clusters, but no permutation of outputs and inputs keeps the ties; see
    /// `docs/derivations/recovery.md`, section 3.
    TiesOnly,
    /// Neither ties nor a symmetry are claimed.
    None {
        /// Why not.
        reason: String,
    },
}

/// The group that a symmetry matrix encodes, with what it was read from.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The tied weights; none are tied when the verdict is [`Verdict::None`].
    pub pattern: SharingPattern,
    /// How the tolerance was found; `None` when there are no clusters to speak of.
    pub tolerance: Option<Tolerance>,
    /// `‖U − P(U)‖_F / ‖U‖_F` for the pattern, on the rows that were clustered ([`Tolerance::whitened`]).
    pub residual: f64,
    /// An upper bound of log₁₀ of the probability that chance gives such a pattern; see
    /// `docs/derivations/recovery.md`, section 2.
    pub log10_chance: f64,
    /// Whether a symmetry is claimed.
    pub verdict: Verdict,
    /// The group of all `(σ, τ)` that keep the pattern, on the outputs followed by the inputs, with readable
    /// generators. Trivial when nothing is claimed.
    pub group: PermutationGroup,
    /// Its usual name, when one can be proved.
    pub name: Option<String>,
    /// Whether the pattern is just the group's own: its classes are the orbits of the group on `Y × X`. If not, more
    /// weights are tied than the group explains. See `docs/derivations/recovery.md`, section 3.
    pub is_orbits: bool,
}

impl Recovery {
    /// Whether a symmetry is claimed.
    pub fn is_exact(&self) -> bool {
        matches!(self.verdict, Verdict::Exact)
    }

    /// The order of the group.
    pub fn order(&self) -> BigUint {
        self.group.order()
    }

    /// The generators as pairs `(σ of outputs, τ of inputs)`; how they are chosen is in
    /// `docs/derivations/recovery.md`, section 4.
    pub fn generators(&self) -> Vec<(Permutation, Permutation)> {
        let m = self.pattern.outputs();
        let split = |g: &Permutation| Some((g.restrict(0..m)?, g.restrict(m..g.degree())?));
        self.group.generators().iter().filter_map(split).collect()
    }
}

/// The largest number of rows that are compared pair by pair.
const MOST_ROWS: usize = 50_000;

/// Reads the group out of `symmetry (m n × k, row by row)`, a symmetry matrix in any basis of its columns.
///
/// Equal rows are tied weights; the permutations of outputs and inputs that keep the ties are the group. A symmetry is
/// claimed only when the rows form clear clusters, the residual is small, and chance is ruled out
/// ([`RecoveryConfig`]). A plain weight matrix is a symmetry matrix with `k = 1`.
///
/// See `docs/derivations/recovery.md`. Source: Ravanbakhsh, Schneider, Póczos, "Equivariance Through
/// Parameter-Sharing" (ICML 2017), for the group of a pattern; the rest is this project's.
///
/// # Errors
/// When `symmetry` is not `m n × k`, not finite, or has more than 50,000 rows.
///
/// # Example
/// ```
/// use msr_groups::{Action, RecoveryConfig, SharingPattern, dihedral, recover};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let action = Action::natural(&dihedral(6)?);
/// let pattern = SharingPattern::new(&action, &action)?;
/// let found = recover(&pattern.dense(), 6, 6, pattern.free_parameters(), &RecoveryConfig::default())?;
/// assert_eq!(found.name.as_deref(), Some("D_6"));
/// assert_eq!(found.generators()[0].1.to_string(), "(0 1 2 3 4 5)");
/// # Ok(())
/// # }
/// ```
pub fn recover(
    symmetry: &[f64],
    outputs: usize,
    inputs: usize,
    filter_params: usize,
    config: &RecoveryConfig,
) -> Result<Recovery> {
    check_numbers("the symmetry matrix", symmetry, &[outputs, inputs, filter_params])?;
    let rows = outputs * inputs;
    if rows > MOST_ROWS {
        return Err(Error::Config {
            problem: format!("{rows} weights; at most {MOST_ROWS} can be compared pair by pair"),
        });
    }
    let all: Vec<usize> = (0..rows).collect();
    let untied = SharingPattern::from_labels(outputs, inputs, &all)?;
    let mut best: Option<Candidate> = None;
    let views = rows::views(symmetry, rows, filter_params);
    // Each view is a chance of its own.
    let ln_views = (views.len().max(1) as f64).ln();
    for view in views {
        let pattern = SharingPattern::from_labels(outputs, inputs, &view.labels)?;
        let residual = symmetry_residual(&view.data, view.columns, &pattern)?;
        let ln_chance = significance::ln_chance(rows, pattern.free_parameters(), residual, &view.spectrum);
        let ln_chance = (ln_chance + ln_views).min(0.0);
        let clear = view.tolerance.gap() >= config.least_gap && residual <= config.largest_residual;
        // Clear clusters before unclear ones; among equals, those that chance explains least.
        let better = |b: &Candidate| (!clear, ln_chance) < (!b.clear, b.ln_chance);
        if best.as_ref().is_none_or(better) {
            best = Some(Candidate { pattern, tolerance: view.tolerance, residual, ln_chance, clear });
        }
    }
    let Some(Candidate { pattern, tolerance, residual, ln_chance, .. }) = best else {
        let reason = if rows < 2 { "there are fewer than two weights" } else { "all entries are zero" };
        return Ok(nothing(untied, None, 0.0, 0.0, reason.into()));
    };
    let gap = tolerance.gap();
    let tolerance = Some(tolerance);
    let log10_chance = ln_chance / std::f64::consts::LN_10;
    let no = |reason| Ok(nothing(untied.clone(), tolerance, residual, log10_chance, reason));
    if gap < config.least_gap {
        return no(format!(
            "rows form no clear clusters: those between clusters are only {gap:.2} times as far apart as those \
             within (at least {} is asked for)",
            config.least_gap
        ));
    }
    if residual > config.largest_residual {
        return no(format!(
            "the clusters leave a residual of {residual:.3} (at most {} is allowed)",
            config.largest_residual
        ));
    }
    if ln_chance > config.largest_chance.ln() {
        return no(format!(
            "so few numbers could be tied by chance: the bound of its probability is {:.1e} (at most {:.0e} is \
             allowed)",
            ln_chance.exp(),
            config.largest_chance
        ));
    }
    let group = generators::simplified(&pattern_automorphisms(&pattern)?);
    let moves = group.order() > BigUint::from(1u32);
    Ok(Recovery {
        is_orbits: orbits_of(&group, outputs, inputs)? == pattern,
        name: name_of(&group),
        verdict: if moves { Verdict::Exact } else { Verdict::TiesOnly },
        pattern,
        tolerance,
        residual,
        log10_chance,
        group,
    })
}

/// A way to tie the weights.
struct Candidate {
    pattern: SharingPattern,
    tolerance: Tolerance,
    residual: f64,
    ln_chance: f64,
    clear: bool,
}

/// A recovery that claims nothing.
fn nothing(
    pattern: SharingPattern,
    tolerance: Option<Tolerance>,
    residual: f64,
    log10_chance: f64,
    reason: String,
) -> Recovery {
    let group = PermutationGroup::trusted("trivial", pattern.outputs() + pattern.inputs(), Vec::new());
    let (verdict, name) = (Verdict::None { reason }, Some("trivial".into()));
    Recovery { is_orbits: true, pattern, tolerance, residual, log10_chance, verdict, group, name }
}

/// The pattern of a group on outputs followed by inputs.
fn orbits_of(group: &PermutationGroup, outputs: usize, inputs: usize) -> Result<SharingPattern> {
    let part = |from: usize, to: usize| -> Vec<Permutation> {
        group.generators().iter().filter_map(|g| g.restrict(from..to)).collect()
    };
    let output = crate::Action::homomorphism(group, outputs, part(0, outputs))?;
    let input = crate::Action::homomorphism(group, inputs, part(outputs, outputs + inputs))?;
    SharingPattern::new(&output, &input)
}
