//! The symmetry matrix of tasks by expectation maximisation, with the exact inner solution.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use crate::course::LITTLE;
use crate::latent::{Latent, Posterior, density_over_floor};
use crate::moments::Moments;
use crate::ties::Ties;

/// Ranks that are tried.
const RANKS: [usize; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];
/// A further rank is worth its columns when the density of held-out tasks gains so much a number.
const GAIN: f64 = 1e-4;
/// A floor is there when it gains so much.
const FLOOR_GAIN: f64 = 0.02;
/// Floors that are tried, in units of the size of a weight.
const FLOORS: [f64; 5] = [0.02, 0.06, 0.2, 0.6, 1.0];
/// The same of many weights.
const FLOORS_OF_MANY: [f64; 2] = [0.06, 0.6];
/// So many weights are many.
const MANY: usize = 1_024;
/// The most unknowns in a row of equations for U.
pub(crate) const MOST_UNKNOWNS: usize = 1_300;
/// The most unknowns of a tied U that is learned anew.
const MOST_TIED: usize = 300;
/// The most tied weights of which the whole covariance is learned.
const MOST_WHOLE: usize = 48;
/// The most tied weights over a floor that is tied, too.
const MOST_FLOORED: usize = 200;
/// Rounds to it.
const ROUNDS: usize = 20;
/// The smallest noise.
const LEAST_NOISE: f64 = 1e-8;

/// What tasks have in common: `vec(W) = U v + τ z`, `v ~ N(0, 1)` (k), `z ~ N(0, 1)` (m n), noise
/// σ².
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    /// U, m n × k.
    pub u: DMatrix<f64>,
    /// σ².
    pub noise: f64,
    /// τ.
    pub floor: f64,
}

impl Learned {
    /// The effective rank of the weights.
    pub fn effective_rank(&self, tasks: usize) -> f64 {
        let gram = self.u.tr_mul(&self.u);
        let values = gram.symmetric_eigenvalues();
        let (sum, squares) = (values.sum(), values.norm_squared());
        let weights = self.u.nrows() as f64;
        let t = self.floor * self.floor;
        if t == 0.0 {
            return (sum * sum / squares.max(f64::MIN_POSITIVE)).max(1.0);
        }
        let all = (sum + t * weights).powi(2) / (squares + t * t * weights);
        (1.0 + all).min(tasks as f64)
    }

    /// The share of the variation of the weights that is not along their strongest direction; one
    /// for a single weight, and what counts as little where only one direction was learned.
    pub fn beside_the_strongest(&self) -> f64 {
        let values = self.u.tr_mul(&self.u).symmetric_eigenvalues();
        let all = values.sum() + self.floor * self.floor * self.u.nrows() as f64;
        if self.u.nrows() < 2 || all <= 0.0 {
            return 1.0;
        }
        if self.u.ncols() < 2 && self.floor == 0.0 {
            return LITTLE;
        }
        ((all - values.max()) / all).clamp(0.0, 1.0)
    }

    /// The variance of an output of the tasks, a number.
    pub fn scale(&self, tasks: &[Moments]) -> f64 {
        let (sum, count) =
            tasks.iter().fold((0.0, 0), |(sum, count), task| (sum + task.yy, count + task.numbers));
        (sum / count.max(1) as f64).max(f64::MIN_POSITIVE)
    }

    /// What is learned when the weights are tied, in the coordinates of the tied weights: from what
    /// was learned without ties, some rounds more where they are cheap.
    pub fn tied(&self, tasks: &[Moments], ties: &Ties) -> Option<Self> {
        let u = ties.coordinates(&self.u);
        let is_large = u.len() > MOST_TIED;
        if self.floor == 0.0 && is_large {
            return Some(Self { u, ..*self });
        }
        if self.floor > 0.0 && ties.free() > MOST_FLOORED {
            let over = Self { u: ties.weights_of(&u), ..*self };
            return Some(Self { u, noise: best_noise(tasks, &over), ..*self });
        }
        let of_ties: Vec<Moments> = tasks.iter().map(|task| ties.moments(task)).collect();
        if self.floor > 0.0 || is_large {
            let tied = Self { u, ..*self };
            let tied = Self { noise: best_noise(&of_ties, &tied), ..tied };
            let is_small = self.floor > 0.0 && ties.free() <= MOST_WHOLE;
            return Some(if is_small { tied.or_whole(&of_ties) } else { tied });
        }
        let (u, noise) = maximise_from(&of_ties, u, self.noise, 12)?;
        Some(Self { u, noise, floor: 0.0 })
    }

