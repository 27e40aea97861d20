//! Which rotations and flips a learned convolution has.
//!
//! A layer with `fields` fields of the regular representation of G has its filters fixed by G, acting on channels and taps
//! at once. For each group whose order divides the number of channels, the residual says how far what was learned is
//! from that:
//! - *a full symmetry matrix*, whose columns are filters: the part of it outside the fixed filters, `‖U − P U‖ / ‖U‖`;
//! - *Kronecker factors*: `U = A ⊗ C` spans more than the fixed filters whatever A and C are, so what is measured is the
//!   subspace of channels in which the layer adapts (singular values of A above half the largest), by its projector Q:
//!   `‖Q − P Q‖ / ‖Q − tr(Q)/o‖`, P the average over G of `ρ Q ρ⁻¹`; and how much of the same subspace for the taps, of C, lies
//!   outside the steerable filters.
//!
//! Zero is the group's exact symmetry; a subspace at random gives `√(1 − 1/|G|)`, and filters at random nearly one. A layer
//! that learned nothing (all directions alike) fits no group.

use nalgebra::DMatrix;

use super::{PlaneGroup, SteerableBasis};
use crate::error::{Error, Result};

/// A residual below this is a symmetry. What chance gives is at least `√(1 − 1/2)`.
const LARGEST_RESIDUAL: f64 = 0.25;

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

    /// The best group that does not hold.
    pub fn best_wrong(&self) -> Option<PlaneFit> {
        self.fits.iter().find(|fit| !holds(fit.residual)).copied()
    }
}

fn holds(residual: f64) -> bool {
    residual < LARGEST_RESIDUAL
}

/// Compares a learned convolution with `kernel × kernel` taps and `channels` output channels with every C_N (N ≥ 2) and D_N
/// whose order divides the number of channels. Channel `field · |G| + g` belongs to element g, rotations first.
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
    let subspace = match learned {
        LearnedConv::Kronecker { channels: a, .. } => Some(projector(a, channels)),
        LearnedConv::Full { .. } => None,
    };
    let mut fits = Vec::new();
    for group in candidates(channels) {
        let residual = match (learned, &subspace) {
            (LearnedConv::Full { symmetry, columns }, _) => {
                SteerableBasis::new(group, kernel)?.distance(symmetry, columns)?
            }
            (_, Some(q)) => asymmetry(q, group),
            _ => continue,
        };
        // NaN: nothing was learned.
        fits.push(PlaneFit { group, residual: if residual.is_nan() { 1.0 } else { residual } });
    }
    fits.sort_by(|a, b| a.residual.total_cmp(&b.residual));
    let taps_residual = match learned {
        LearnedConv::Kronecker { taps: c, .. } => {
            let span = SteerableBasis::new(PlaneGroup::Rotations(1), kernel)?.taps();
            Some(outside(&projector(c, taps), &span))
        }
        LearnedConv::Full { .. } => None,
    };
    let holding: Vec<PlaneGroup> = fits.iter().filter(|f| holds(f.residual)).map(|f| f.group).collect();
    let group = (holding.iter().copied())
        .find(|g| taps_residual.is_none_or(holds) && holding.iter().all(|other| g.contains(*other)));
    Ok(PlaneSymmetry { group, fits, taps_residual })
}

/// Every C_N with N ≥ 2 and every D_N whose order divides the number of channels.
fn candidates(channels: usize) -> impl Iterator<Item = PlaneGroup> {
    let turns = (2..=channels).map(PlaneGroup::Rotations);
    let both = (1..=channels / 2).map(PlaneGroup::RotationsAndFlips);
    turns.chain(both).filter(move |g| channels.is_multiple_of(g.order()))
}

/// The projector on the left singular directions of a square matrix whose singular value is above half the largest.
fn projector(matrix: &[f64], n: usize) -> DMatrix<f64> {
    let svd = DMatrix::from_row_slice(n, n, matrix).svd(true, false);
    let largest = svd.singular_values.iter().fold(0.0, |m: f64, &s| m.max(s));
    let mut q = DMatrix::zeros(n, n);
    if let Some(u) = svd.u {
        for (i, &s) in svd.singular_values.iter().enumerate() {
            if s > largest / 2.0 {
                q += u.column(i) * u.column(i).transpose();
            }
        }
    }
    q
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
            let v = nalgebra::DVector::from_column_slice(v);
            (q * &v).dot(&v)
        })
        .sum();
    (1.0 - inside / q.trace().max(f64::MIN_POSITIVE)).max(0.0).sqrt()
}
