//! How much of the variation of tasks' weights breaks a pattern.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::learn::{Learned, middle, own_noise};
use crate::moments::Moments;
use crate::prior::Prior;
use crate::statistics::{Interval, Sample, ratio};
use crate::tasks::{CENTRED_FROM, Scaled, centred};
use crate::ties::Ties;

/// Groups of the examples of a task that are held out one after the other.
const PARTS: usize = 6;
/// The same of many weights, whose fits take long: six pairs in place of fifteen.
const FEW_PARTS: usize = 4;
/// So many weights are many.
const MANY: usize = 1_024;
/// Fewer free numbers tell nothing of the noise of a task.
const FEWEST_FREE: usize = 4;
/// Means differ when they do by so many errors.
const DIFFER: f64 = 4.0;

/// What of the variation breaks a pattern, task by task.
#[derive(Clone, Debug)]
pub(crate) struct Asymmetry {
    /// `|(1 − P) W|²` a degree of freedom.
    pub apart: Vec<f64>,
    /// The variation of the tied weights a degree of freedom.
    pub reference: Vec<f64>,
    /// What tied weights leave of held-out examples: noise, and all that breaks the pattern, in the
    /// units of `apart`; empty where that was not computed.
    pub left: Vec<f64>,
    /// The same as `apart`, along what was learned of the asymmetry alone, in other units.
    pub along: Vec<f64>,
    /// How much of the exchange the inputs show: one for independent inputs, zero where two of them
    /// are the same.
    pub visible: f64,
}

impl Asymmetry {
    /// α with one-sided bounds at `level`. What tied weights leave of held-out examples bounds it
    /// from above as well, and better where there are few examples and little noise.
    pub fn interval(&self, level: f64) -> Interval {
        let mut found = self.estimate(level);
        let upper = self.residual(level).upper;
        if upper < found.upper {
            found.upper = upper;
            found.value = found.value.min(upper);
            found.lower = found.lower.min(found.value);
        }
        found
    }

    /// α by the estimate alone.
    pub fn estimate(&self, level: f64) -> Interval {
        ratio(&self.apart, &self.reference, level)
    }

    /// What tied weights leave of held-out examples, in units of α.
    pub fn residual(&self, level: f64) -> Interval {
        match self.left.is_empty() {
            true => Interval::UNKNOWN,
            false => ratio(&self.left, &self.reference, level),
        }
    }
}

/// The pseudo-inverse of the covariance of the inputs, a little regularised.
fn inverse(of: &DMatrix<f64>) -> DMatrix<f64> {
    let eigen = of.clone().symmetric_eigen();
    let largest = eigen.eigenvalues.max();
    let middle = eigen.eigenvalues.mean();
    let values = eigen
        .eigenvalues
        .map(|value| if value > 1e-7 * largest { 1.0 / (value + 1e-3 * middle) } else { 0.0 });
    &eigen.eigenvectors * DMatrix::from_diagonal(&values) * eigen.eigenvectors.transpose()
}

/// Whether the means of the tasks' inputs differ by more than chance: `s |x̄|²` in the metric of
/// the inverse covariance has the mean n otherwise.
fn means_differ(tasks: &[&Scaled], inverse: &DMatrix<f64>) -> bool {
    let n = inverse.nrows() as f64;
    let values = tasks.iter().filter(|task| task.is_centred).map(|task| {
        let mean = task.x.row_mean();
        task.x.nrows() as f64 * (&mean * inverse).dot(&mean)
    });
    let values: Vec<f64> = values.collect();
    let found = Sample::of(&values);
    let by_chance = (2.0 * n / found.count.max(1) as f64).sqrt();
    found.count > 1 && found.mean > n + DIFFER * by_chance.max(found.error)
}

/// q = σ²/s of a task, σ² from the own regression of these of its examples, whatever ties it;
/// `None` where they are too few.
fn share_of_noise(task: &Scaled, examples: &[usize]) -> Option<f64> {
    let (x, y) = (task.x.select_rows(examples), task.y.select_rows(examples));
    if examples.is_empty() {
        return None;
    }
    let (x, y) = if task.is_centred { (centred(&x), centred(&y)) } else { (x, y) };
    let noise = own_noise(&Moments::new(&x, &y, task.is_centred), y.ncols().max(FEWEST_FREE))?;
    Some(noise / task.x.nrows() as f64)
}

