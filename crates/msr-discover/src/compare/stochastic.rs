//! Relaxed permutations: doubly stochastic matrices that tie weights by what adapting with them
//! predicts.
//!
//! Source: van der Linden, García-Castellanos, Vadgama, Kuipers and Bekkers, "Learning symmetries
//! via weight-sharing with doubly stochastic tensors" (2024); Sinkhorn and Knopp, "Concerning
//! Nonnegative Matrices and Doubly Stochastic Matrices" (1967).

use nalgebra::{DMatrix, DVector};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::compare::bilevel::Sharing;

/// How often rows and columns are brought to the sum one.
const ROUNDS: usize = 12;
/// Below it a share counts as none.
const LEAST: f64 = 1e-12;

/// `W = mean over g of S_g W₀ T_gᵀ`: pairs of doubly stochastic matrices of outputs (S) and inputs
/// (T), the first of which are ones, as a group has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoublyStochastic {
    pub outputs: usize,
    pub inputs: usize,
    /// How many pairs, the ones included.
    pub pairs: usize,
}

/// What Sinkhorn's rounds went through: after each half of a round the matrix.
#[derive(Clone, Debug)]
struct Rounds(Vec<DMatrix<f64>>);

fn normalise(z: &mut DMatrix<f64>, by_rows: bool) -> DMatrix<f64> {
    let log_sum = |values: Vec<f64>| {
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
    };
    for at in 0..z.nrows() {
        match by_rows {
            true => {
                let sum = log_sum(z.row(at).iter().copied().collect());
                z.row_mut(at).add_scalar_mut(-sum);
            }
            false => {
                let sum = log_sum(z.column(at).iter().copied().collect());
                z.column_mut(at).add_scalar_mut(-sum);
            }
        }
    }
    z.map(f64::exp)
}

impl Rounds {
    fn new(logits: DMatrix<f64>) -> Self {
        let mut z = logits;
        Self((0..2 * ROUNDS).map(|half| normalise(&mut z, half % 2 == 0)).collect())
    }

    fn last(&self) -> &DMatrix<f64> {
        &self.0[self.0.len() - 1]
    }

    /// The derivative by the logits, given that by the result.
    fn backward(&self, by_result: &DMatrix<f64>) -> DMatrix<f64> {
        let mut by_log = by_result.component_mul(self.last());
        for (half, after) in self.0.iter().enumerate().rev() {
            for at in 0..after.nrows() {
                if half % 2 == 0 {
                    let sum = by_log.row(at).sum();
                    by_log.row_mut(at).zip_apply(&after.row(at), |by, share| *by -= share * sum);
                } else {
                    let sum = by_log.column(at).sum();
                    by_log.column_mut(at).zip_apply(&after.column(at), |by, share| *by -= share * sum);
                }
            }
        }
        by_log
    }
}

/// The pairs, and the matrix that they make.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    of: Vec<(Rounds, Rounds)>,
    matrix: DMatrix<f64>,
}

impl DoublyStochastic {
    fn per_pair(&self) -> usize {
        self.outputs * self.outputs + self.inputs * self.inputs
    }

    /// θ at the beginning.
    pub fn begin(&self, rng: &mut ChaCha8Rng) -> DVector<f64> {
        let count = self.pairs.saturating_sub(1) * self.per_pair();
        DVector::from_iterator(count, (0..count).map(|_| rng.sample::<f64, _>(StandardNormal)))
    }

    /// Calls `with` for each place of `S ⊗ T` that is not in a block of zeros: row, column, and the
    /// places in S and in T.
    fn blocks(&self, mut with: impl FnMut((usize, usize), (usize, usize))) {
        for a in 0..self.outputs {
            for b in 0..self.outputs {
                with((a, b), (a * self.inputs, b * self.inputs));
            }
        }
    }
}

impl Sharing for DoublyStochastic {
    type State = Pairs;

    fn forward(&self, theta: &DVector<f64>) -> Pairs {
        let (m, n) = (self.outputs, self.inputs);
        let of: Vec<(Rounds, Rounds)> = theta
            .as_slice()
            .chunks_exact(self.per_pair())
            .map(|part| {
                let (s, t) = part.split_at(m * m);
                let of =
                    |side: usize, part: &[f64]| Rounds::new(DMatrix::from_column_slice(side, side, part));
                (of(m, s), of(n, t))
            })
            .collect();
        let mut matrix = DMatrix::identity(m * n, m * n);
        for (s, t) in &of {
            self.blocks(|place, (row, column)| {
                let mut block = matrix.view_mut((row, column), (n, n));
                block.zip_apply(t.last(), |value, share| *value += s.last()[place] * share);
            });
        }
        matrix /= self.pairs as f64;
        Pairs { of, matrix }
    }

    fn matrix(state: &Pairs) -> &DMatrix<f64> {
        &state.matrix
    }

    /// The mean entropy of the rows of all matrices.
    #[cfg(test)]
    fn penalty(&self, state: &Pairs, weight: f64) -> f64 {
        let entropy = |of: &DMatrix<f64>| {
            of.iter().map(|&share| -share * share.max(LEAST).ln()).sum::<f64>() / of.nrows() as f64
        };
        let all: f64 = state.of.iter().map(|(s, t)| entropy(s.last()) + entropy(t.last())).sum();
        weight * all / (2 * state.of.len()).max(1) as f64
    }

    fn backward(&self, state: &Pairs, by_matrix: &DMatrix<f64>, weight: f64) -> DVector<f64> {
        let (m, n) = (self.outputs, self.inputs);
        let scale = 1.0 / self.pairs as f64;
        let mut by_theta = Vec::with_capacity(state.of.len() * self.per_pair());
        for (s, t) in &state.of {
            let entropy = |of: &DMatrix<f64>| {
                let scale = weight / of.nrows() as f64 / (2 * state.of.len()) as f64;
                of.map(|share| if share > LEAST { -share.ln() - 1.0 } else { -LEAST.ln() } * scale)
            };
            let (mut by_s, mut by_t) = (entropy(s.last()), entropy(t.last()));
            self.blocks(|place, (row, column)| {
                let block = by_matrix.view((row, column), (n, n));
                by_s[place] += scale * block.dot(t.last());
                by_t.zip_apply(&block, |by, value| *by += scale * s.last()[place] * value);
            });
            by_theta.extend_from_slice(s.backward(&by_s).as_slice());
            by_theta.extend_from_slice(t.backward(&by_t).as_slice());
        }
        debug_assert_eq!(by_theta.len(), state.of.len() * (m * m + n * n));
        DVector::from_vec(by_theta)
    }
}
