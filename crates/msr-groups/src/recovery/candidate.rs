//! A way to tie the weights, with what speaks for it.

use super::RecoveryConfig;
use super::outcome::Evidence;
use super::reason::Reason;
use super::rows::{Cut, View};
use super::significance::ln_chance;
use crate::error::Result;
use crate::sharing::{SharingPattern, symmetry_residual};
use crate::symmetry_matrix::SymmetryMatrix;

/// The clusters before a gap of a view as ties.
pub(super) struct Candidate<'a> {
    pub view: &'a View,
    pub cut: &'a Cut,
    pub pattern: SharingPattern,
    pub evidence: Evidence,
    ln_chance: f64,
    clear: bool,
}

impl<'a> Candidate<'a> {
    /// The ties that a cut of a view of the rows of an `outputs · inputs`-row matrix shows, one of
    /// several `views`. All cuts of a view share one bound of chance: it holds for whichever
    /// partition is chosen.
    pub(super) fn new(
        view: &'a View,
        cut: &'a Cut,
        (outputs, inputs): (usize, usize),
        views: usize,
        config: &RecoveryConfig,
    ) -> Result<Self> {
        let pattern = SharingPattern::from_labels(outputs, inputs, &cut.labels)?;
        let residual = symmetry_residual(SymmetryMatrix::new(&view.data, outputs, inputs)?, &pattern)?;
        let tied = Tied::new(view, &pattern);
        // A few large rows that are tied to nothing must not make the differences of all others
        // look small.
        let residual = residual.max(tied.residual);
        let rows = outputs * inputs;
        let ln_chance = ln_chance(rows, tied.rows, tied.classes, residual, &tied.spectrum);
        // Each view is a chance of its own.
        let ln_chance = (ln_chance + (views.max(1) as f64).ln()).min(0.0);
        let tolerance = cut.tolerance;
        let clear = tolerance.gap() >= config.least_gap && residual <= config.largest_residual;
        let log10_chance = ln_chance / std::f64::consts::LN_10;
        let evidence = Evidence { tolerance, residual, log10_chance };
        Ok(Self { view, cut, pattern, evidence, ln_chance, clear })
    }

    /// The cluster of each row.
    pub(super) fn labels(&self) -> &[u32] {
        &self.cut.labels
    }

    /// Whether this is the better explanation: clear clusters before unclear ones; among equals,
    /// those that chance explains least.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        (!self.clear, self.ln_chance) < (!other.clear, other.ln_chance)
    }

    /// What keeps these ties from being claimed.
    pub(super) fn objection(&self, config: &RecoveryConfig) -> Option<Reason> {
        let (gap, residual) = (self.evidence.tolerance.gap(), self.evidence.residual);
        if gap < config.least_gap {
            return Some(Reason::UnclearClusters { gap, least: config.least_gap });
        }
        if residual > config.largest_residual {
            return Some(Reason::LargeResidual { residual, largest: config.largest_residual });
        }
        if self.ln_chance > config.largest_chance.ln() {
            return Some(Reason::Chance { bound: self.ln_chance.exp(), largest: config.largest_chance });
        }
        None
    }
}

/// The rows that are tied to others, without those that stand alone.
struct Tied {
    rows: usize,
    classes: usize,
    residual: f64,
    /// The eigenvalues of their Gram matrix.
    spectrum: Vec<f64>,
}

impl Tied {
    fn new(view: &View, pattern: &SharingPattern) -> Self {
        let c = view.columns;
        let in_company = |label: u32| pattern.sizes()[label as usize] > 1;
        let kept: Vec<(usize, u32)> =
            pattern.labels().iter().copied().enumerate().filter(|&(_, label)| in_company(label)).collect();
        let classes = pattern.sizes().iter().filter(|&&size| size > 1).count();
        let mut means = vec![0.0; pattern.free_parameters() * c];
        for &(row, label) in &kept {
            let size = f64::from(pattern.sizes()[label as usize]);
            for column in 0..c {
                means[label as usize * c + column] += view.data[row * c + column] / size;
            }
        }
        let (mut off, mut size) = (0.0, 0.0);
        for &(row, label) in &kept {
            for column in 0..c {
                let value = view.data[row * c + column];
                off += (value - means[label as usize * c + column]).powi(2);
                size += value * value;
            }
        }
        let residual = if size > 0.0 { (off / size).sqrt() } else { 0.0 };
        let matrix = nalgebra::DMatrix::from_fn(kept.len(), c, |i, j| view.data[kept[i].0 * c + j]);
        let spectrum = if kept.is_empty() {
            Vec::new()
        } else {
            (matrix.transpose() * &matrix).symmetric_eigenvalues().iter().map(|l| l.max(0.0)).collect()
        };
        Self { rows: kept.len(), classes, residual, spectrum }
    }
}