/// An estimate of the asymmetry of each task that is right on average, whatever the noise: its
/// examples are divided into groups; for each two of them the tied weights are fitted to all
/// others, and what is left of the two groups, as weights, is multiplied. Where the means of the
/// tasks' inputs differ, each group loses its own means first: the error of a mean that two groups
/// have in common would be multiplied with itself.
///
/// Tasks with much noise count less: q = σ²/s of a task, from its own regression, has the weight
/// `2 / ((q / q_middle)² + 1)`, so that none counts more than twice as much as the middle one. A
/// product of two groups has the mean of two weights, each found without one of the two: whatever
/// is in the other, the product is right on average. (Weights found with both shift it: where noise
/// has one sign in both, a regression takes it for signal, and finds less of it.)
///
/// Beside it, what weights that are tied and fitted to all other groups leave of each one: that is
/// more than what breaks the pattern, by the noise and by the error of the fit.
///
/// `tied` is what was learned of the tied weights, in their coordinates, `learned` without ties, on
/// other tasks; `sigma` the covariance of the inputs.
pub(crate) fn asymmetry(
    tasks: &[&Scaled],
    tied: &Learned,
    ties: &Ties,
    learned: &Learned,
    sigma: &DMatrix<f64>,
    rng: &mut ChaCha8Rng,
) -> Option<Asymmetry> {
    let mut measure = Measure::new(tasks, tied, ties, learned, sigma)?;
    // Means of tasks that are small beside others are worth too little.
    let usable = |task: &&&Scaled| !task.is_centred || task.x.nrows() >= CENTRED_FROM;
    let tasks: Vec<&Scaled> = tasks.iter().filter(usable).copied().collect();
    let mut shuffled = |task: &&Scaled| {
        let mut order: Vec<usize> = (0..task.x.nrows()).collect();
        order.shuffle(rng);
        order
    };
    let orders: Vec<Vec<usize>> = tasks.iter().map(&mut shuffled).collect();
    let shares: Vec<Vec<Option<f64>>> =
        tasks.par_iter().zip(&orders).map(|(task, order)| measure.shares(task, order)).collect();
    let without_one: Option<Vec<f64>> = shares.iter().map(|of| of.last().copied().flatten()).collect();
    measure.middle_share = without_one.and_then(middle);
    let found: Option<Vec<OfTask>> = tasks
        .par_iter()
        .zip(&orders)
        .zip(&shares)
        .map(|((task, order), shares)| measure.of_task(task, order, shares))
        .collect();
    let found = found?;
    let visible = measure.visible()?;
    if found.is_empty() {
        return None;
    }
    let all = |of: &dyn Fn(&OfTask) -> f64, free: f64| -> Vec<f64> {
        found.iter().map(|task| of(task) / free).collect()
    };
    Some(Asymmetry {
        apart: all(&|task| task.apart, measure.free),
        reference: all(&|task| task.reference, measure.live - measure.middle),
        left: measure.untied.map_or_else(Vec::new, |free| all(&|task| task.left, free)),
        along: all(&|task| task.along, 1.0),
        visible,
    })
}

/// Products of what is left of one task.
struct OfTask {
    apart: f64,
    reference: f64,
    along: f64,
    left: f64,
}

/// What the asymmetries of tasks are measured with. Weights are matrices n × m, a column an output.
struct Measure<'a> {
    ties: &'a Ties,
    prior: Prior<'a>,
    noise: f64,
    sigma: &'a DMatrix<f64>,
    /// The inverse of Σ.
    inverse: DMatrix<f64>,
    /// `(1 ⊗ Σ) (1 − P) U`: products of weights with what was learned of the asymmetry.
    directions: DMatrix<f64>,
    /// Whether each group loses its own means.
    is_within: bool,
    /// The weights of the reference.
    compared: Vec<bool>,
    /// The number of tied weights, and whether their mean is taken away from the reference.
    tied: f64,
    is_centred: bool,
    /// Degrees of freedom in the metric of predictions: `tr (1 − P) Σ (1 − P)`, of tied weights, of
    /// the reference, of its mean, and what tied weights cannot take up.
    free: f64,
    moved: f64,
    live: f64,
    middle: f64,
    untied: Option<f64>,
    /// The share of noise of the middle task; `None` where one has too few examples to tell its
    /// own.
    middle_share: Option<f64>,
}

