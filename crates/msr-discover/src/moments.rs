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
    /// x (s × n) and y (s × m), where there are fewer examples than inputs: through them everything
    /// is less work.
    pub rows: Option<(DMatrix<f64>, DMatrix<f64>)>,
}

impl Moments {
    /// Of `x (s × n)` and `y (s × m)`; `centred`: whether means were taken away.
    pub fn new(x: &DMatrix<f64>, y: &DMatrix<f64>, centred: bool) -> Self {
        let numbers = if centred { y.len().saturating_sub(y.ncols()) } else { y.len() };
        let rows = (x.nrows() < x.ncols()).then(|| (x.clone(), y.clone()));
        Self { xx: x.tr_mul(x), xy: x.tr_mul(y), yy: y.norm_squared(), numbers, rows }
    }

    /// The number of inputs, n.
    pub fn inputs(&self) -> usize {
        self.xy.nrows()
    }

    /// The number of outputs, m.
    pub fn outputs(&self) -> usize {
        self.xy.ncols()
    }

    /// `Σ y xᵀ` as a vector in the order of weights, entry `y n + x`.
    pub fn xy_vector(&self) -> DVector<f64> {
        DVector::from_column_slice(self.xy.as_slice())
    }

    /// `Aᵀ (1 ⊗ Σ x xᵀ) B` for matrices over weights.
    pub fn sandwich(&self, a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
        let n = self.inputs();
        let mut found = DMatrix::zeros(a.ncols(), b.ncols());
        for y in 0..self.outputs() {
            let (a, b) = (a.rows(y * n, n), b.rows(y * n, n));
            found += match &self.rows {
                Some((x, _)) => (x * a).tr_mul(&(x * b)),
                None => a.tr_mul(&(&self.xx * b)),
            };
        }
        found
    }

    /// A matrix X with `Xᵀ X = Σ x xᵀ`, of at most n rows.
    pub fn root(&self) -> Option<DMatrix<f64>> {
        if let Some((x, _)) = &self.rows {
            return Some(x.clone());
        }
        let mut xx = self.xx.clone();
        let least = 1e-12 * xx.trace() / xx.nrows() as f64;
        (0..xx.nrows()).for_each(|i| xx[(i, i)] += least);
        Some(xx.cholesky()?.unpack().transpose())
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