    /// This, or the whole covariance of the tied weights, more or less shrunk, if with it tasks
    /// that are held out are more likely.
    fn or_whole(self, tasks: &[Moments]) -> Self {
        let (held_out, others) = tasks.split_at(tasks.len() / 4);
        let density = |learned: &Self| mean(learned.densities(held_out).into_iter());
        let mut best = (density(&self), None);
        for shrinkage in [1.0, self.u.nrows() as f64] {
            let found = self.with_covariance(others, shrinkage).map_or(f64::NEG_INFINITY, |l| density(&l));
            if found > best.0 {
                best = (found, Some(shrinkage));
            }
        }
        best.1.and_then(|shrinkage| self.with_covariance(tasks, shrinkage)).unwrap_or(self)
    }

    /// The whole covariance of the coordinates c (K) of tied weights by expectation maximisation,
    /// `C = (Σ_t E[c cᵀ] + ν c̄²) / (T + ν)` with the mean square c̄² of a coordinate and the
    /// shrinkage ν, and the noise, from this on. Few tied weights are learned well where U is not.
    fn with_covariance(&self, tasks: &[Moments], shrinkage: f64) -> Option<Self> {
        let u = &self.u;
        let k = u.nrows();
        let unit = DMatrix::<f64>::identity(k, k);
        let mut covariance = u * u.transpose() + &unit * (self.floor * self.floor);
        let (yy, numbers) = tasks.iter().fold((0.0, 0), |(y, n), task| (y + task.yy, n + task.numbers));
        // Where a task tells all coordinates, the noise is what is left of it.
        let left: f64 = tasks.iter().filter_map(|task| Some(task.residual(&task.ridge(1e-9)?))).sum();
        let free = numbers.saturating_sub(k * tasks.len());
        let mut noise = self.noise;
        if free >= tasks.len() * k / 2 {
            noise = noise.min(left / free as f64).max(LEAST_NOISE);
        }
        for _ in 0..ROUNDS {
            let precision = covariance.clone().cholesky()?.inverse();
            let (mut second, mut rest) = (DMatrix::zeros(k, k), yy);
            for task in tasks {
                let posterior = (&task.xx / noise + &precision).cholesky()?.inverse();
                let mean = &posterior * task.xy.column(0) / noise;
                let square = posterior + &mean * mean.transpose();
                rest += task.xx.dot(&square) - 2.0 * mean.dot(&task.xy.column(0));
                second += square;
            }
            let size = second.trace() / k as f64 / tasks.len() as f64;
            covariance = (second + &unit * (shrinkage * size)) / (tasks.len() as f64 + shrinkage);
            noise = (rest / numbers.max(1) as f64).max(LEAST_NOISE);
        }
        let eigen = covariance.symmetric_eigen();
        let floor = eigen.eigenvalues.min().max(f64::MIN_POSITIVE);
        let mut u = eigen.eigenvectors;
        for (mut column, value) in u.column_iter_mut().zip(&eigen.eigenvalues) {
            column *= (value - floor).max(0.0).sqrt();
        }
        Some(Self { u, noise, floor: floor.sqrt() })
    }

    /// The same of tied weights, whose coordinates this is about; of many over a floor that is not
    /// tied, which is as good to compare patterns.
    pub fn tied_densities(&self, tasks: &[Moments], ties: &Ties) -> Vec<f64> {
        if self.floor == 0.0 || ties.free() > MOST_FLOORED {
            // `B Z v` is as good, and does not need K × K numbers of each task.
            return Self { u: ties.weights_of(&self.u), ..*self }.densities(tasks);
        }
        self.densities(&tasks.iter().map(|task| ties.moments(task)).collect::<Vec<_>>())
    }

    /// `ln p(y) / (s m)` of each task.
    pub fn densities(&self, tasks: &[Moments]) -> Vec<f64> {
        tasks.par_iter().map(|task| density_over_floor(&self.u, self.floor, task, self.noise)).collect()
    }
}

/// The leading directions of the ridge estimates of the tasks' weights, m n × k, scaled to the
/// share they have in them.
pub(crate) fn leading(tasks: &[Moments], rank: usize) -> DMatrix<f64> {
    let estimates: Vec<DVector<f64>> = tasks.iter().filter_map(|task| task.ridge(0.03)).collect();
    let Some(first) = estimates.first() else { return DMatrix::zeros(0, 0) };
    let weights = DMatrix::from_columns(&estimates);
    let svd = weights.svd(true, false);
    let Some(u) = svd.u else { return DMatrix::zeros(first.len(), 0) };
    let mut order: Vec<usize> = (0..svd.singular_values.len()).collect();
    order.sort_by(|&a, &b| svd.singular_values[b].total_cmp(&svd.singular_values[a]));
    order.truncate(rank);
    let scale = 1.0 / (estimates.len() as f64).sqrt();
    let columns: Vec<DVector<f64>> =
        order.iter().map(|&i| u.column(i) * (svd.singular_values[i] * scale)).collect();
    DMatrix::from_columns(&columns)
}

