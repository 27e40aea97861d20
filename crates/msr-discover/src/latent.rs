//! Linear tasks whose weights come from a Gaussian: densities and posteriors in closed form.
//!
//! `vec(W) = L u`, `u ~ N(0, Λ⁻¹)`, `y = W x + ε`, `ε ~ N(0, σ²)`. With the moments of a task,
//! `A = Λ + Lᵀ (1 ⊗ Σ x xᵀ) L / σ²` and `b = Lᵀ vec(Σ y xᵀ) / σ²`, the posterior of u is
//! `N(A⁻¹ b, A⁻¹)`, and `ln p(y) = −½ (Σ|y|²/σ² − bᵀ A⁻¹ b + ln|A| − ln|Λ| + s m ln 2πσ²)`.

use std::f64::consts::TAU;

use nalgebra::{DMatrix, DVector};

use crate::moments::Moments;
use crate::ties::Ties;

/// Where weights come from.
#[derive(Clone, Debug)]
pub(crate) struct Latent<'a> {
    map: Map<'a>,
    /// Λ; the identity, where there is none.
    precision: Option<DMatrix<f64>>,
    /// ln|Λ|.
    log_det: f64,
}

#[derive(Clone, Debug)]
enum Map<'a> {
    /// L, m n × d.
    Dense(DMatrix<f64>),
    /// L = B.
    Tied(&'a Ties),
}

/// The posterior of u for one task.
#[derive(Clone, Debug)]
pub(crate) struct Posterior {
    pub mean: DVector<f64>,
    pub covariance: DMatrix<f64>,
}

impl<'a> Latent<'a> {
    /// `vec(W) = U v`, `v ~ N(0, 1)`.
    pub fn free(u: &DMatrix<f64>) -> Self {
        Self { map: Map::Dense(u.clone()), precision: None, log_det: 0.0 }
    }

    /// `vec(W) = B c`, `c ~ N(0, Bᵀ U Uᵀ B + τ²)`: the tied part of what U gives, over a floor.
    /// Without a floor, `vec(W) = P U v`.
    pub fn tied(u: &DMatrix<f64>, ties: &'a Ties, floor: f64) -> Option<Self> {
        if floor == 0.0 {
            return Some(Self::free(&ties.project(u)));
        }
        let covariance = covariance(u, ties, floor);
        let cholesky = covariance.cholesky()?;
        let log_det = -2.0 * cholesky.l().diagonal().iter().map(|d| d.ln()).sum::<f64>();
        Some(Self { map: Map::Tied(ties), precision: Some(cholesky.inverse()), log_det })
    }

    fn dimension(&self) -> usize {
        match &self.map {
            Map::Dense(l) => l.ncols(),
            Map::Tied(ties) => ties.free(),
        }
    }

    /// A and b.
    fn equations(&self, moments: &Moments, noise: f64) -> (DMatrix<f64>, DVector<f64>) {
        let (gram, right) = match &self.map {
            Map::Dense(l) => (moments.sandwich(l, l), l.tr_mul(&moments.xy_vector())),
            Map::Tied(ties) => {
                let h = DMatrix::from_column_slice(ties.weights(), 1, moments.xy.as_slice());
                (ties.gram(&moments.xx), ties.coordinates(&h).column(0).into_owned())
            }
        };
        let mut a = gram / noise;
        match &self.precision {
            Some(precision) => a += precision,
            None => (0..self.dimension()).for_each(|i| a[(i, i)] += 1.0),
        }
        (a, right / noise)
    }

    /// `ln p(y) / (s m)` of a task.
    pub fn density(&self, moments: &Moments, noise: f64) -> f64 {
        let (a, b) = self.equations(moments, noise);
        let Some(cholesky) = a.cholesky() else { return f64::NEG_INFINITY };
        let log_det = 2.0 * cholesky.l().diagonal().iter().map(|d| d.ln()).sum::<f64>();
        let fit = b.dot(&cholesky.solve(&b));
        let numbers = moments.numbers.max(1) as f64;
        let all = moments.yy / noise - fit + log_det - self.log_det + numbers * (TAU * noise).ln();
        -0.5 * all / numbers
    }

    /// The posterior of a task.
    pub fn posterior(&self, moments: &Moments, noise: f64) -> Option<Posterior> {
        let (a, b) = self.equations(moments, noise);
        let cholesky = a.cholesky()?;
        Some(Posterior { mean: cholesky.solve(&b), covariance: cholesky.inverse() })
    }
}

/// `Bᵀ U Uᵀ B + τ²`.
pub(crate) fn covariance(u: &DMatrix<f64>, ties: &Ties, floor: f64) -> DMatrix<f64> {
    let z = ties.coordinates(u);
    let mut covariance = &z * z.transpose();
    (0..covariance.nrows()).for_each(|i| covariance[(i, i)] += floor * floor);
    covariance
}

