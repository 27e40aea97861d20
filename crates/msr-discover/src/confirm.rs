//! Evidence for and against a pattern, from tasks that were not used to find it.

use nalgebra::{DMatrix, DVector};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::latent::{Latent, covariance, density_over_floor, sandwich};
use crate::learn::{Learned, best_densities, noises};
use crate::moments::Moments;
use crate::prior::Prior;
use crate::statistics::Sample;
use crate::tasks::{CENTRED_FROM, Scaled, centred};
use crate::ties::Ties;

/// Means differ when they do by so many errors.
const DIFFER: f64 = 4.0;

/// The densities of the tasks without ties.
pub(crate) fn untied(tasks: &[Moments], learned: &Learned) -> Vec<f64> {
    best_densities(tasks, learned, |task, noise| density_over_floor(&learned.u, learned.floor, task, noise)).0
}

/// The densities of the tasks with the ties, and the noise that suits them; `None` when equations
/// have no solution.
pub(crate) fn tied(tasks: &[Moments], learned: &Learned, ties: &Ties) -> Option<(Vec<f64>, f64)> {
    let latent = Latent::tied(&learned.u, ties, learned.floor)?;
    Some(best_densities(tasks, learned, |task, noise| latent.density(task, noise)))
}

/// The score of each task: the derivative, at h = 0, of `ln p(y) / (s m)` for the weights
/// `P U + h (1 − P) U`. If the tasks are tied, `(1 − P) U` is noise, and the mean of the scores is
/// zero, whatever U is; if they are not, it is positive. By Fisher's identity it is the mean, over
/// the posterior at h = 0, of `(y − W x)ᵀ ((1 − P) U v) x / σ²`.
pub(crate) fn scores(tasks: &[Moments], learned: &Learned, ties: &Ties) -> Option<Vec<f64>> {
    let Learned { u, noise, floor } = learned;
    let latent = Latent::tied(u, ties, *floor)?;
    let tied = ties.project(u);
    let apart = u - &tied;
    // How what is learned of the asymmetry goes with the latent variables, and the tied weights.
    let (apart, map) = match *floor > 0.0 {
        false => (apart, tied),
        true => {
            let z = ties.coordinates(u);
            // E[v | c] = Zᵀ (Z Zᵀ + τ²)⁻¹ c.
            let inverse = covariance(u, ties, *floor).cholesky()?.inverse();
            (apart * z.tr_mul(&inverse), ties.weights_of(&DMatrix::identity(ties.free(), ties.free())))
        }
    };
    let score = |task: &Moments| {
        let posterior = latent.posterior(task, *noise)?;
        let square = posterior.covariance + &posterior.mean * posterior.mean.transpose();
        let fit = task.xy_vector().dot(&(&apart * &posterior.mean));
        let model = sandwich(&map, &task.xx, &apart).dot(&square);
        Some((fit - model) / noise / task.numbers.max(1) as f64)
    };
    tasks.iter().map(score).collect()
}

