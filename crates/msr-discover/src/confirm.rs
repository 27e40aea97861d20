//! Evidence for and against a pattern, from tasks that were not used to find it.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use crate::latent::{Latent, covariance, density_over_floor};
use crate::learn::{Learned, best_densities};
use crate::moments::Moments;
use crate::prior::Prior;
use crate::ties::Ties;

/// The densities of the tasks without ties.
pub(crate) fn untied(tasks: &[Moments], learned: &Learned) -> Vec<f64> {
    best_densities(tasks, learned, |task, noise| density_over_floor(&learned.u, learned.floor, task, noise)).0
}

/// The densities of the tasks with the ties; `None` when equations have no solution. Of many
/// weights the floor is not tied, which is as good to compare patterns.
pub(crate) fn tied(tasks: &[Moments], learned: &Learned, ties: &Ties) -> Option<Vec<f64>> {
    if ties.free() > MANY {
        let u = ties.project(&learned.u);
        return Some(untied(tasks, &Learned { u, ..*learned }));
    }
    let latent = Latent::tied(&learned.u, ties, learned.floor)?;
    Some(best_densities(tasks, learned, |task, noise| latent.density(task, noise)).0)
}

/// Up to so many tied weights over a floor their covariance is written out.
const MANY: usize = 200;

/// The score of each task: the derivative, at h = 0, of `ln p(y) / (s m)` for the weights
/// `P U + h (1 − P) U`. If the tasks are tied, `(1 − P) U` is noise, and the mean of the scores is
/// zero, whatever U is; if they are not, it is positive. By Fisher's identity it is the mean, over
/// the posterior at h = 0, of `(y − W x)ᵀ ((1 − P) U v) x / σ²`.
pub(crate) fn scores(tasks: &[Moments], learned: &Learned, ties: &Ties) -> Option<Vec<f64>> {
    if learned.floor > 0.0 && ties.free() > MANY {
        return scores_of_many(tasks, learned, ties);
    }
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
        let model = task.sandwich(&map, &apart).dot(&square);
        Some((fit - model) / noise / task.numbers.max(1) as f64)
    };
    tasks.par_iter().map(score).collect()
}

/// The same over a floor, without the covariance of the tied weights: with `Q = (Z Zᵀ + τ²)⁻¹ Z`,
/// `E[v | c] = Qᵀ c`, and of the covariance C of c given the task only the trace of
/// `Qᵀ C Bᵀ (1 ⊗ S) (1 − P) U` is asked: one solution of equations a column of U.
fn scores_of_many(tasks: &[Moments], learned: &Learned, ties: &Ties) -> Option<Vec<f64>> {
    let Learned { u, noise, floor } = learned;
    let z = ties.coordinates(u);
    let apart = u - ties.weights_of(&z);
    let prior = Prior::new(&z, *floor)?;
    let q: Vec<DVector<f64>> = z.column_iter().map(|column| prior.precision(&column.into_owned())).collect();
    let score = |task: &Moments| {
        let (n, x) = (ties.inputs, task.root()?);
        let solve = |b: &DVector<f64>| prior.fitted(ties, &x, *noise, b);
        let mean = solve(&(ties.coordinates_of(task.xy.as_slice()) / *noise))?;
        let (mut fit, mut model) = (0.0, 0.0);
        for (q, apart) in q.iter().zip(apart.column_iter()) {
            let v = q.dot(&mean);
            fit += v * task.xy.iter().zip(&apart).map(|(xy, apart)| xy * apart).sum::<f64>();
            let by_output = DMatrix::from_iterator(n, apart.len() / n, apart.iter().copied());
            let seen = ties.coordinates_of(x.tr_mul(&(&x * by_output)).as_slice());
            model += v * seen.dot(&mean) + q.dot(&solve(&seen)?);
        }
        Some((fit - model) / noise / task.numbers.max(1) as f64)
    };
    tasks.par_iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use msr_groups::SignedPattern;
    use nalgebra::DMatrix;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::{scores, scores_of_many};
    use crate::learn::Learned;
    use crate::moments::Moments;
    use crate::ties::Ties;

    /// Both ways to the scores give the same, with fewer examples than inputs and with more.
    #[test]
    fn scores_of_many_weights_are_scores() {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let mut normal = |rows: usize, columns: usize| {
            DMatrix::<f64>::from_fn(rows, columns, |_, _| rng.sample(StandardNormal))
        };
        let (m, n, kinds) = (7, 9, 20);
        let labels: Vec<_> = (0..m * n).map(|at| Some((at % kinds, at % 5 == 3))).collect();
        let ties =
            Ties::new(SignedPattern::from_labels(m, n, &labels).unwrap_or_else(|e| unreachable!("{e}")));
        let learned = Learned { u: normal(m * n, 3), noise: 0.2, floor: 0.4 };
        let tasks: Vec<Moments> =
            [4, 30].into_iter().map(|s| Moments::new(&normal(s, n), &normal(s, m), false)).collect();
        let found = scores_of_many(&tasks, &learned, &ties).unwrap_or_default();
        let expected = scores(&tasks, &learned, &ties).unwrap_or_default();
        assert_eq!(found.len(), 2);
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-7 * b.abs().max(1.0), "{a} {b}");
        }
    }
}