/// U of rank `rank` and the noise that make the tasks likely, from their ridge estimates; `None`
/// when equations have no solution.
pub(crate) fn maximise(tasks: &[Moments], rank: usize, rounds: usize) -> Option<(DMatrix<f64>, f64)> {
    maximise_from(tasks, leading(tasks, rank), 0.1, rounds)
}

/// The same from some U and noise.
fn maximise_from(
    tasks: &[Moments],
    mut u: DMatrix<f64>,
    mut noise: f64,
    rounds: usize,
) -> Option<(DMatrix<f64>, f64)> {
    let first = tasks.first()?;
    let (n, m) = (first.inputs(), first.outputs());
    let k = u.ncols();
    if k == 0 {
        return None;
    }
    let rows = |of: &dyn Fn(&Moments) -> &DMatrix<f64>, width: usize| {
        let mut all = DMatrix::zeros(tasks.len(), width);
        for (mut row, task) in all.row_iter_mut().zip(tasks) {
            row.copy_from_slice(of(task).as_slice());
        }
        all
    };
    let (xx, xy) = (rows(&|task| &task.xx, n * n), rows(&|task| &task.xy, n * m));
    let yy: f64 = tasks.iter().map(|task| task.yy).sum();
    let numbers: usize = tasks.iter().map(|task| task.numbers).sum();
    for round in 0..rounds {
        let latent = Latent::free(&u);
        // Σ_t E[v vᵀ] ⊗ Σ x xᵀ, and Σ_t E[v] ⊗ Σ x yᵀ, as products of matrices with a column a
        // task: unknown (l, x) of output y at l n + x.
        let count = tasks.len();
        let (mut squares, mut means) = (DMatrix::zeros(count, k * k), DMatrix::zeros(count, k));
        let posteriors: Option<Vec<Posterior>> =
            tasks.par_iter().map(|task| latent.posterior(task, noise)).collect();
        for (t, posterior) in posteriors?.into_iter().enumerate() {
            let square = posterior.covariance + &posterior.mean * posterior.mean.transpose();
            squares.row_mut(t).copy_from_slice(square.as_slice());
            means.row_mut(t).copy_from_slice(posterior.mean.as_slice());
        }
        let second = DMatrix::from_column_slice(k, k, squares.row_sum().as_slice());
        let products = xx.tr_mul(&squares);
        let gram = DMatrix::from_fn(n * k, n * k, |row, column| {
            products[(row % n + column % n * n, row / n + column / n * k)]
        });
        let products = xy.tr_mul(&means);
        let right = DMatrix::from_fn(n * k, m, |row, y| products[(row % n + y * n, row / n)]);
        let size = u.norm_squared() / u.len() as f64;
        let ridge = noise / size.max(1e-12) + 1e-8 * gram.trace() / (n * k) as f64;
        let mut ridged = gram;
        (0..n * k).for_each(|i| ridged[(i, i)] += ridge);
        let solved = ridged.clone().cholesky()?.solve(&right);
        let fit = solved.dot(&(&ridged * &solved)) - 2.0 * solved.dot(&right);
        noise = ((yy + fit) / numbers.max(1) as f64).max(LEAST_NOISE);
        u = DMatrix::from_fn(m * n, k, |weight, l| solved[(l * n + weight % n, weight / n)]);
        if round >= 3 {
            // v to unit covariance: the same weights, in other coordinates.
            let mut second = second / count as f64;
            (0..k).for_each(|i| second[(i, i)] += 1e-10);
            u *= second.cholesky()?.l();
        }
    }
    Some((u, noise))
}

/// Factors of the noise that are tried where there is a floor: a noise that is too small would be
/// taken up by untied weights alone.
const NOISES: [f64; 5] = [1.0, 4.0, 16.0, 64.0, 256.0];

/// The densities of the tasks, with the noise that suits them best where there is a floor, and that
/// noise.
pub(crate) fn best_densities(
    tasks: &[Moments],
    learned: &Learned,
    of: impl Fn(&Moments, f64) -> f64 + Sync,
) -> (Vec<f64>, f64) {
    let factors = if learned.floor > 0.0 { &NOISES[..] } else { &NOISES[..1] };
    let mut best: Option<(f64, Vec<f64>, f64)> = None;
    for factor in factors {
        let noise = learned.noise * factor;
        let found: Vec<f64> = tasks.par_iter().map(|task| of(task, noise)).collect();
        let value = mean(found.iter().copied());
        if best.as_ref().is_none_or(|(least, ..)| value > *least) {
            best = Some((value, found, noise));
        }
    }
    best.map_or_else(|| (Vec::new(), learned.noise), |(_, found, noise)| (found, noise))
}

