//! Which of all clusters, of all views and at all gaps, are claimed. See
//! [recovery.md](crate::derivations::recovery), section 6.

use super::RecoveryConfig;
use super::automorphisms::pattern_automorphisms;
use super::candidate::Candidate;
use super::reason::Reason;
use super::refinement::{ln_noise, separation};
use super::rows::{Cut, View};
use super::subgroups::hidden_difference;
use crate::error::Result;
use crate::group::PermutationGroup;
use crate::sharing::{SharingPattern, symmetry_residual};
use crate::symmetry_matrix::SymmetryMatrix;

/// What noise within its classes would show with a smaller probability is no noise, and the pattern
/// is not claimed. A pattern that is too coarse is a worse answer than one that is too fine, so
/// this asks for less evidence than a claim.
const NOT_NOISE: f64 = 1e-3;
/// The same for clusters that are kept by no permutation, where the coarser ones are.
const SURELY_NOT_NOISE: f64 = 1e-12;

/// The gap from which finer clusters are so clear that they speak against coarser ones. What a
/// learner has not quite tied has gaps, too: in learned matrices up to 1.8, twice as much as a
/// claim asks for.
const CLEAR: f64 = 3.0;
/// The widths of noise between rows that a group ties from which it is too large, without finer
/// clusters that are clear. In learned matrices whose group is right there are up to eight.
pub(super) const WIDE: f64 = 10.0;

/// A pattern whose group is too large, and by how much.
pub(super) struct Refuted {
    pub pattern: SharingPattern,
    pub separation: f64,
}

/// The clusters that say most.
pub(super) struct Choice<'a> {
    pub candidate: Candidate<'a>,
    /// What keeps them from being claimed.
    pub objection: Option<Reason>,
}

/// Of each view, the clusters at its widest gap, or where finer ones show that these hide what is
/// no noise, or where a limit is exceeded, the next finer ones. Of all views, those that chance
/// explains least. `None` without views.
pub(super) fn choose<'a>(
    views: &'a [View],
    shape: (usize, usize),
    config: &RecoveryConfig,
    refuted: &[Refuted],
) -> Result<Option<Choice<'a>>> {
    let mut best: Option<Choice<'a>> = None;
    for view in views {
        let Some(choice) = of_view(view, views, shape, config, refuted)? else { continue };
        let better = best.as_ref().is_none_or(|best| {
            let (open, closed) = (choice.objection.is_none(), best.objection.is_none());
            if open == closed { choice.candidate.is_better_than(&best.candidate) } else { open }
        });
        if better {
            best = Some(choice);
        }
    }
    Ok(best)
}

/// The clusters of one of the `views` that stand for it.
fn of_view<'a>(
    view: &'a View,
    views: &[View],
    shape: (usize, usize),
    config: &RecoveryConfig,
    refuted: &[Refuted],
) -> Result<Option<Choice<'a>>> {
    let mut first: Option<Choice<'a>> = None;
    // What a finer pattern must explain better than noise does.
    let mut passed: Vec<SharingPattern> = Vec::new();
    for cut in &view.cuts[view.widest..] {
        if first.is_some() && cut.tolerance.gap() < config.least_gap {
            continue;
        }
        let candidate = Candidate::new(view, cut, shape, views.len(), config)?;
        let objection = objection(&candidate, views, config, refuted)?;
        if objection.is_none() {
            let refutes = |coarse| is_refuted_by(coarse, view, cut, views.len());
            if passed.iter().map(refutes).collect::<Result<Vec<bool>>>()?.into_iter().all(|refutes| refutes) {
                return Ok(Some(Choice { candidate, objection }));
            }
        }
        if !matches!(objection, Some(Reason::LargeResidual { .. })) {
            passed.push(candidate.pattern.clone());
        }
        first.get_or_insert(Choice { candidate, objection });
    }
    Ok(first)
}

/// What keeps a pattern from being claimed: a limit, or what it hides.
fn objection(
    candidate: &Candidate<'_>,
    views: &[View],
    config: &RecoveryConfig,
    refuted: &[Refuted],
) -> Result<Option<Reason>> {
    if let Some(reason) = candidate.objection(config) {
        return Ok(Some(reason));
    }
    if let Some(known) = refuted.iter().find(|known| known.pattern == candidate.pattern) {
        return Ok(Some(Reason::HiddenDifference { separation: known.separation }));
    }
    for (view, cut) in cuts_of(views) {
        let shape = (candidate.pattern.outputs(), candidate.pattern.inputs());
        if cut.tolerance.gap() >= CLEAR
            && Candidate::new(view, cut, shape, views.len(), config)?.objection(config).is_none()
            && is_refuted_by(&candidate.pattern, view, cut, views.len())?
        {
            let separation = separation(view, candidate.labels(), &cut.labels);
            return Ok(Some(Reason::HiddenDifference { separation }));
        }
    }
    Ok(None)
}

