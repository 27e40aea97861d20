//! Weights tied by a pattern, in orthonormal coordinates.

use msr_groups::SignedPattern;
use nalgebra::{DMatrix, DVector};

use crate::moments::Moments;

/// The most tied weights of which degrees of freedom are computed.
const MOST_TIED: usize = 400;

/// The pattern of tied weights as `vec(W) = B c`, with the orthonormal columns
/// `B[y n + x, label] = ± 1 / √size`.
#[derive(Clone, Debug)]
pub(crate) struct Ties {
    pub pattern: SignedPattern,
    pub inputs: usize,
    /// The coordinate of each weight and its factor; none where the weight is zero.
    cells: Vec<Option<(usize, f64)>>,
}

impl Ties {
    pub fn new(pattern: SignedPattern) -> Self {
        let (m, n) = (pattern.outputs(), pattern.inputs());
        let factor: Vec<f64> = pattern.sizes().iter().map(|&size| 1.0 / f64::from(size).sqrt()).collect();
        let cell = |weight: usize| {
            let (label, is_negative) = pattern.entry(weight / n, weight % n)?;
            Some((label, if is_negative { -factor[label] } else { factor[label] }))
        };
        let cells = (0..m * n).map(cell).collect();
        Self { pattern, inputs: n, cells }
    }

    /// K, the number of coordinates.
    pub fn free(&self) -> usize {
        self.pattern.free_parameters()
    }

    /// The number of weights, m n.
    pub fn weights(&self) -> usize {
        self.cells.len()
    }

    /// Of each weight, whether the pattern says anything of it: that it is tied to another, or
    /// zero.
    pub fn is_tied(&self) -> Vec<bool> {
        let sizes = self.pattern.sizes();
        self.cells.iter().map(|cell| cell.is_none_or(|(label, _)| sizes[label] > 1)).collect()
    }

    /// The weights that what breaks the pattern is compared with: those that it ties to others, or,
    /// where it only says that weights vanish, all others.
    pub fn compared(&self) -> Vec<bool> {
        match self.tied_kinds() {
            0 => self.cells.iter().map(Option::is_some).collect(),
            _ => self.is_tied().iter().zip(&self.cells).map(|(tied, cell)| *tied && cell.is_some()).collect(),
        }
    }

    /// How many different free parameters tied weights have.
    pub fn tied_kinds(&self) -> usize {
        self.pattern.sizes().iter().filter(|&&size| size > 1).count()
    }

    /// How many weights there are in which a pattern is seen, and how many free parameters they
    /// have: those of which it says something, or, where it only says that weights vanish, all.
    pub fn seen_in(&self) -> (usize, usize) {
        match self.tied_kinds() {
            0 => (self.weights(), self.free()),
            kinds => (self.is_tied().iter().filter(|&&tied| tied).count(), kinds),
        }
    }

    /// Whether weights are tied with a minus, or to zero.
    pub fn has_signs(&self) -> bool {
        self.cells.iter().any(|cell| cell.is_none_or(|(_, factor)| factor < 0.0))
    }

    /// `Bᵀ M`, of M with m n rows.
    pub fn coordinates(&self, of: &DMatrix<f64>) -> DMatrix<f64> {
        let mut found = DMatrix::zeros(self.free(), of.ncols());
        for column in 0..of.ncols() {
            for (weight, cell) in self.cells.iter().enumerate() {
                if let Some((label, factor)) = cell {
                    found[(*label, column)] += factor * of[(weight, column)];
                }
            }
        }
        found
    }

    /// `B M`, of M with K rows.
    pub fn weights_of(&self, of: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(self.weights(), of.ncols(), |weight, column| {
            self.cells[weight].map_or(0.0, |(label, factor)| factor * of[(label, column)])
        })
    }

    /// `P M = B Bᵀ M`: the part that the pattern ties.
    pub fn project(&self, of: &DMatrix<f64>) -> DMatrix<f64> {
        self.weights_of(&self.coordinates(of))
    }

    /// `Bᵀ w` of one vector of weights.
    pub fn coordinates_of(&self, w: &[f64]) -> DVector<f64> {
        let mut c = DVector::zeros(self.free());
        for (value, cell) in w.iter().zip(&self.cells) {
            if let Some((label, factor)) = cell {
                c[*label] += factor * value;
            }
        }
        c
    }

    /// `B c` of one vector of coordinates.
    pub fn weights_of_vector(&self, c: &DVector<f64>) -> DVector<f64> {
        let value = |cell: &Option<(usize, f64)>| cell.map_or(0.0, |(label, factor)| factor * c[label]);
        DVector::from_iterator(self.weights(), self.cells.iter().map(value))
    }

    /// `P w` of one vector of weights.
    pub fn project_vector(&self, w: &DVector<f64>) -> DVector<f64> {
        self.weights_of_vector(&self.coordinates_of(w.as_slice()))
    }

    /// The moments of a task in the coordinates of the tied weights: K inputs, one output.
    pub fn moments(&self, of: &Moments) -> Moments {
        let xy = DMatrix::from_column_slice(self.weights(), 1, of.xy.as_slice());
        Moments {
            xx: self.gram(&of.xx),
            xy: self.coordinates(&xy),
            yy: of.yy,
            numbers: of.numbers,
            rows: None,
        }
    }

    /// `Bᵀ (1 ⊗ Xᵀ X) B` of inputs X (s × n): through X B where that is less work.
    pub fn gram_of(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        let (n, k) = (self.inputs, self.free());
        let (s, m) = (x.nrows(), self.weights() / n);
        // A product of matrices does some eight numbers at a time.
        if s * (n + k * k / 8) >= n * n {
            return self.gram(&x.tr_mul(x));
        }
        let mut found = DMatrix::zeros(s * m, k);
        for (y, row) in self.cells.chunks_exact(n).enumerate() {
            for (j, cell) in row.iter().enumerate() {
                let Some((label, factor)) = cell else { continue };
                for (i, value) in x.column(j).iter().enumerate() {
                    found[(y * s + i, *label)] += factor * value;
                }
            }
        }
        found.tr_mul(&found)
    }

    /// `Bᵀ (1 ⊗ S) B`, K × K, for a matrix S (n × n) over inputs: in `m n²` steps.
    pub fn gram(&self, s: &DMatrix<f64>) -> DMatrix<f64> {
        let (n, k) = (self.inputs, self.free());
        let mut gram = DMatrix::zeros(k, k);
        for row in self.cells.chunks_exact(n) {
            for (j, right) in row.iter().enumerate() {
                let Some((right, by)) = right else { continue };
                for (i, left) in row.iter().enumerate() {
                    if let Some((left, factor)) = left {
                        gram[(*left, *right)] += factor * by * s[(i, j)];
                    }
                }
            }
        }
        gram
    }

    /// The degrees of freedom, in the metric of predictions, that tied weights cannot take up:
    /// `tr (1 ⊗ Σ) − tr (Bᵀ (1 ⊗ Σ) B)⁻¹ Bᵀ (1 ⊗ Σ²) B`; `None` for many tied weights.
    pub fn unexplained(&self, sigma: &DMatrix<f64>) -> Option<f64> {
        let m = self.weights() / self.inputs;
        if self.free() > MOST_TIED {
            return None;
        }
        let mut gram = self.gram(sigma);
        let ridge = 1e-9 * gram.trace() / self.free() as f64;
        (0..self.free()).for_each(|i| gram[(i, i)] += ridge);
        let taken = gram.cholesky()?.solve(&self.gram(&(sigma * sigma))).trace();
        Some(m as f64 * sigma.trace() - taken).filter(|&free| free > 1e-6 * sigma.trace())
    }
}
