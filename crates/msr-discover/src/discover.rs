//! Finding on one half of the tasks, confirming on the other.

use std::collections::HashSet;

use msr_groups::{Permutation, PermutationGroup, SignedPattern, SignedPermutation, name_of, signed_pairs};
use nalgebra::DMatrix;
use num_bigint::BigUint;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::candidates::{candidates, chain};
use crate::config::DiscoverConfig;
use crate::confirm::{Asymmetry, asymmetry, scores};
use crate::error::{Error, Result};
use crate::groups::{group_of, ln};
use crate::guard::plants_found;
use crate::learn::{Learned, MOST_UNKNOWNS, best_noise, learn};
use crate::moments::Moments;
use crate::search::Pair;
use crate::statistics::{Coincidence, Interval, Sample, ratio};
use crate::tasks::{Scaled, Tasks, scaled};
use crate::ties::Ties;
use crate::verdict::{Bounds, Symmetry, Tested, Verdict, VerdictKind, Why};

/// The fewest tasks that confirm.
const FEWEST: usize = 10;
/// Patterns that are looked at on the second half in all.
const MOST_TESTED: usize = 60;
/// The level is divided by this for each bound of an interval, and for the score: many patterns are
/// tried.
const PARTS: f64 = 20.0;
/// Below it, nothing can be said.
const VISIBLE: f64 = 0.2;
/// The most weights: the search holds the products of all rows with all rows.
const MOST_WEIGHTS: usize = 4_096;
/// A pattern is worse than another one when its density is below by so many errors.
const WORSE: f64 = 3.0;
/// The ln of the probability of a coincidence that is accepted.
const LN_COINCIDENCE: f64 = -6.907_755_278_982_137;

/// What the tasks of one half, and what was learned of the other, say of a pattern.
struct Row {
    ties: Ties,
    pairs: Vec<Pair>,
    interval: Interval,
    /// Of the score.
    p_score: f64,
    /// Of the density, tied less untied, a number.
    gain: Sample,
    visible: f64,
    ln_coincidence: f64,
    densities: Vec<f64>,
    /// The tasks that the asymmetry is of.
    confirmed_on: usize,
    group: Option<(PermutationGroup, BigUint)>,
    is_accepted: bool,
    is_rejected: bool,
}

struct Course<'a> {
    config: DiscoverConfig,
    shape: (usize, usize),
    learned: &'a Learned,
    confirming: Vec<&'a Scaled>,
    /// Of the tasks that find, and of those that confirm.
    found_on: Vec<Moments>,
    moments: Vec<Moments>,
    sigma: DMatrix<f64>,
    untied: Vec<f64>,
    rank: f64,
    rng: ChaCha8Rng,
    rows: Vec<Row>,
    known: HashSet<SignedPattern>,
}

/// Which permutations of outputs and inputs do the tasks share?
///
/// Half of the tasks are used to find candidates, and the other half to accept or refuse them. A
/// symmetry is found when what breaks it is less than the tolerance with high confidence, a score
/// test sees nothing of it, chance is ruled out, and all larger candidates were refused; there is
/// none when all candidates were refused and an exchange planted in these data would have been
/// found.
///
///
/// # Errors
/// [`Error::Data`] when there are fewer than two tasks, or all inputs are the same;
/// [`Error::Config`] for numbers outside their range; [`Error::Groups`] when there are too many
/// inputs and outputs.
pub fn discover(tasks: &Tasks, config: &DiscoverConfig) -> Result<Verdict> {
    config.check()?;
    tasks.check()?;
    let (outputs, inputs) = (tasks.outputs(), tasks.inputs());
    if outputs.checked_mul(inputs).is_none_or(|weights| weights > MOST_WEIGHTS) || inputs > MOST_UNKNOWNS {
        return Err(Error::config(format!(
            "{inputs} inputs and {outputs} outputs; at most {MOST_UNKNOWNS} inputs and {MOST_WEIGHTS} weights, inputs times \
             outputs, can be searched: choose some, or average neighbours"
        )));
    }
    let all = scaled(tasks)?;
    let shape = (tasks.outputs(), tasks.inputs());
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.shuffle(&mut rng);
    let (finding, confirming) = order.split_at(all.len() / 2);
    if confirming.len() < FEWEST || finding.len() < FEWEST {
        return Ok(Verdict::undecided(
            *config,
            shape,
            Why::FewTasks { needed: 2 * FEWEST },
            Vec::new(),
            None,
        ));
    }
    let of = |which: &[usize]| which.iter().map(|&i| all[i].moments.clone()).collect::<Vec<_>>();
    let found_on = of(finding);
    let Some(learned) = learn(&found_on) else {
        return Ok(Verdict::undecided(*config, shape, Why::NotLearned, Vec::new(), None));
    };
    // With the noise that suits them best, as it is of ties.
    let untied = Learned { noise: best_noise(&found_on, &learned), ..learned.clone() };
    let (raw, kept) = candidates(&found_on, &learned, shape, config, &mut rng)?;
    let moments = of(confirming);
    let all_moments: Vec<&Moments> = all.iter().map(|task| &task.moments).collect();
    let numbers: usize = all_moments.iter().map(|m| m.numbers).sum();
    let mut sigma = DMatrix::<f64>::zeros(shape.1, shape.1);
    for task in &all_moments {
        sigma += &task.xx;
    }
    sigma *= shape.0 as f64 / numbers.max(1) as f64;
    let mut course = Course {
        config: *config,
        shape,
        learned: &learned,
        confirming: confirming.iter().map(|&i| &all[i]).collect(),
        untied: untied.densities(&moments),
        found_on,
        moments,
        sigma,
        rank: learned.effective_rank(finding.len()),
        rng,
        rows: Vec::new(),
        known: HashSet::new(),
    };
    for pairs in chain(&kept, shape)? {
        course.test(pairs)?;
    }
    let mut best = course.choose();
    // Larger groups: each kept candidate together with the best so far, and again while that helps.
    while let Some(at) = best {
        for candidate in &kept {
            if course.rows.len() >= MOST_TESTED {
                break;
            }
            let mut pairs = course.rows[at].pairs.clone();
            pairs.push(candidate.pair.clone());
            course.test(pairs)?;
        }
        let next = course.choose();
        if next == best {
            break;
        }
        best = next;
    }
    if best.is_none() {
        for candidate in raw.iter().take(8) {
            course.test(vec![candidate.pair.clone()])?;
        }
    }
    course.verdict(best, || {
        let finding: Vec<&Scaled> = finding.iter().map(|&i| &all[i]).collect();
        plants_found(&finding, &learned, shape, config.signed, config.seed)
    })
}

