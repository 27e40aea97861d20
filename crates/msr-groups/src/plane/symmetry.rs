//! Which rotations and flips a learned convolution has.
//!
//! A layer with `fields` fields of the regular representation of G has its filters fixed by G, acting on channels and taps
//! at once. For each group whose order divides the number of channels, the residual says how far what was learned is
//! from that:
//! - *a full symmetry matrix*: the directions in which the weights move (left singular vectors of U with a singular value
//!   above a tenth of the largest); the part outside the fixed filters of the worst of them;
//! - *Kronecker factors*: `A ⊗ C` moves the weights in more directions than the fixed filters whatever A and C are. The
//!   larger of two numbers: how far the subspace of channels in which the layer adapts (the largest singular values of
//!   A, down to the widest gap) is from being carried to itself by G, `‖Q − P Q‖ / ‖Q − tr(Q)/o‖` with its projector Q and
//!   P the average over G of `ρ Q ρ⁻¹`; and the part of the worst of G's fixed filters that lies outside what A and C
//!   reach. Besides, the part of C's subspace outside the steerable filters.
//!
//! Zero is the group's exact symmetry, one is none of it. A layer that learned nothing (all directions alike) fits no group.
//! `docs/derivations/plane.md` has the reasons, and what Kronecker factors cannot tell.

use nalgebra::{DMatrix, DVector};

use super::{PlaneGroup, SteerableBasis};
use crate::error::{Error, Result};

/// A residual below this is a symmetry.
const LARGEST_RESIDUAL: f64 = 0.25;
/// Directions of U with a smaller singular value, relative to the largest, are ones in which a gradient step hardly moves:
/// a hundredth as far.
const SMALLEST_DIRECTION: f64 = 0.1;
/// A gap between singular values that is smaller, relative to the largest, separates nothing.
const SMALLEST_GAP: f64 = 0.1;
/// The most rotations of a group that is compared: as many as steerable filters have.
const MOST_ROTATIONS: usize = 1_000;

/// What was learned, of a convolution whose input channels are images (which a rotation turns, but does not mix).
#[derive(Clone, Copy, Debug)]
pub enum LearnedConv<'a> {
    /// `A (o, o)` over output channels and `C (k², k²)` over taps, row by row.
    Kronecker {
        /// A.
        channels: &'a [f64],
        /// C.
        taps: &'a [f64],
    },
    /// `U (o · k², columns)`, row by row.
    Full {
        /// U.
        symmetry: &'a [f64],
        /// Its number of columns.
        columns: usize,
    },
}

/// How well a group fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneFit {
    /// The group.
    pub group: PlaneGroup,
    /// The residual; zero is exact.
    pub residual: f64,
}

/// What [`plane_symmetry`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneSymmetry {
    /// The group, if there is one that holds and contains all others that do.
    pub group: Option<PlaneGroup>,
    /// All groups that were compared, the best first.
    pub fits: Vec<PlaneFit>,
    /// For Kronecker factors: the part of C's subspace outside the steerable filters.
    pub taps_residual: Option<f64>,
}

impl PlaneSymmetry {
    /// The residual of a group, if it was compared.
    pub fn residual(&self, group: PlaneGroup) -> Option<f64> {
        self.fits.iter().find(|fit| fit.group == group).map(|fit| fit.residual)
    }

    /// The best group besides `right` that is no symmetry of it: one that it does not contain, or that does not hold (a
    /// subgroup that permutes the channels otherwise).
    pub fn best_wrong(&self, right: PlaneGroup) -> Option<PlaneFit> {
        let wrong =
            |fit: &&PlaneFit| fit.group != right && !(right.contains(fit.group) && holds(fit.residual));
        self.fits.iter().find(wrong).copied()
    }
}

fn holds(residual: f64) -> bool {
    residual < LARGEST_RESIDUAL
}

