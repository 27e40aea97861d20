//! Tied weights that suit a task, where what tasks have in common is known.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::ties::Ties;

/// Up to so many tied weights the equations are solved directly.
const DIRECT: usize = 48;
/// The solution is taken when what is left of the right side is so small beside it.
const LEFT: f64 = 1e-9;
/// The most steps to it.
const STEPS: usize = 2_000;

/// `c ~ N(0, Z Zᵀ + f²)` for the coordinates c (K) of tied weights.
pub(crate) struct Prior<'a> {
    z: &'a DMatrix<f64>,
    /// f².
    floor: f64,
    /// `f² + Zᵀ Z`.
    inner: Cholesky<f64, Dyn>,
    /// `(Z Zᵀ + f²)⁻¹`, where equations are solved directly.
    precision: Option<DMatrix<f64>>,
}

impl<'a> Prior<'a> {
    /// `None` for a floor of zero.
    pub fn new(z: &'a DMatrix<f64>, floor: f64) -> Option<Self> {
        let floor = floor * floor;
        let mut inner = z.tr_mul(z);
        (0..inner.nrows()).for_each(|i| inner[(i, i)] += floor);
        let inner = inner.cholesky().filter(|_| floor > 0.0)?;
        let mut prior = Self { z, floor, inner, precision: None };
        if z.nrows() <= DIRECT {
            let columns: Vec<DVector<f64>> = (0..z.nrows())
                .map(|i| {
                    let mut unit = DVector::zeros(z.nrows());
                    unit[i] = 1.0;
                    prior.precision(&unit)
                })
                .collect();
            prior.precision = Some(DMatrix::from_columns(&columns));
        }
        Some(prior)
    }

    /// `(Z Zᵀ + f²) c`.
    fn covariance(&self, c: &DVector<f64>) -> DVector<f64> {
        self.z * self.z.tr_mul(c) + c * self.floor
    }

    /// `(Z Zᵀ + f²)⁻¹ c = (c − Z (f² + Zᵀ Z)⁻¹ Zᵀ c) / f²`.
    pub fn precision(&self, c: &DVector<f64>) -> DVector<f64> {
        (c - self.z * self.inner.solve(&self.z.tr_mul(c))) / self.floor
    }

    /// The mean of c, given the inputs x (s × n) of a task: the solution of `(Bᵀ (1 ⊗ xᵀ x) B / σ²
    /// + (Z Zᵀ + f²)⁻¹) c = b`.
    ///
    /// With many tied weights by conjugate gradients, preconditioned by the prior: what the task
    /// adds to it is of low rank beside the floor, so that few steps are needed.
    pub fn fitted(
        &self,
        ties: &Ties,
        x: &DMatrix<f64>,
        noise: f64,
        b: &DVector<f64>,
    ) -> Option<DVector<f64>> {
        if let Some(precision) = &self.precision {
            return Some((ties.gram_of(x) / noise + precision).cholesky()?.solve(b));
        }
        let (n, transposed) = (ties.inputs, x.transpose());
        let apply = |c: &DVector<f64>| {
            let w = ties.weights_of_vector(c);
            let by_output = DMatrix::from_column_slice(n, w.len() / n, w.as_slice());
            let seen = &transposed * (x * by_output);
            ties.coordinates_of(seen.as_slice()) / noise + self.precision(c)
        };
        let mut c = DVector::zeros(b.len());
        let mut left = b.clone();
        let mut smooth = self.covariance(&left);
        let mut along = smooth.clone();
        let mut size = left.dot(&smooth);
        let enough = size * LEFT * LEFT;
        for _ in 0..STEPS {
            if size <= enough || size <= 0.0 {
                return Some(c);
            }
            let changed = apply(&along);
            let step = size / along.dot(&changed);
            if !step.is_finite() {
                return None;
            }
            c.axpy(step, &along, 1.0);
            left.axpy(-step, &changed, 1.0);
            smooth = self.covariance(&left);
            let next = left.dot(&smooth);
            along = &smooth + along * (next / size);
            size = next;
        }
        // Rounding keeps it from the last digits; what is reached is the solution to many of them.
        (size <= enough * 1e8).then_some(c)
    }
}

#[cfg(test)]
mod tests {
    use msr_groups::SignedPattern;
    use nalgebra::{DMatrix, DVector};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::{DIRECT, Prior};
    use crate::ties::Ties;

    /// Both ways to solve the equations solve them.
    #[test]
    fn few_steps_are_as_good_as_a_root() {
        let rng = &mut ChaCha8Rng::seed_from_u64(2);
        let mut normal = |rows: usize, columns: usize| {
            DMatrix::<f64>::from_fn(rows, columns, |_, _| rng.sample(StandardNormal))
        };
        for (m, n, kinds) in [(4, 6, 12), (9, 12, 100), (12, 20, 60)] {
            let labels: Vec<_> = (0..m * n).map(|at| Some((at % kinds, at % 7 == 3))).collect();
            let pattern = SignedPattern::from_labels(m, n, &labels).unwrap_or_else(|e| unreachable!("{e}"));
            let ties = Ties::new(pattern);
            assert_eq!(ties.free() <= DIRECT, kinds == 12);
            for floor in [0.02, 0.5] {
                let (z, x, b) = (normal(ties.free(), 3), normal(8, n), normal(ties.free(), 1));
                let b = DVector::from_column_slice(b.as_slice());
                let prior = Prior::new(&z, floor).unwrap_or_else(|| unreachable!("it has a root"));
                let found = prior.fitted(&ties, &x, 0.1, &b).unwrap_or_default();
                let mut covariance = &z * z.transpose();
                (0..ties.free()).for_each(|i| covariance[(i, i)] += floor * floor);
                let inverse = covariance.try_inverse().unwrap_or_default();
                let expected = (ties.gram(&x.tr_mul(&x)) / 0.1 + inverse).lu().solve(&b).unwrap_or_default();
                assert!((&found - &expected).norm() < 1e-7 * expected.norm(), "{m} {n} {floor}");
            }
        }
        assert!(Prior::new(&normal(4, 2), 0.0).is_none());
    }
}
