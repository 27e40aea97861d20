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
pub use ranking::{Fit, KnownAction, known_actions, rank_groups};
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

impl RecoveryConfig {
    /// Refuses numbers that would switch a guard off.
    fn check(&self) -> Result<()> {
        let unit = |x: f64| (0.0..=1.0).contains(&x);
        if self.least_gap.is_finite()
            && self.least_gap >= 1.0
            && unit(self.largest_residual)
            && unit(self.largest_chance)
        {
            return Ok(());
        }
        Err(Error::Config {
            problem: format!("recovery needs least_gap ≥ 1, residual and chance in 0 to 1; got {self:?}"),
        })
    }
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
    /// Its usual name, when one can be proved; `None` when nothing is claimed.
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
/// When `symmetry` is not `m n × k`, not finite, or has more than 50,000 rows of two or more columns;
/// when a number of `config` is outside its range.
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
    config.check()?;
    let rows = outputs * inputs;
    if rows > MOST_ROWS && filter_params > 1 {
        return Err(Error::Config {
            problem: format!(
                "{rows} weights with {filter_params} columns; at most {MOST_ROWS} rows can be compared pair by pair. \
                 Rank known groups with `rank_groups`, or look at a part of the matrix"
            ),
        });
    }
    // In units of the largest entry, so that squares neither overflow nor vanish.
    let largest = symmetry.iter().fold(0.0f64, |l, u| l.max(u.abs()));
    let symmetry: Vec<f64> = symmetry.iter().map(|u| if largest > 0.0 { u / largest } else { 0.0 }).collect();
    let symmetry = &symmetry[..];
    let all: Vec<usize> = (0..rows).collect();
    let untied = SharingPattern::from_labels(outputs, inputs, &all)?;
    let mut best: Option<Candidate> = None;
    let views = rows::views(symmetry, rows, filter_params);
    // Each view is a chance of its own.
    let ln_views = (views.len().max(1) as f64).ln();
    for view in views {
        let pattern = SharingPattern::from_labels(outputs, inputs, &view.labels)?;
        let residual = symmetry_residual(&view.data, view.columns, &pattern)?;
        let tied = Tied::new(&view, &pattern);
        // A few large rows that are tied to nothing must not make the differences of all others look small.
        let residual = residual.max(tied.residual);
        let ln_chance = significance::ln_chance(rows, tied.rows, tied.classes, residual, &tied.spectrum);
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
            "chance could tie weights as closely as this: the bound of its probability is {:.0e} (at most {:.0e} is \
             allowed)",
            ln_chance.exp(),
            config.largest_chance
        ));
    }
    let group = generators::simplified(&pattern_automorphisms(&pattern)?);
    let moves = group.order() > BigUint::from(1u32);
    let name = name_of(&group);
    let group = name.as_ref().map_or_else(|| group.clone(), |name| group.named(name.as_str()));
    Ok(Recovery {
        is_orbits: orbits_of(&group, outputs, inputs)? == pattern,
        name,
        verdict: if moves { Verdict::Exact } else { Verdict::TiesOnly },
        pattern,
        tolerance,
        residual,
        log10_chance,
        group,
    })
}

/// The rows that are tied to others, without those that stand alone.
struct Tied {
    rows: usize,
    classes: usize,
    residual: f64,
    /// The eigenvalues of their Gram matrix.
    spectrum: Vec<f64>,
}

impl Tied {
    fn new(view: &rows::View, pattern: &SharingPattern) -> Self {
        let c = view.columns;
        let in_company = |label: u32| pattern.sizes()[label as usize] > 1;
        let kept: Vec<(usize, u32)> =
            pattern.labels().iter().copied().enumerate().filter(|&(_, label)| in_company(label)).collect();
        let classes = pattern.sizes().iter().filter(|&&size| size > 1).count();
        let mut means = vec![0.0; pattern.free_parameters() * c];
        for &(row, label) in &kept {
            let size = f64::from(pattern.sizes()[label as usize]);
            for column in 0..c {
                means[label as usize * c + column] += view.data[row * c + column] / size;
            }
        }
        let (mut off, mut size) = (0.0, 0.0);
        for &(row, label) in &kept {
            for column in 0..c {
                let value = view.data[row * c + column];
                off += (value - means[label as usize * c + column]).powi(2);
                size += value * value;
            }
        }
        let residual = if size > 0.0 { (off / size).sqrt() } else { 0.0 };
        let matrix = nalgebra::DMatrix::from_fn(kept.len(), c, |i, j| view.data[kept[i].0 * c + j]);
        let spectrum = if kept.is_empty() {
            Vec::new()
        } else {
            (matrix.transpose() * &matrix).symmetric_eigenvalues().iter().map(|l| l.max(0.0)).collect()
        };
        Self { rows: kept.len(), classes, residual, spectrum }
    }
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
    let (verdict, name) = (Verdict::None { reason }, None);
    Recovery { is_orbits: true, pattern, tolerance, residual, log10_chance, verdict, group, name }
}

/// The pattern of a group on outputs followed by inputs.
fn orbits_of(group: &PermutationGroup, outputs: usize, inputs: usize) -> Result<SharingPattern> {
    let part = |g: &Permutation, from: usize, to: usize| g.restrict(from..to);
    let whole = outputs + inputs;
    let split = |g: &Permutation| Some((part(g, 0, outputs)?, part(g, outputs, whole)?));
    let moves: Vec<(Permutation, Permutation)> = group.generators().iter().filter_map(split).collect();
    SharingPattern::from_moves(outputs, inputs, moves.iter().map(|(y, x)| (y, x)))
}