/// How many widths of noise are at most between rows that a claimed pattern ties, where that is
/// more than noise explains: by what its elements say, or by any finer clusters, clear or not.
pub(super) fn doubt(
    candidate: &Candidate<'_>,
    views: &[View],
    by_elements: Option<f64>,
) -> Result<Option<f64>> {
    let mut doubt = by_elements;
    for (view, cut) in cuts_of(views) {
        if is_refuted_by(&candidate.pattern, view, cut, views.len())? {
            let separation = separation(view, candidate.labels(), &cut.labels);
            doubt = Some(doubt.map_or(separation, |doubt| doubt.max(separation)));
        }
    }
    Ok(doubt)
}

/// All clusters, with the view that they are of.
fn cuts_of(views: &[View]) -> impl Iterator<Item = (&View, &Cut)> {
    views.iter().flat_map(|view| view.cuts.iter().map(move |cut| (view, cut)))
}

/// Whether a cut of one of so many views shows a difference within the classes of a coarser pattern
/// that noise would not, and that is not all of the coarser pattern's symmetry: noise that is not
/// normal has clusters too, but hardly ever those of a group.
fn is_refuted_by(coarse: &SharingPattern, view: &View, cut: &Cut, views: usize) -> Result<bool> {
    // Each view is a chance of its own.
    let ln_bound = ln_noise(view, coarse.labels(), &cut.labels) + (views.max(1) as f64).ln();
    if ln_bound > NOT_NOISE.ln() {
        return Ok(false);
    }
    if ln_bound <= SURELY_NOT_NOISE.ln() {
        return Ok(true);
    }
    let both: Vec<(u32, u32)> = coarse.labels().iter().copied().zip(cut.labels.iter().copied()).collect();
    let finer = SharingPattern::from_labels(coarse.outputs(), coarse.inputs(), &both)?;
    let is_trivial = |pattern| Ok(pattern_automorphisms(pattern)?.generators().is_empty());
    Ok(!is_trivial(&finer)? || is_trivial(coarse)?)
}

/// How many widths of noise are between rows that the group of a pattern ties, where that is no
/// noise: then the group is too large.
pub(super) fn refuted_by_elements(
    views: &[View],
    pattern: &SharingPattern,
    group: &PermutationGroup,
) -> Option<Refuted> {
    let separation = hidden_difference(views, pattern, group, NOT_NOISE.ln())?;
    Some(Refuted { pattern: pattern.clone(), separation })
}

/// Coarser clusters, and how far they are from those that were chosen.
pub(super) struct Coarser {
    pub pattern: SharingPattern,
    /// On the rows as they are.
    pub residual: f64,
    pub separation: f64,
}

/// Coarser clusters of any view that would be claimed by the usual limits, were it not for what
/// they hide, the finest first.
pub(super) fn coarser(chosen: &Candidate<'_>, views: &[View], shape: (usize, usize)) -> Result<Vec<Coarser>> {
    let config = RecoveryConfig::default();
    let mut found: Vec<Coarser> = Vec::new();
    for view in views {
        for cut in view.cuts.iter().filter(|cut| cut.tolerance.gap() >= config.least_gap) {
            let candidate = Candidate::new(view, cut, shape, views.len(), &config)?;
            let is_coarser = chosen.pattern.is_finer_than(&candidate.pattern)
                && candidate.pattern.free_parameters() < chosen.pattern.free_parameters();
            let is_known = found.iter().any(|other| other.pattern == candidate.pattern);
            if !is_coarser || is_known || candidate.objection(&config).is_some() {
                continue;
            }
            // Leading singular vectors may leave out what separates the two, and whitening makes it
            // larger than it is.
            let rows = SymmetryMatrix::new(&views[0].data, shape.0, shape.1)?;
            let residual = symmetry_residual(rows, &candidate.pattern)?;
            if residual <= config.largest_residual {
                let separation = separation(chosen.view, candidate.labels(), chosen.labels());
                found.push(Coarser { pattern: candidate.pattern, residual, separation });
            }
        }
    }
    found.sort_by_key(|coarser| std::cmp::Reverse(coarser.pattern.free_parameters()));
    Ok(found)
}