/// What of the variation breaks a pattern, task by task.
#[derive(Clone, Debug)]
pub(crate) struct Asymmetry {
    /// `|(1 − P) W|²` a degree of freedom.
    pub apart: Vec<f64>,
    /// The variation of the tied weights a degree of freedom.
    pub reference: Vec<f64>,
    /// The same as `apart`, along what was learned of the asymmetry alone, in other units.
    pub along: Vec<f64>,
    /// How much of the exchange the inputs show: one for independent inputs, zero where two of them
    /// are the same.
    pub visible: f64,
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

/// `⟨a, b⟩` of weights in the metric of predictions, `tr A Σ Bᵀ`.
fn metric(a: &DVector<f64>, b: &DVector<f64>, sigma: &DMatrix<f64>) -> f64 {
    let n = sigma.nrows();
    let part = |y: usize| a.rows(y * n, n).dot(&(sigma * b.rows(y * n, n)));
    (0..a.len() / n).map(part).sum()
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

/// What tasks count: those with much noise less. The error of a task's asymmetry goes with
/// q = σ²/s, σ² from its own regression, whatever ties it; its weight is `1 / (q² + q̃²)`, q̃ the
/// middle one, so that none counts more than twice as much as that.
fn weights(tasks: &[&Scaled]) -> Vec<f64> {
    let Some(noises) = noises(tasks.iter().map(|task| &task.moments)) else { return vec![1.0; tasks.len()] };
    let shares: Vec<f64> =
        noises.iter().zip(tasks).map(|(noise, task)| noise / task.x.nrows().max(1) as f64).collect();
    let mut sorted = shares.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    shares.iter().map(|share| 2.0 / ((share / middle).powi(2) + 1.0)).collect()
}

/// An estimate of the asymmetry of each task that is right on average, whatever the noise: its
/// examples are divided into groups; for each two of them the tied weights are fitted to all
/// others, and what is left of the two groups, as weights, is multiplied. Where the means of the
/// tasks' inputs differ, each group loses its own means first: the error of a mean that two groups
/// have in common would be multiplied with itself.
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
    // ⟨(1 − P) U, w⟩ of weights w, in the metric of predictions.
    let directions = {
        let apart = &learned.u - ties.project(&learned.u);
        let n = ties.inputs;
        let mut found = DMatrix::zeros(apart.nrows(), apart.ncols());
        for y in 0..apart.nrows() / n {
            found.rows_mut(y * n, n).copy_from(&(sigma * apart.rows(y * n, n)));
        }
        found
    };
    let (n, k) = (ties.inputs, ties.free());
    let m = ties.weights() / n;
    // So that no direction of tied weights is shut out.
    let floor = tied.floor.max(0.02 * (tied.u.norm_squared() / k.max(1) as f64).sqrt());
    let prior = Prior::new(&tied.u, floor)?;
    let noise = tied.noise;
    let is_tied = ties.is_tied();
    let count = is_tied.iter().filter(|&&tied| tied).count() as f64;
    let centre = ties.tied_kinds() > 1 && !ties.has_signs();
    let inverse = inverse(sigma);
    let is_within = means_differ(tasks, &inverse);
    let reference_of = |w: DVector<f64>| {
        let mut w = DVector::from_iterator(
            w.len(),
            w.iter().zip(&is_tied).map(|(w, &tied)| if tied { *w } else { 0.0 }),
        );
        if centre {
            let middle = w.sum() / count;
            w.iter_mut().zip(&is_tied).filter(|(_, tied)| **tied).for_each(|(w, _)| *w -= middle);
        }
        w
    };
    let (mut apart, mut reference, mut along) = (Vec::new(), Vec::new(), Vec::new());
    // Means of tasks that are small beside others are worth too little.
    let usable = |task: &&&Scaled| !task.is_centred || task.x.nrows() >= CENTRED_FROM;
    let tasks: Vec<&Scaled> = tasks.iter().filter(usable).copied().collect();
    let weights = weights(&tasks);
    for (task, weight) in tasks.iter().zip(&weights) {
        let s = task.x.nrows();
        // A mean of their own costs each group one example.
        let groups = (s / 3).clamp(3, 6).min(if is_within { s / 2 } else { s });
        let mut order: Vec<usize> = (0..s).collect();
        order.shuffle(rng);
        let parts: Vec<Vec<usize>> =
            (0..groups).map(|g| order[g * s / groups..(g + 1) * s / groups].to_vec()).collect();
        let (mut a, mut r, mut d, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        for b in 0..groups {
            for c in b + 1..groups {
                let others: Vec<usize> =
                    (0..groups).filter(|&g| g != b && g != c).flat_map(|g| parts[g].clone()).collect();
                let (x, y) = (task.x.select_rows(&others), task.y.select_rows(&others));
                let means = match task.is_centred && !others.is_empty() {
                    true => (x.row_mean(), y.row_mean()),
                    false => {
                        (DMatrix::zeros(1, n).row(0).into_owned(), DMatrix::zeros(1, m).row(0).into_owned())
                    }
                };
                let moments = match task.is_centred {
                    true => Moments::new(&centred(&x), &centred(&y), true),
                    false => Moments::new(&x, &y, false),
                };
                let h = DMatrix::from_column_slice(m * n, 1, moments.xy.as_slice());
                let right = ties.coordinates(&h).column(0) / noise;
                let w = ties.weights_of_vector(&prior.fitted(ties, &moments.xx, noise, &right)?);
                let by_output = DMatrix::from_column_slice(n, m, w.as_slice());
                let left = |part: &[usize]| {
                    let (x, y) = (task.x.select_rows(part), task.y.select_rows(part));
                    let at = DMatrix::from_fn(x.nrows(), n, |i, j| x[(i, j)] - means.0[j]);
                    let left =
                        DMatrix::from_fn(y.nrows(), m, |i, j| y[(i, j)] - means.1[j]) - at * &by_output;
                    let (x, left, count) = match is_within {
                        true => (centred(&x), centred(&left), part.len().saturating_sub(1).max(1)),
                        false => (x, left, part.len()),
                    };
                    let weights = (x * &inverse).tr_mul(&left) / count as f64;
                    DVector::from_column_slice(weights.as_slice())
                };
                let (left_b, left_c) = (left(&parts[b]), left(&parts[c]));
                let apart_of = |w: &DVector<f64>| w - ties.project_vector(w);
                // The size of the outputs from other examples: that of all would fall with what is
                // left here, and make it look small.
                let size = (moments.yy + m as f64) / (moments.numbers + m) as f64;
                a += metric(&apart_of(&left_b), &apart_of(&left_c), sigma) / size;
                d += directions.tr_mul(&left_b).dot(&directions.tr_mul(&left_c)) / size;
                r += metric(&reference_of(&left_b + &w), &reference_of(&left_c + &w), sigma) / size;
                pairs += 1.0;
            }
        }
        apart.push(weight * a / pairs);
        reference.push(weight * r / pairs);
        along.push(weight * d / pairs);
    }
    // Degrees of freedom in the metric of predictions: tr (1 − P) Σ (1 − P), and of the reference.
    let of_weight = |weight: usize| sigma[(weight % n, weight % n)];
    let all: f64 = (0..m * n).map(of_weight).sum();
    let live: f64 = (0..m * n).filter(|&weight| is_tied[weight]).map(of_weight).sum();
    let free = all - ties.gram(sigma).trace();
    let indicator = DVector::from_iterator(m * n, is_tied.iter().map(|&tied| f64::from(u8::from(tied))));
    let middle = if centre { metric(&indicator, &indicator, sigma) / count } else { 0.0 };
    let kinds = 1.0 - ties.tied_kinds() as f64 / count.max(1.0);
    let visible = free / live.max(f64::MIN_POSITIVE) / kinds.max(1e-9);
    // Where inputs show next to nothing of what the pattern ties, nothing can be said.
    if free <= 1e-9 * live.max(f64::MIN_POSITIVE) || apart.is_empty() {
        return None;
    }
    apart.iter_mut().for_each(|a| *a /= free);
    reference.iter_mut().for_each(|r| *r /= live - middle);
    Some(Asymmetry { apart, reference, along, visible })
}