impl<'a> Measure<'a> {
    fn new(
        tasks: &[&Scaled],
        tied: &'a Learned,
        ties: &'a Ties,
        learned: &Learned,
        sigma: &'a DMatrix<f64>,
    ) -> Option<Self> {
        let (n, k) = (ties.inputs, ties.free());
        let m = ties.weights() / n;
        let apart = &learned.u - ties.project(&learned.u);
        let mut directions = DMatrix::zeros(apart.nrows(), apart.ncols());
        for y in 0..m {
            directions.rows_mut(y * n, n).copy_from(&(sigma * apart.rows(y * n, n)));
        }
        // So that no direction of tied weights is shut out.
        let floor = tied.floor.max(0.02 * (tied.u.norm_squared() / k.max(1) as f64).sqrt());
        let (is_tied, compared) = (ties.is_tied(), ties.compared());
        let count = is_tied.iter().filter(|&&tied| tied).count() as f64;
        let is_centred = ties.tied_kinds() > 1 && !ties.has_signs();
        let inverse = inverse(sigma);
        let of_weight = |weight: usize| sigma[(weight % n, weight % n)];
        let all: f64 = (0..m * n).map(of_weight).sum();
        let live = |of: &[bool]| (0..m * n).filter(|&weight| of[weight]).map(of_weight).sum::<f64>();
        let middle = if is_centred {
            let of = |at: usize| f64::from(u8::from(is_tied[at]));
            let indicator = DMatrix::from_fn(n, m, |x, y| of(y * n + x));
            indicator.dot(&(sigma * &indicator)) / count
        } else {
            0.0
        };
        Some(Self {
            prior: Prior::new(&tied.u, floor)?,
            noise: tied.noise,
            directions,
            is_within: means_differ(tasks, &inverse),
            tied: count,
            is_centred,
            free: all - ties.gram(sigma).trace(),
            moved: live(&is_tied),
            live: live(&compared),
            middle,
            untied: ties.unexplained(sigma),
            middle_share: None,
            ties,
            sigma,
            inverse,
            compared,
        })
    }

    /// How much of the exchange the inputs show; `None` where that is next to nothing.
    fn visible(&self) -> Option<f64> {
        let kinds = 1.0 - self.ties.tied_kinds() as f64 / self.tied.max(1.0);
        let moved = self.moved.max(f64::MIN_POSITIVE);
        (self.free > 1e-9 * moved).then(|| self.free / moved / kinds.max(1e-9))
    }

    /// The part of weights that is compared with what breaks the pattern.
    fn reference(&self, mut w: DMatrix<f64>) -> DMatrix<f64> {
        let middle = if self.is_centred {
            w.iter().zip(&self.compared).filter(|(_, tied)| **tied).map(|(w, _)| w).sum::<f64>() / self.tied
        } else {
            0.0
        };
        w.iter_mut().zip(&self.compared).for_each(|(w, &is)| *w = if is { *w - middle } else { 0.0 });
        w
    }

    fn apart(&self, w: &DMatrix<f64>) -> DMatrix<f64> {
        let projected = self.ties.weights_of_vector(&self.ties.coordinates_of(w.as_slice()));
        DMatrix::from_iterator(w.nrows(), w.ncols(), w.iter().zip(&projected).map(|(w, p)| w - p))
    }

    /// Into how many groups so many examples are divided.
    fn groups(&self, s: usize) -> usize {
        // A mean of their own costs each group one example.
        let most = if self.ties.weights() > MANY { FEW_PARTS } else { PARTS };
        (s / 3).clamp(3, most).min(if self.is_within { s / 2 } else { s })
    }

    /// The share of noise of a task without each of its groups; the last one is among the largest.
    fn shares(&self, task: &Scaled, order: &[usize]) -> Vec<Option<f64>> {
        let (s, groups) = (order.len(), self.groups(order.len()));
        let without = |g: usize| [&order[..g * s / groups], &order[(g + 1) * s / groups..]].concat();
        (0..groups).map(|g| share_of_noise(task, &without(g))).collect()
    }

    /// What a task counts by its share of noise.
    fn weight(&self, share: Option<f64>) -> f64 {
        share.zip(self.middle_share).map_or(1.0, |(share, middle)| 2.0 / ((share / middle).powi(2) + 1.0))
    }

