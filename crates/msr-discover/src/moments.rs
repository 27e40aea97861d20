//! What is needed of the examples of a task.

use nalgebra::{DMatrix, DVector};

/// Sums over the s examples of a task with inputs x (n) and outputs y (m).
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// `Σ x xᵀ`, n × n.
    pub xx: DMatrix<f64>,
    /// `Σ x yᵀ`, n × m: column y is `Σ x y`.
    pub xy: DMatrix<f64>,
    /// `Σ |y|²`.
    pub yy: f64,
    /// The numbers in the outputs that are free: s m, less a mean for each output where it was
    /// taken away.
    pub numbers: usize,
}

impl Moments {
    /// Of `x (s × n)` and `y (s × m)`; `centred`: whether means were taken away.
    pub fn new(x: &DMatrix<f64>, y: &DMatrix<f64>, centred: bool) -> Self {
        let numbers = if centred { y.len().saturating_sub(y.ncols()) } else { y.len() };
        Self { xx: x.tr_mul(x), xy: x.tr_mul(y), yy: y.norm_squared(), numbers }
    }

    /// The number of inputs, n.
    pub fn inputs(&self) -> usize {
        self.xx.nrows()
    }

    /// The number of outputs, m.
    pub fn outputs(&self) -> usize {
        self.xy.ncols()
    }

    /// `Σ y xᵀ` as a vector in the order of weights, entry `y n + x`.
    pub fn xy_vector(&self) -> DVector<f64> {
        DVector::from_column_slice(self.xy.as_slice())
    }

    /// The weights (m n) of the ridge regression with `ridge · s` added to `Σ x xᵀ`; `None` when
    /// that has no inverse.
    pub fn ridge(&self, ridge: f64) -> Option<DVector<f64>> {
        let s = self.numbers as f64 / self.outputs().max(1) as f64;
        let mut xx = self.xx.clone();
        (0..self.inputs()).for_each(|i| xx[(i, i)] += ridge * s);
        let w = xx.cholesky()?.solve(&self.xy);
        Some(DVector::from_column_slice(w.as_slice()))
    }

    /// `Σ |y − W x|²`.
    pub fn residual(&self, w: &DVector<f64>) -> f64 {
        let w = DMatrix::from_column_slice(self.inputs(), self.outputs(), w.as_slice());
        self.yy - 2.0 * w.dot(&self.xy) + w.dot(&(&self.xx * &w))
    }
}