/// A task in the metric of the noise of the floor, `σ² + τ² X Xᵀ`, and `ln |1 + τ² X Xᵀ / σ²|`; in
/// s or n dimensions, whichever are fewer.
fn whitened(moments: &Moments, squared: f64, noise: f64) -> Option<(Moments, f64)> {
    let n = moments.inputs();
    if let Some((x, y)) = &moments.rows {
        let mut inner = x * x.transpose() * squared;
        let s = inner.nrows();
        (0..s).for_each(|i| inner[(i, i)] += noise);
        let root = inner.cholesky()?.unpack();
        let log_det = 2.0 * root.diagonal().iter().map(|d| d.ln()).sum::<f64>() - s as f64 * noise.ln();
        let (x, y) = (root.solve_lower_triangular(x)?, root.solve_lower_triangular(y)?);
        let whitened = Moments {
            xx: DMatrix::zeros(0, 0),
            xy: x.tr_mul(&y),
            yy: y.norm_squared(),
            numbers: moments.numbers,
            rows: Some((x, y)),
        };
        return Some((whitened, log_det));
    }
    let mut inner = &moments.xx * squared;
    (0..n).for_each(|i| inner[(i, i)] += noise);
    let cholesky = inner.cholesky()?;
    // Xᵀ (σ² + τ² X Xᵀ)⁻¹ X = (σ² + τ² Xᵀ X)⁻¹ Xᵀ X, and the same of Y.
    let xx = cholesky.solve(&moments.xx);
    let xy = cholesky.solve(&moments.xy);
    let yy = (moments.yy - squared * moments.xy.dot(&xy)) / noise;
    let log_det = 2.0 * cholesky.l().diagonal().iter().map(|d| d.ln()).sum::<f64>() - n as f64 * noise.ln();
    let xx = (&xx + xx.transpose()) * 0.5;
    Some((Moments { xx, xy, yy, numbers: moments.numbers, rows: None }, log_det))
}

/// `ln p(y) / (s m)` of a task whose weights are `U v + τ z`: through the noise of the floor, `σ² +
/// τ² X Xᵀ`, which is the same for all outputs, in a number of steps that does not grow with m.
pub(crate) fn density_over_floor(u: &DMatrix<f64>, floor: f64, moments: &Moments, noise: f64) -> f64 {
    if floor == 0.0 {
        return Latent::free(u).density(moments, noise);
    }
    let m = moments.outputs();
    let Some((whitened, log_det)) = whitened(moments, floor * floor, noise) else { return f64::NEG_INFINITY };
    let numbers = moments.numbers.max(1) as f64;
    let rest = Latent::free(u).density(&whitened, 1.0);
    rest - 0.5 * (m as f64 * log_det + numbers * noise.ln()) / numbers
}

#[cfg(test)]
mod tests {
    use msr_groups::SignedPattern;
    use nalgebra::{DMatrix, DVector};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::{Latent, density_over_floor};
    use crate::confirm::scores;
    use crate::learn::Learned;
    use crate::moments::Moments;
    use crate::ties::Ties;

    fn matrix(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |_, _| rng.sample(StandardNormal))
    }

    /// `ln N(y; 0, σ² + X̃ C X̃ᵀ) / (s m)` with the covariance C of the weights, in full.
    fn direct(x: &DMatrix<f64>, y: &DMatrix<f64>, c: &DMatrix<f64>, noise: f64) -> f64 {
        let (s, n, m) = (x.nrows(), x.ncols(), y.ncols());
        let design = DMatrix::from_fn(s * m, m * n, |row, weight| {
            if row / s == weight / n { x[(row % s, weight % n)] } else { 0.0 }
        });
        let mut all = &design * c * design.transpose();
        (0..s * m).for_each(|i| all[(i, i)] += noise);
        let y = DVector::from_column_slice(y.as_slice());
        let cholesky = all.cholesky().unwrap_or_else(|| unreachable!("a covariance has a root"));
        let log_det = 2.0 * cholesky.l().diagonal().iter().map(|d| d.ln()).sum::<f64>();
        let numbers = (s * m) as f64;
        -0.5 * (y.dot(&cholesky.solve(&y)) + log_det + numbers * (std::f64::consts::TAU).ln()) / numbers
    }

    #[test]
    fn densities_are_those_of_the_gaussian_in_full() {
        let rng = &mut ChaCha8Rng::seed_from_u64(4);
        let (s, n, m, k) = (4, 3, 2, 2);
        let labels: Vec<_> = [0, 1, 1, 2, 0, 3].iter().map(|&l| (l != 3).then_some((l, l == 2))).collect();
        let pattern = SignedPattern::from_labels(m, n, &labels).unwrap_or_else(|e| unreachable!("{e}"));
        let ties = Ties::new(pattern);
        for _ in 0..5 {
            let (x, y) = (matrix(s, n, rng), matrix(s, m, rng));
            let (u, noise, floor) = (matrix(m * n, k, rng), 0.3, 0.4);
            let moments = Moments::new(&x, &y, false);
            let is_close = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{a} {b}");
            let free = &u * u.transpose();
            is_close(Latent::free(&u).density(&moments, noise), direct(&x, &y, &free, noise));
            let over = &free + DMatrix::identity(m * n, m * n) * (floor * floor);
            is_close(density_over_floor(&u, floor, &moments, noise), direct(&x, &y, &over, noise));
            let b = ties.weights_of(&DMatrix::identity(ties.free(), ties.free()));
            let p = &b * b.transpose();
            for floor in [0.0, floor] {
                let tied = &p * &free * &p + &p * (floor * floor);
                let latent = Latent::tied(&u, &ties, floor).unwrap_or_else(|| unreachable!("it is one"));
                is_close(latent.density(&moments, noise), direct(&x, &y, &tied, noise));
                // In the coordinates of the ties it is the same density.
                let (of_ties, z) = (ties.moments(&moments), ties.coordinates(&u));
                is_close(density_over_floor(&z, floor, &of_ties, noise), direct(&x, &y, &tied, noise));
                // The score is the derivative.
                let apart = &u - ties.project(&u);
                let at = |h: f64| {
                    let u = ties.project(&u) + &apart * h;
                    direct(&x, &y, &(&u * u.transpose() + &p * (floor * floor)), noise)
                };
                let learned = Learned { u: u.clone(), noise, floor };
                let found = scores(std::slice::from_ref(&moments), &learned, &ties);
                let found = found.and_then(|found| found.first().copied()).unwrap_or(f64::NAN);
                let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
    }
}
