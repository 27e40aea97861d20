//! What the tasks that confirm say of patterns.

use std::collections::{HashMap, HashSet};

use msr_groups::{PermutationGroup, SignedPattern};
use nalgebra::DMatrix;
use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;

use crate::asymmetry::{Asymmetry, asymmetry};
use crate::config::DiscoverConfig;
use crate::confirm::scores;
use crate::error::{Error, Result};
use crate::generators::{pairs_of, plain_name, signed_name};
use crate::groups::ln;
use crate::learn::Learned;
use crate::moments::Moments;
use crate::search::Pair;
use crate::space::Space;
use crate::statistics::{Coincidence, Interval, Sample, clamped, tasks_for_ratio};
use crate::tasks::Scaled;
use crate::ties::Ties;
use crate::verdict::{Bounds, Generator, Open, Symmetry, Tested};

/// The fewest tasks that confirm.
pub(crate) const FEWEST: usize = 10;
/// Patterns that are looked at on the second half in all.
pub(crate) const MOST_TESTED: usize = 60;
/// The level is divided by this for each bound of an interval, and for the score: many patterns are
/// tried.
const PARTS: f64 = 20.0;
/// Below it, nothing can be said.
pub(crate) const VISIBLE: f64 = 0.2;
/// A pattern is worse than another one when its density is below by so many errors.
const WORSE: f64 = 3.0;
/// And by at least this, a number: noise that goes with x makes more of a difference to a density
/// that knows but one noise.
const LITTLE_WORSE: f64 = 0.003;
/// What is beside the strongest direction where only one was learned.
pub(crate) const LITTLE: f64 = 0.05;
/// Where less than this of the variation is beside its strongest direction, that direction is less
/// and less what to compare with.
const FEW_OTHERS: f64 = 0.2;
/// Over a floor, the density of what is accepted is not below that without ties by so many errors.
const LESS: f64 = 0.5;
/// The same over a floor that is next to nothing.
const LESS_OVER_LOW: f64 = 3.3;
/// A floor below it is, in units of the size of a weight.
const LOW: f64 = 0.05;
/// What is common to tasks varies from one to the other when its error is so many times that of
/// what breaks a pattern, which has the same noise.
const NOISE_IN: f64 = 3.0;
/// So many errors below, tasks are far less likely.
const FAR_WORSE: f64 = 4.0;
/// A generator is seen when less than this of what it moves breaks it.
const MOST_BROKEN: f64 = 0.5;
/// The probability on each side of an interval of 95 %.
pub(crate) const SIDE: f64 = 0.025;

/// What the tasks of one half, and what was learned of the other, say of a pattern.
pub(crate) struct Row {
    pub ties: Ties,
    pub pairs: Vec<Pair>,
    pub interval: Interval,
    /// The estimate alone, and what tied weights leave of held-out examples, in the same units.
    pub parts: (Interval, Interval),
    /// Of the score.
    pub p_score: f64,
    /// Of the density, tied less untied, a number.
    pub gain: Sample,
    pub visible: f64,
    pub ln_coincidence: f64,
    pub densities: Vec<f64>,
    /// The tasks that the asymmetry is of.
    pub confirmed_on: usize,
    /// What the bound of the asymmetry must be below: the tolerance, or less beside one strong
    /// direction.
    pub most: f64,
    /// How many of them it would take for the asymmetry to have such a bound, where it has none,
    /// and whether that is because what is common to the tasks varies from one to the other, more
    /// than by noise.
    pub bounded_from: Option<(usize, bool)>,
    pub group: Option<(PermutationGroup, BigUint)>,
    pub is_accepted: bool,
    pub is_rejected: bool,
    pub open: Option<Open>,
}

/// The share of the tolerance that may be broken where this share of the variation is beside its
/// strongest direction: beside that all looks small, and must be small beside the others too.
fn asked_for(rest: f64) -> f64 {
    rest.max((rest / FEW_OTHERS).powi(2)).min(1.0)
}

/// What the tasks that confirm say of ties.
struct Evidence {
    densities: Vec<f64>,
    scores: Vec<f64>,
    seen: Asymmetry,
    /// The share of the variation of the tied weights beside their strongest direction.
    rest: f64,
}