/// Compares a learned convolution with `kernel × kernel` taps and `channels` output channels with every C_N (N ≥ 2) and D_N
/// whose order divides the number of channels, up to a thousand rotations. Channel `field · |G| + g` belongs to
/// element g, rotations first.
///
/// # Errors
/// When the sizes do not fit, the kernel is even, or a number is NaN or infinite.
///
/// # Example
/// The steerable filters of D4 themselves:
/// ```
/// use msr_groups::{LearnedConv, PlaneGroup, SteerableBasis, plane_symmetry};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let basis = SteerableBasis::new(PlaneGroup::RotationsAndFlips(4), 3)?;
/// let (rows, columns) = (8 * 9, basis.len());
/// let symmetry: Vec<f64> =
///     (0..rows).flat_map(|row| basis.filters().iter().map(move |filter| filter[row])).collect();
/// let found = plane_symmetry(LearnedConv::Full { symmetry: &symmetry, columns }, 8, 3)?;
/// assert_eq!(found.group, Some(PlaneGroup::RotationsAndFlips(4)));
/// # Ok(())
/// # }
/// ```
pub fn plane_symmetry(learned: LearnedConv<'_>, channels: usize, kernel: usize) -> Result<PlaneSymmetry> {
    let taps = kernel * kernel;
    let (lengths, expected) = match learned {
        LearnedConv::Kronecker { channels: a, taps: c } => {
            (vec![a.len(), c.len()], vec![channels * channels, taps * taps])
        }
        LearnedConv::Full { symmetry, columns } => (vec![symmetry.len()], vec![channels * taps * columns]),
    };
    if lengths != expected || lengths.contains(&0) {
        let problem = format!(
            "expected {expected:?} numbers for {channels} channels and {kernel}² taps, got {lengths:?}"
        );
        return Err(Error::Family { family: "plane symmetry", problem });
    }
    let finite = match learned {
        LearnedConv::Kronecker { channels: a, taps: c } => a.iter().chain(c).all(|x| x.is_finite()),
        LearnedConv::Full { symmetry, .. } => symmetry.iter().all(|x| x.is_finite()),
    };
    if !finite {
        let problem = "what was learned is NaN or infinite somewhere".to_string();
        return Err(Error::Family { family: "plane symmetry", problem });
    }
    let what = match learned {
        LearnedConv::Kronecker { channels: a, taps: c } => {
            Directions::Product { channels: projector(a, channels), taps: projector(c, taps) }
        }
        LearnedConv::Full { symmetry, columns } => Directions::Filters(directions(symmetry, columns)),
    };
    let mut fits = Vec::new();
    for group in candidates(channels) {
        let fixed = SteerableBasis::new(group, kernel)?.fixed();
        let residual = match &what {
            Directions::Filters(q) => worst_outside(q, &fixed),
            Directions::Product { channels: q, taps: c } => {
                let asymmetry = asymmetry(q, group);
                if asymmetry.is_nan() { asymmetry } else { asymmetry.max(out_of_reach(q, c, &fixed)) }
            }
        };
        // NaN: nothing was learned.
        fits.push(PlaneFit { group, residual: if residual.is_nan() { 1.0 } else { residual } });
    }
    fits.sort_by(|a, b| a.residual.total_cmp(&b.residual));
    let taps_residual = match &what {
        Directions::Product { taps: c, .. } => {
            let span = SteerableBasis::new(PlaneGroup::Rotations(1), kernel)?.taps();
            Some(outside(c, &span))
        }
        Directions::Filters(_) => None,
    };
    let holding: Vec<PlaneGroup> = fits.iter().filter(|f| holds(f.residual)).map(|f| f.group).collect();
    let group = (holding.iter().copied())
        .find(|g| taps_residual.is_none_or(holds) && holding.iter().all(|other| g.contains(*other)));
    Ok(PlaneSymmetry { group, fits, taps_residual })
}

/// In which directions a layer moves its weights.
enum Directions {
    /// Filters, as orthonormal columns.
    Filters(DMatrix<f64>),
    /// Projectors on channels and on taps.
    Product { channels: DMatrix<f64>, taps: DMatrix<f64> },
}

/// Every C_N with N ≥ 2 and every D_N whose order divides the number of channels.
fn candidates(channels: usize) -> impl Iterator<Item = PlaneGroup> {
    let turns = (2..=channels.min(MOST_ROTATIONS)).map(PlaneGroup::Rotations);
    let both = (1..=(channels / 2).min(MOST_ROTATIONS)).map(PlaneGroup::RotationsAndFlips);
    turns.chain(both).filter(move |g| channels.is_multiple_of(g.order()))
}

/// The left singular vectors of `U (rows, columns)` whose singular value is not small.
fn directions(symmetry: &[f64], columns: usize) -> DMatrix<f64> {
    let rows = symmetry.len() / columns;
    let svd = DMatrix::from_row_slice(rows, columns, symmetry).svd(true, false);
    let largest = svd.singular_values.max();
    let kept: Vec<usize> = (0..svd.singular_values.len())
        .filter(|&i| svd.singular_values[i] > SMALLEST_DIRECTION * largest)
        .collect();
    svd.u.map_or_else(|| DMatrix::zeros(rows, 0), |u| u.select_columns(&kept))
}

