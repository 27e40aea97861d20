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

/// The block of output y of a matrix over weights.
fn block(of: &DMatrix<f64>, y: usize, n: usize) -> DMatrix<f64> {
    of.rows(y * n, n).into_owned()
}

/// `Aᵀ (1 ⊗ S) B` for matrices over weights and S (n × n) over inputs.
pub(crate) fn sandwich(a: &DMatrix<f64>, s: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let n = s.nrows();
    let mut found = DMatrix::zeros(a.ncols(), b.ncols());
    for y in 0..a.nrows() / n.max(1) {
        found += block(a, y, n).tr_mul(&(s * block(b, y, n)));
    }
    found
}

impl<'a> Latent<'a> {
    /// `vec(W) = U v`, `v ~ N(0, 1)`.
    pub fn free(u: &DMatrix<f64>) -> Self {
        Self { map: Map::Dense(u.clone()), precision: None, log_det: 0.0 }
    }

    /// `vec(W) = B c`, `c ~ N(0, Bᵀ U Uᵀ B + τ²)`: the tied part of what U gives, over a floor. Without
    /// a floor, `vec(W) = P U v`.
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
            Map::Dense(l) => (sandwich(l, &moments.xx, l), l.tr_mul(&moments.xy_vector())),
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

/// `ln p(y) / (s m)` of a task whose weights are `U v + τ z`: through the noise of the floor,
/// `σ² + τ² X Xᵀ`, which is the same for all outputs, in a number of steps that does not grow with m.
pub(crate) fn density_over_floor(u: &DMatrix<f64>, floor: f64, moments: &Moments, noise: f64) -> f64 {
    if floor == 0.0 {
        return Latent::free(u).density(moments, noise);
    }
    let (n, m) = (moments.inputs(), moments.outputs());
    let squared = floor * floor;
    let mut inner = &moments.xx * squared;
    (0..n).for_each(|i| inner[(i, i)] += noise);
    let Some(cholesky) = inner.cholesky() else { return f64::NEG_INFINITY };
    // Xᵀ (σ² + τ² X Xᵀ)⁻¹ X = (σ² + τ² Xᵀ X)⁻¹ Xᵀ X, and the same of Y.
    let xx = cholesky.solve(&moments.xx);
    let xy = cholesky.solve(&moments.xy);
    let yy = (moments.yy - squared * moments.xy.dot(&xy)) / noise;
    let log_det = 2.0 * cholesky.l().diagonal().iter().map(|d| d.ln()).sum::<f64>() - n as f64 * noise.ln();
    let xx = (&xx + xx.transpose()) * 0.5;
    let whitened = Moments { xx, xy, yy, numbers: moments.numbers };
    let numbers = moments.numbers.max(1) as f64;
    let rest = Latent::free(u).density(&whitened, 1.0);
    rest - 0.5 * (m as f64 * log_det + numbers * noise.ln()) / numbers
}