/// The tasks that confirm, what was learned of the others, and what was tested.
pub(crate) struct Course<'a> {
    pub config: &'a DiscoverConfig,
    pub space: &'a Space,
    pub learned: &'a Learned,
    pub confirming: Vec<&'a Scaled>,
    /// Of the tasks that find, and of those that confirm.
    pub found_on: Vec<Moments>,
    pub moments: Vec<Moments>,
    pub sigma: DMatrix<f64>,
    pub untied: Vec<f64>,
    pub rank: f64,
    pub rng: ChaCha8Rng,
    pub rows: Vec<Row>,
    pub known: HashSet<SignedPattern>,
    /// What [`Course::breaking`] found.
    pub broken: HashMap<SignedPattern, Option<(Bounds, usize)>>,
}

impl Course<'_> {
    /// The probability of an error on each side of the bounds that decide.
    pub fn level(&self) -> f64 {
        self.config.level / PARTS
    }

    /// What the confirming tasks say of the pattern of these pairs, unless that is known.
    pub fn test(&mut self, pairs: Vec<Pair>) -> Result<()> {
        let pattern = self.space.pattern(&pairs)?;
        if pattern.free_parameters() == 0 || !self.known.insert(pattern.clone()) {
            return Ok(());
        }
        let ties = Ties::new(pattern);
        let row = match self.evidence(&ties) {
            Some(evidence) => self.row(ties, pairs, evidence)?,
            // What cannot be tested stays open.
            None => Row {
                ties,
                pairs,
                interval: Interval { value: 0.0, ..Interval::UNKNOWN },
                parts: (Interval::UNKNOWN, Interval::UNKNOWN),
                p_score: 1.0,
                gain: Sample::of(&[]),
                visible: 0.0,
                ln_coincidence: 0.0,
                densities: Vec::new(),
                confirmed_on: 0,
                most: self.config.tolerance,
                bounded_from: None,
                group: None,
                is_accepted: false,
                is_rejected: false,
                open: Some(Open::Untested),
            },
        };
        self.rows.push(row);
        Ok(())
    }

    /// The densities of the tasks with the ties, their scores, and their asymmetry; `None` when
    /// equations have no solution, or the inputs do not show what is tied.
    fn evidence(&mut self, ties: &Ties) -> Option<Evidence> {
        // What is common to the tasks that find, were their weights tied.
        let tied = self.learned.tied(&self.found_on, ties)?;
        let found = scores(&self.moments, self.learned, ties)?;
        let seen = asymmetry(&self.confirming, &tied, ties, self.learned, &self.sigma, &mut self.rng)?;
        let (densities, rest) = (tied.tied_densities(&self.moments, ties), tied.beside_the_strongest());
        Some(Evidence { densities, scores: found, seen, rest })
    }

    fn row(
        &mut self,
        ties: Ties,
        pairs: Vec<Pair>,
        Evidence { densities, scores: found, seen, rest }: Evidence,
    ) -> Result<Row> {
        let gains: Vec<f64> = densities.iter().zip(&self.untied).map(|(a, b)| a - b).collect();
        let gain = Sample::of(&gains);
        // The first sees what goes with the tied weights, the second what does not.
        let least = Sample::of(&found).p_above().min(Sample::of(&seen.along).p_above());
        let p_score = (2.0 * least).min(1.0);
        let DiscoverConfig { tolerance, signed, .. } = *self.config;
        let level = self.level();
        let (interval, parts) = (seen.interval(level), (seen.estimate(level), seen.residual(level)));
        let is_zero = Sample::of(&seen.apart).p_above() > 1e-3 || interval.value < tolerance / 50.0;
        let is_bounded = interval.lower > -2.0 * tolerance && interval.value > -tolerance;
        // Over a floor a density sees what goes with no direction that was learned.
        let floor = self.learned.floor * (ties.inputs as f64).sqrt();
        let less = if floor < LOW { LESS_OVER_LOW } else { LESS };
        let is_likely = self.learned.floor == 0.0 || gain.t().min(Sample::of(&clamped(&gains)).t()) > -less;
        let confirmed_on = seen.apart.len();
        let most = tolerance * asked_for(rest);
        let bounded_from = match interval.upper.is_finite() {
            true => None,
            false => tasks_for_ratio(&seen.apart, &seen.reference, most, level).map(|tasks| {
                let error = |of: &[f64]| Sample::of(of).error;
                (tasks, NOISE_IN * error(&seen.apart) < error(&seen.reference))
            }),
        };
        let mut open = [
            (seen.visible <= VISIBLE, Open::Invisible),
            (interval.upper.is_nan() || interval.upper >= tolerance, Open::Wide),
            (parts.1.upper >= tolerance && !is_bounded, Open::BelowZero),
            (interval.upper >= most, Open::Dominated),
            (!is_zero || p_score <= 1e-3, Open::Broken),
            (!is_likely, Open::Unlikely),
        ]
        .into_iter()
        .find_map(|(is_so, why)| is_so.then_some(why));
        let (mut group, mut ln_coincidence) = (None, 0.0);
        if open.is_none() {
            open = Some(Open::NoGroup);
            if let Some((found, order)) = self.group_of(&ties.pattern)? {
                let (tied, kinds) = ties.seen_in();
                let coincidence = Coincidence {
                    outputs: self.space.outputs,
                    inputs: self.space.features.inputs(),
                    signed,
                    moves: ties.tied_kinds() > 0,
                    ln_order: ln(&order),
                    tied,
                    kinds,
                    rank: self.rank,
                    asymmetry: interval.upper.max(1e-6),
                };
                ln_coincidence = coincidence.ln_bound();
                if order > BigUint::from(1u32) {
                    open = match (coincidence.is_ruled_out(), confirmed_on >= FEWEST) {
                        (false, _) => Some(Open::Chance),
                        (true, false) => Some(Open::FewTasks),
                        (true, true) => (!self.are_seen(&ties.pattern, &found)?).then_some(Open::Hidden),
                    };
                    group = Some((found, order));
                }
            }
        }
        let is_accepted = open.is_none();
        let is_against =
            interval.lower > tolerance / 10.0 || (p_score < level && interval.value > tolerance / 25.0);
        let (visible, is_rejected) = (seen.visible, is_against && seen.visible > VISIBLE && !is_accepted);
        Ok(Row {
            ties,
            pairs,
            interval,
            parts,
            p_score,
            gain,
            visible,
            ln_coincidence,
            densities,
            confirmed_on,
            most,
            bounded_from,
            group,
            is_accepted,
            is_rejected,
            open: open.filter(|_| !is_rejected),
        })
    }

    /// The group of a pattern; `None` where it is too large to be found, or the search for it
    /// contradicts itself: nothing can be said then.
    pub fn group_of(&self, pattern: &SignedPattern) -> Result<Option<(PermutationGroup, BigUint)>> {
        match self.space.features.group_of(pattern) {
            Err(Error::Groups(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Of the accepted patterns whose density is not clearly below the best, the one that ties
    /// the most.
    pub fn choose(&self) -> Option<usize> {
        let accepted = || (0..self.rows.len()).filter(|&at| self.rows[at].is_accepted);
        let density = |at: usize| Sample::of(&self.rows[at].densities).mean;
        let best = accepted().max_by(|&a, &b| density(a).total_cmp(&density(b)))?;
        let is_worse = |at: usize| {
            let apart: Vec<f64> =
                self.rows[at].densities.iter().zip(&self.rows[best].densities).map(|(a, b)| a - b).collect();
            let apart = Sample::of(&apart);
            apart.mean < -WORSE * apart.error - LITTLE_WORSE
        };
        accepted().filter(|&at| !is_worse(at)).min_by_key(|&at| self.rows[at].ties.free())
    }

    /// Whether every larger pattern that was tried was refused; or makes the tasks far less likely,
    /// and breaks, by its estimate, more than the tolerance, or something that a score sees.
    pub fn is_whole(&self, best: &Row) -> bool {
        let is_unlikely = |other: &Row| {
            let apart: Vec<f64> = other.densities.iter().zip(&best.densities).map(|(a, b)| a - b).collect();
            let is_seen = other.interval.value > self.config.tolerance || other.p_score < 1e-2;
            is_seen && (Sample::of(&apart).t() < -FAR_WORSE || Sample::of(&clamped(&apart)).t() < -FAR_WORSE)
        };
        let is_open = |other: &Row| {
            other.ties.free() < best.ties.free()
                && !other.is_rejected
                && best.ties.pattern.is_finer_than(&other.ties.pattern)
                && !is_unlikely(other)
        };
        !self.rows.iter().any(is_open) && self.rows.len() < MOST_TESTED
    }

    /// Whether a score sees what an asymmetry does not: that little breaks the pattern of these
    /// pairs, but surely.
    pub fn is_contradicted(&self, pairs: &[Pair], broken: Bounds) -> Result<bool> {
        let ties = Ties::new(self.space.pattern(pairs)?);
        let found = scores(&self.moments, self.learned, &ties).unwrap_or_default();
        Ok(broken.value < self.config.tolerance && Sample::of(&found).p_above() < self.level())
    }

    /// How much of the variation breaks the pattern of these pairs, and the number of tasks that
    /// say so: an interval of 95 %.
    pub fn breaking(&mut self, pairs: &[Pair]) -> Result<Option<(Bounds, usize)>> {
        let ties = Ties::new(self.space.pattern(pairs)?);
        if ties.free() == 0 || ties.free() == ties.weights() {
            return Ok(None);
        }
        if let Some(known) = self.broken.get(&ties.pattern) {
            return Ok(*known);
        }
        let found = self.broken_by(&ties);
        self.broken.insert(ties.pattern, found);
        Ok(found)
    }

    fn broken_by(&mut self, ties: &Ties) -> Option<(Bounds, usize)> {
        let tied = self.learned.tied(&self.found_on, ties)?;
        let seen = asymmetry(&self.confirming, &tied, ties, self.learned, &self.sigma, &mut self.rng)?;
        let found = seen.interval(SIDE);
        let bounds = Bounds { value: found.value, lower: found.lower, upper: found.upper };
        (seen.visible > VISIBLE && bounds.upper.is_finite()).then_some((bounds, seen.apart.len()))
    }

    /// Whether each generator is seen for itself to keep more than half of what it moves: what one
    /// of them leaves can be lost in all that the others tie.
    fn are_seen(&mut self, pattern: &SignedPattern, group: &PermutationGroup) -> Result<bool> {
        let shape = (self.space.outputs, self.space.features.inputs());
        for pair in pairs_of(pattern, group, shape) {
            if !self.breaking(&[pair])?.is_some_and(|(bounds, _)| bounds.upper < MOST_BROKEN) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The symmetry of a pattern with its group: generators with their strengths, its name.
    pub fn symmetry(
        &mut self,
        pattern: &SignedPattern,
        (group, order): &(PermutationGroup, BigUint),
        asymmetry: Bounds,
        confirmed_on: usize,
    ) -> Result<Symmetry> {
        let (m, n) = (self.space.outputs, self.space.features.inputs());
        let pairs = pairs_of(pattern, &group.simplified(), (m, n));
        let mut generators = Vec::new();
        for pair in pairs {
            let broken = self.breaking(std::slice::from_ref(&pair))?.map(|(bounds, _)| bounds);
            generators.push(Generator::new(pair, broken, &self.config.layout));
        }
        let name = match pattern.unsigned() {
            Some(_) => plain_name(group, (m, n)),
            None => signed_name(group, (m, n))?,
        };
        let order = order.clone();
        Ok(Symmetry { order, name, pattern: pattern.clone(), generators, asymmetry, confirmed_on })
    }

    /// What was tested, as it is told.
    pub fn tested(&self) -> Vec<Tested> {
        let of = |row: &Row| Tested {
            pattern: row.ties.pattern.clone(),
            pairs: row.pairs.clone(),
            asymmetry: row.interval.into(),
            p_score: row.p_score,
            gain: row.gain.mean,
            visible: row.visible,
            ln_coincidence: row.ln_coincidence,
            order: row.group.as_ref().map(|(_, order)| order.clone()),
            is_accepted: row.is_accepted,
            is_refused: row.is_rejected,
            open: row.open,
        };
        self.rows.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW_OTHERS, asked_for};

    /// No step anywhere: a set just beside it would be called otherwise than its neighbour.
    #[test]
    fn less_is_allowed_the_stronger_one_direction_is() {
        let of = |at: i32| asked_for(f64::from(at) / 1000.0);
        assert!((1..=1000).all(|at| of(at) >= of(at - 1) && of(at) - of(at - 1) < 0.011));
        assert!(asked_for(FEW_OTHERS) == 1.0 && asked_for(0.1) == 0.25 && asked_for(0.01) == 0.01);
    }
}