/// The projector on the left singular directions of a square matrix above the widest gap between its singular values; on
/// everything when there is no gap.
fn projector(matrix: &[f64], n: usize) -> DMatrix<f64> {
    let svd = DMatrix::from_row_slice(n, n, matrix).svd(true, false);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| svd.singular_values[j].total_cmp(&svd.singular_values[i]));
    let value = |i: usize| svd.singular_values[order[i]];
    let gap = |i: usize| value(i) - value(i + 1);
    let widest = (0..n.saturating_sub(1)).max_by(|&i, &j| gap(i).total_cmp(&gap(j)));
    let kept = widest.filter(|&i| gap(i) > SMALLEST_GAP * value(0)).map_or(n, |i| i + 1);
    let Some(u) = svd.u else { return DMatrix::zeros(n, n) };
    let u = u.select_columns(&order[..kept]);
    &u * u.transpose()
}

/// The part of the worst direction in the span of the orthonormal columns `q (o · k², r)` outside the fixed filters of all
/// fields, of which `fixed` are one field's: `√(1 − λ)`, λ the smallest eigenvalue of `Qᵀ P Q`. NaN without columns.
fn worst_outside(q: &DMatrix<f64>, fixed: &[Vec<f64>]) -> f64 {
    let size = fixed.first().map_or(1, Vec::len);
    let mut gram = DMatrix::<f64>::zeros(q.ncols(), q.ncols());
    for field in 0..q.nrows() / size {
        let part = q.rows(field * size, size);
        for filter in fixed {
            let along = part.transpose() * DVector::from_column_slice(filter);
            gram += &along * along.transpose();
        }
    }
    smallest_eigenvalue(gram).map_or(f64::NAN, |l| (1.0 - l).max(0.0).sqrt())
}

/// The part of the worst fixed filter of any field outside the product of the subspaces of channels and taps:
/// `√(1 − λ)`, λ the smallest eigenvalue of `⟨ψ_i, (Q ⊗ C) ψ_j⟩` over the fixed filters ψ of a field.
fn out_of_reach(q: &DMatrix<f64>, taps: &DMatrix<f64>, fixed: &[Vec<f64>]) -> f64 {
    let (size, k) = (fixed.first().map_or(1, Vec::len), taps.nrows());
    let channels = size / k;
    let filters: Vec<DMatrix<f64>> = fixed.iter().map(|f| DMatrix::from_row_slice(channels, k, f)).collect();
    let mut worst = 0.0f64;
    for field in 0..q.nrows() / channels {
        let block = q.view((field * channels, field * channels), (channels, channels));
        let seen: Vec<DMatrix<f64>> = filters.iter().map(|f| block * f * taps).collect();
        let gram = DMatrix::from_fn(fixed.len(), fixed.len(), |i, j| filters[i].dot(&seen[j]));
        let smallest = smallest_eigenvalue(gram).unwrap_or(0.0);
        worst = worst.max((1.0 - smallest).max(0.0).sqrt());
    }
    worst
}

/// Of a symmetric matrix; `None` of an empty one.
fn smallest_eigenvalue(matrix: DMatrix<f64>) -> Option<f64> {
    (matrix.nrows() > 0).then(|| matrix.symmetric_eigen().eigenvalues.min())
}

/// `‖Q − P Q‖ / ‖Q − tr(Q)/n‖`, P the average over the group, acting regularly on each field; NaN for a Q that is a multiple
/// of the identity.
fn asymmetry(q: &DMatrix<f64>, group: PlaneGroup) -> f64 {
    let (n, order) = (q.nrows(), group.order());
    let mean = q.trace() / n as f64;
    let total: f64 = (0..n * n).map(|at| (q[at] - if at % (n + 1) == 0 { mean } else { 0.0 }).powi(2)).sum();
    let mut average = DMatrix::<f64>::zeros(n, n);
    for h in 0..order {
        let shift = group.shift(h);
        let to = |channel: usize| channel / order * order + shift[channel % order];
        for i in 0..n {
            for j in 0..n {
                average[(to(i), to(j))] += q[(i, j)] / order as f64;
            }
        }
    }
    if total <= 1e-12 * n as f64 {
        return f64::NAN;
    }
    ((q - average).norm_squared() / total).sqrt()
}

/// The part of a projector's subspace outside a span with this orthonormal basis, `√(1 − tr(Q S) / tr(Q))`.
fn outside(q: &DMatrix<f64>, span: &[Vec<f64>]) -> f64 {
    let inside: f64 = span
        .iter()
        .map(|v| {
            let v = DVector::from_column_slice(v);
            (q * &v).dot(&v)
        })
        .sum();
    (1.0 - inside / q.trace().max(f64::MIN_POSITIVE)).max(0.0).sqrt()
}