    fn of_task(&self, task: &Scaled, order: &[usize], shares: &[Option<f64>]) -> Option<OfTask> {
        let s = order.len();
        let groups = self.groups(s);
        let part = |g: usize, of: usize| g * s / of..(g + 1) * s / of;
        let without = |one: &Range<usize>, other: &Range<usize>| {
            [&order[..one.start], &order[one.end..other.start], &order[other.end..]].concat()
        };
        let weights: Vec<f64> = shares.iter().map(|&share| self.weight(share)).collect();
        let whitened = &task.x * &self.inverse;
        let (mut apart, mut reference, mut along, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        for one in 0..groups {
            for other in one + 1..groups {
                let (b, c) = (part(one, groups), part(other, groups));
                let fit = Fit::of(task, &without(&b, &c), self)?;
                let left = |part: Range<usize>| {
                    let part = &order[part];
                    let (x, left) = (whitened.select_rows(part), fit.left(task, part));
                    let (x, left, count) = match self.is_within {
                        true => (centred(&x), centred(&left), part.len().saturating_sub(1).max(1)),
                        false => (x, left, part.len()),
                    };
                    x.tr_mul(&left) / count as f64
                };
                let (left_b, left_c) = (left(b), left(c));
                let counts = 0.5 * (weights[one] + weights[other]) / fit.size;
                let metric = |a: DMatrix<f64>, b: DMatrix<f64>| a.dot(&(self.sigma * b)) * counts;
                apart += metric(self.apart(&left_b), self.apart(&left_c));
                reference += metric(self.reference(&left_b + &fit.w), self.reference(&left_c + &fit.w));
                let of = |w: &DMatrix<f64>| self.directions.tr_mul(&DVector::from_column_slice(w.as_slice()));
                along += of(&left_b).dot(&of(&left_c)) * counts;
                pairs += 1.0;
            }
        }
        let mut left = 0.0;
        if self.untied.is_some() {
            let parts = s.min(PARTS);
            let weight = weights.iter().sum::<f64>() / groups as f64;
            for held_out in (0..parts).map(|g| part(g, parts)) {
                let fit = Fit::of(task, &without(&held_out, &(s..s)), self)?;
                let found = fit.left(task, &order[held_out]);
                left += weight * found.norm_squared() / found.nrows() as f64 / fit.size / parts as f64;
            }
        }
        Some(OfTask { apart: apart / pairs, reference: reference / pairs, along: along / pairs, left })
    }
}

/// Tied weights that suit some examples of a task.
struct Fit {
    /// The means of the inputs and outputs of these examples, where means are taken away.
    means: (DVector<f64>, DVector<f64>),
    w: DMatrix<f64>,
    /// The variance of an output of these examples: that of all would fall with what is left of the
    /// others, and make it look small.
    size: f64,
}

impl Fit {
    fn of(task: &Scaled, examples: &[usize], measure: &Measure<'_>) -> Option<Self> {
        let (x, y) = (task.x.select_rows(examples), task.y.select_rows(examples));
        let (n, m) = (x.ncols(), y.ncols());
        let (means, x, y, numbers) = match task.is_centred && !examples.is_empty() {
            true => {
                let means = (x.row_mean().transpose(), y.row_mean().transpose());
                (means, centred(&x), centred(&y), y.len() - m)
            }
            false => ((DVector::zeros(n), DVector::zeros(m)), x, y, examples.len() * m),
        };
        let right = measure.ties.coordinates_of(x.tr_mul(&y).as_slice()) / measure.noise;
        let c = measure.prior.fitted(measure.ties, &x, measure.noise, &right)?;
        let w = DMatrix::from_column_slice(n, m, measure.ties.weights_of_vector(&c).as_slice());
        let size = (y.norm_squared() + m as f64) / (numbers + m) as f64;
        Some(Self { means, w, size })
    }

    /// `y − W x` of other examples.
    fn left(&self, task: &Scaled, examples: &[usize]) -> DMatrix<f64> {
        let x = DMatrix::from_fn(examples.len(), task.x.ncols(), |i, j| {
            task.x[(examples[i], j)] - self.means.0[j]
        });
        let y = DMatrix::from_fn(examples.len(), task.y.ncols(), |i, j| {
            task.y[(examples[i], j)] - self.means.1[j]
        });
        y - x * &self.w
    }
}