impl Course<'_> {
    /// What the confirming tasks say of the pattern of these pairs, unless that is known.
    fn test(&mut self, pairs: Vec<Pair>) -> Result<()> {
        let pattern = SignedPattern::from_pairs(self.shape.0, self.shape.1, &pairs)?;
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
                interval: Interval { value: 0.0, lower: f64::NEG_INFINITY, upper: f64::INFINITY },
                p_score: 1.0,
                gain: Sample::of(&[]),
                visible: 0.0,
                ln_coincidence: 0.0,
                densities: Vec::new(),
                confirmed_on: 0,
                group: None,
                is_accepted: false,
                is_rejected: false,
            },
        };
        self.rows.push(row);
        Ok(())
    }

    /// The densities of the tasks with the ties, their scores, and their asymmetry; `None` when
    /// equations have no solution, or the inputs do not show what is tied.
    fn evidence(&mut self, ties: &Ties) -> Option<(Vec<f64>, Vec<f64>, Asymmetry)> {
        // What is common to the tasks that find, were their weights tied.
        let tied = self.learned.tied(&self.found_on, ties)?;
        let moments: Vec<Moments> = self.moments.iter().map(|task| ties.moments(task)).collect();
        let found = scores(&self.moments, self.learned, ties)?;
        let seen = asymmetry(&self.confirming, &tied, ties, &self.sigma, &mut self.rng)?;
        Some((tied.densities(&moments), found, seen))
    }

    fn row(
        &self,
        ties: Ties,
        pairs: Vec<Pair>,
        (densities, found, seen): (Vec<f64>, Vec<f64>, Asymmetry),
    ) -> Result<Row> {
        let gains: Vec<f64> = densities.iter().zip(&self.untied).map(|(a, b)| a - b).collect();
        let (gain, p_score) = (Sample::of(&gains), Sample::of(&found).p_above());
        let DiscoverConfig { tolerance, level, signed, .. } = self.config;
        let level = level / PARTS;
        let interval = ratio(&seen.apart, &seen.reference, level);
        let is_zero = Sample::of(&seen.apart).p_above() > 1e-3 || interval.value < tolerance / 50.0;
        let is_small =
            interval.upper < tolerance && interval.lower > -2.0 * tolerance && interval.value > -tolerance;
        let has_floor = self.learned.floor > 0.0;
        let is_visible = seen.visible > VISIBLE;
        let fits = is_small && is_zero && p_score > 1e-3 && is_visible && (!has_floor || gain.t() > -3.3);
        let (mut group, mut ln_coincidence) = (None, 0.0);
        if fits {
            let (found, order) = group_of(&ties.pattern)?;
            let tied = ties.is_tied().iter().filter(|&&tied| tied).count();
            ln_coincidence = Coincidence {
                outputs: self.shape.0,
                inputs: self.shape.1,
                signed,
                ln_order: ln(&order),
                tied,
                kinds: ties.tied_kinds(),
                rank: self.rank,
                asymmetry: interval.upper.max(1e-6),
            }
            .ln_bound();
            group = (order > BigUint::from(1u32)).then_some((found, order));
        }
        let confirmed_on = seen.apart.len();
        let is_accepted = group.is_some() && ln_coincidence < LN_COINCIDENCE && confirmed_on >= FEWEST;
        let is_against =
            interval.lower > tolerance / 10.0 || (p_score < level && interval.value > tolerance / 25.0);
        let (visible, is_rejected) = (seen.visible, is_against && is_visible && !is_accepted);
        Ok(Row {
            ties,
            pairs,
            interval,
            p_score,
            gain,
            visible,
            ln_coincidence,
            densities,
            confirmed_on,
            group,
            is_accepted,
            is_rejected,
        })
    }

    /// Of the accepted patterns whose density is not clearly below the best, the one that ties
    /// the most.
    fn choose(&self) -> Option<usize> {
        let accepted = || (0..self.rows.len()).filter(|&at| self.rows[at].is_accepted);
        let density = |at: usize| Sample::of(&self.rows[at].densities).mean;
        let best = accepted().max_by(|&a, &b| density(a).total_cmp(&density(b)))?;
        let is_worse = |at: usize| {
            let apart: Vec<f64> =
                self.rows[at].densities.iter().zip(&self.rows[best].densities).map(|(a, b)| a - b).collect();
            let apart = Sample::of(&apart);
            apart.mean < -WORSE * apart.error - 1e-12
        };
        accepted().filter(|&at| !is_worse(at)).min_by_key(|&at| self.rows[at].ties.free())
    }

    fn verdict(self, best: Option<usize>, plants: impl FnOnce() -> usize) -> Result<Verdict> {
        let bounds = |row: &Row| Bounds {
            value: row.interval.value,
            lower: row.interval.lower,
            upper: row.interval.upper,
        };
        let tested: Vec<Tested> = self
            .rows
            .iter()
            .map(|row| Tested {
                pattern: row.ties.pattern.clone(),
                asymmetry: bounds(row),
                p_score: row.p_score,
                gain: row.gain.mean,
                visible: row.visible,
                ln_coincidence: row.ln_coincidence,
                order: row.group.as_ref().map(|(_, order)| order.clone()),
                is_accepted: row.is_accepted,
                is_refused: row.is_rejected,
            })
            .collect();
        let (config, shape) = (self.config, self.shape);
        if let Some(at) = best {
            let row = &self.rows[at];
            let Some((group, order)) = &row.group else {
                return Ok(Verdict::undecided(config, shape, Why::NotConfirmed, tested, None));
            };
            // A larger group that could be neither accepted nor refused.
            let is_open = |other: &Row| {
                other.ties.free() < row.ties.free()
                    && !other.is_rejected
                    && row.ties.pattern.is_finer_than(&other.ties.pattern)
            };
            let is_whole = !self.rows.iter().any(is_open) && self.rows.len() < MOST_TESTED;
            let generators = match row.ties.pattern.unsigned() {
                Some(_) => {
                    let split = |g: &Permutation| {
                        let (m, n) = shape;
                        Some((g.restrict(0..m)?.into(), g.restrict(m..m + n)?.into()))
                    };
                    group.generators().iter().filter_map(split).collect()
                }
                None => {
                    let mut pairs = signed_pairs(group, shape.0, shape.1);
                    // Minus one on both sides moves no weight.
                    let is_minus = |g: &SignedPermutation| g.negated().is_identity();
                    pairs.retain(|(y, x)| !(is_minus(y) && is_minus(x)));
                    pairs
                }
            };
            let name = row.ties.pattern.unsigned().and_then(|_| name_of(group));
            let symmetry = Symmetry {
                order: order.clone(),
                name,
                pattern: row.ties.pattern.clone(),
                generators,
                asymmetry: bounds(row),
                confirmed_on: row.confirmed_on,
            };
            let kind = if is_whole { VerdictKind::Found(symmetry) } else { VerdictKind::AtLeast(symmetry) };
            return Ok(Verdict::new(config, shape, kind, tested));
        }
        if !self.rows.is_empty() && self.rows.iter().all(|row| row.is_rejected) {
            let found = plants();
            if found == crate::guard::PLANTS {
                return Ok(Verdict::new(config, shape, VerdictKind::None, tested));
            }
            return Ok(Verdict::undecided(config, shape, Why::Blind { found }, tested, None));
        }
        // The pattern that lacks nothing but a narrower interval.
        let more = self
            .rows
            .iter()
            .filter(|row| {
                !row.is_rejected
                    && row.visible > VISIBLE
                    && row.p_score > 1e-3
                    && row.interval.value < config.tolerance
                    && row.interval.upper.is_finite()
            })
            .map(|row| {
                let (value, upper) = (row.interval.value, row.interval.upper);
                let factor = ((upper - value) / (config.tolerance - value.max(0.0))).powi(2);
                ((factor - 1.0).max(0.0) * 2.0 * self.confirming.len() as f64).ceil()
            })
            .filter(|more| *more >= 1.0 && *more < 1e7)
            .min_by(f64::total_cmp)
            .map(|more| more as usize);
        Ok(Verdict::undecided(config, shape, Why::NotConfirmed, tested, more))
    }
}