/// The noise that suits the tasks best, where there is a floor.
pub(crate) fn best_noise(tasks: &[Moments], learned: &Learned) -> f64 {
    best_densities(tasks, learned, |task, noise| density_over_floor(&learned.u, learned.floor, task, noise)).1
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

/// The noise that the residuals of a task's own regression tell; `None` where there are fewer than
/// `least` numbers in them that are free.
pub(crate) fn own_noise(task: &Moments, least: usize) -> Option<f64> {
    let free =
        task.numbers.checked_sub(task.inputs() * task.outputs()).filter(|&free| free >= least.max(1))?;
    Some((task.residual(&task.ridge(1e-9)?) / free as f64).max(LEAST_NOISE))
}

/// The noise of each task, by its own regression, of the middle one of them; `None` where one has
/// too few examples for that.
pub(crate) fn noise_within(tasks: &[Moments]) -> Option<f64> {
    let found: Option<Vec<f64>> = tasks.iter().map(|task| own_noise(task, 3 * task.outputs())).collect();
    middle(found?)
}

/// The middle one of some numbers.
pub(crate) fn middle(mut of: Vec<f64>) -> Option<f64> {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied()
}

/// The highest rank that is tried, of so many features and tasks.
pub(crate) fn highest_rank(features: usize, tasks: usize) -> usize {
    let fits = |&&rank: &&usize| rank <= tasks / 2 && rank * features <= MOST_UNKNOWNS;
    RANKS.iter().filter(fits).max().copied().unwrap_or(1)
}

/// U of the rank, with the floor, that suit held-out tasks best: the first quarter of them are held
/// out for the choice, and all take part in the result. `None` for fewer than four tasks.
pub(crate) fn learn(tasks: &[Moments]) -> Option<Learned> {
    let (held_out, others) = tasks.split_at(tasks.len() / 4);
    let first = held_out.first()?;
    let (n, weights) = (first.inputs(), first.inputs() * first.outputs());
    let mut best: Option<(f64, usize)> = None;
    let mut worse = 0;
    for rank in RANKS {
        if rank > weights.min(others.len()) || rank * n > MOST_UNKNOWNS || worse == 2 {
            break;
        }
        let Some((u, noise)) = maximise(others, rank, 12) else { break };
        let latent = Latent::free(&u);
        let density = mean(held_out.iter().map(|task| latent.density(task, noise)));
        if best.is_none_or(|(least, _)| density > least + GAIN) {
            (best, worse) = (Some((density, rank)), 0);
        } else {
            worse += 1;
        }
    }
    let (mut density, rank) = best?;
    let (u, noise) = maximise(others, rank, 20)?;
    let within = noise_within(others);
    let mut over = (0.0, noise);
    let unit = (1.0 / n as f64).sqrt();
    // Of many weights fewer are tried: each takes the roots of as many matrices as there are tasks.
    let (floors, few) = if weights > MANY { (&FLOORS_OF_MANY[..], 1) } else { (&FLOORS[..], 3) };
    for floor in floors {
        for noise in [noise, noise / 4.0, noise / 20.0].into_iter().take(few).chain(within) {
            let found = mean(held_out.iter().map(|task| density_over_floor(&u, floor * unit, task, noise)));
            if found > density + FLOOR_GAIN {
                (density, over) = (found, (floor * unit, noise));
            }
        }
    }
    let (u, own) = maximise(tasks, rank, 30)?;
    let noise = match (over.0 > 0.0, within) {
        (false, _) => own,
        (true, Some(_)) => over.1,
        (true, None) => over.1.max(own / 2.0),
    };
    Some(Learned { u, noise, floor: over.0 })
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::Learned;
    use crate::course::LITTLE;

    #[test]
    fn what_is_beside_the_strongest_direction() {
        let of = |rows, columns, values: &[f64], floor| {
            let u = DMatrix::from_row_slice(rows, columns, values);
            Learned { u, noise: 0.1, floor }.beside_the_strongest()
        };
        let is_close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        is_close(of(2, 2, &[10.0, 0.0, 0.0, 1.0], 0.0), 1.0 / 101.0);
        is_close(of(2, 2, &[1.0, 0.0, 0.0, 1.0], 0.0), 0.5);
        // A floor is beside it, too; of one weight nothing is, and of one direction nothing is
        // known.
        is_close(of(2, 2, &[1.0, 0.0, 0.0, 1.0], 1.0), 0.75);
        is_close(of(1, 2, &[3.0, 1.0], 0.0), 1.0);
        is_close(of(3, 1, &[3.0, 1.0, 2.0], 0.0), LITTLE);
    }
}
