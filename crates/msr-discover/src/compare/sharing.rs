//! A matrix that says which weights share which parameter, learned by what adapting with it
//! predicts.
//!
//! Source: Yeh, Hu, Hasegawa-Johnson and Schwing, "Equivariance Discovery by Learned
//! Parameter-Sharing" (AISTATS 2022).

use msr_groups::SignedPattern;
use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::compare::bilevel::Sharing;
use crate::ties::Ties;

/// `vec(W) = A φ`: the rows of A (m n × K) are the softmax of those of θ, which weight has how much
/// of which parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharingMatrix {
    pub weights: usize,
    pub parameters: usize,
    /// What unclear choices cost at the end of the course.
    pub penalty: f64,
}

impl SharingMatrix {
    /// θ at the beginning.
    pub fn begin(&self, rng: &mut ChaCha8Rng) -> DVector<f64> {
        let count = self.weights * self.parameters;
        DVector::from_iterator(count, (0..count).map(|_| rng.sample::<f64, _>(StandardNormal)))
    }

    /// The parameter that each weight has most of, as ties.
    pub fn ties(&self, (m, n): (usize, usize), a: &DMatrix<f64>) -> Option<Ties> {
        let labels: Vec<_> = a.row_iter().map(|row| Some((row.transpose().imax(), false))).collect();
        SignedPattern::from_labels(m, n, &labels).ok().map(Ties::new)
    }
}

/// The weight of few parameters beside that of clear choices.
const FEW: f64 = 0.1;
/// Below it a share counts as none.
const LEAST: f64 = 1e-12;

impl Sharing for SharingMatrix {
    type State = DMatrix<f64>;

    fn forward(&self, theta: &DVector<f64>) -> DMatrix<f64> {
        let mut a = DMatrix::from_column_slice(self.weights, self.parameters, theta.as_slice());
        for mut row in a.row_iter_mut() {
            let largest = row.max();
            row.apply(|value| *value = (*value - largest).exp());
            let sum = row.sum();
            row /= sum;
        }
        a
    }

    fn matrix(state: &DMatrix<f64>) -> &DMatrix<f64> {
        state
    }

    /// The mean entropy of the rows, and the mean length of the columns: the first makes shares
    /// choices, the second makes them few.
    #[cfg(test)]
    fn penalty(&self, a: &DMatrix<f64>, weight: f64) -> f64 {
        let entropy: f64 = a.iter().map(|&a| -a * a.max(LEAST).ln()).sum();
        let lengths: f64 = a.column_iter().map(|column| column.norm()).sum();
        weight * (entropy / self.weights as f64 + FEW * lengths / (self.weights as f64).sqrt())
    }

    fn backward(&self, a: &DMatrix<f64>, by_matrix: &DMatrix<f64>, weight: f64) -> DVector<f64> {
        let mut by_a = by_matrix.clone();
        for (k, column) in a.column_iter().enumerate() {
            let length = column.norm().max(LEAST) * (self.weights as f64).sqrt();
            for (i, &share) in column.iter().enumerate() {
                let entropy = if share > LEAST { -share.ln() - 1.0 } else { -LEAST.ln() };
                by_a[(i, k)] += weight * (entropy / self.weights as f64 + FEW * share / length);
            }
        }
        let mut by_theta = DMatrix::zeros(self.weights, self.parameters);
        for i in 0..self.weights {
            let middle = a.row(i).dot(&by_a.row(i));
            for k in 0..self.parameters {
                by_theta[(i, k)] = a[(i, k)] * (by_a[(i, k)] - middle);
            }
        }
        DVector::from_column_slice(by_theta.as_slice())
    }
}
