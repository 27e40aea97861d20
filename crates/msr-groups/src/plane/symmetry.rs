//! Which rotations and flips a learned convolution has.
//!
//! A layer with `fields` fields of the regular representation of G has filters that G fixes, acting
//! on channels and taps at once. For each group whose order divides the number of channels, the
//! residual says how far a learned layer is from that:
//! - *A full symmetry matrix.* The weights move in the directions of the left singular vectors of U
//!   with a singular value above a tenth of the largest. The residual is the part of the worst of
//!   these directions outside the fixed filters.
//! - *Kronecker factors.* Whatever A and C are, `A ⊗ C` moves the weights in more directions than
//!   the fixed filters. The layer adapts in the subspaces of channels and of taps with the largest
//!   singular values of A and of C, down to the widest gap. The residual is the largest of three
//!   numbers:
//!   1. how far G is from carrying the subspace of the channels to itself,
//!      `‖Q − P Q‖ / ‖Q − tr(Q)/o‖`, with Q its projector and P the average over G of `ρ Q ρ⁻¹`;
//!   2. the same for the taps, or, for rotations that do not permute taps, the part of their
//!      subspace outside the steerable filters;
//!   3. the part of the worst of G's steerable filters, of all fields, outside what A and C reach.
//!
//!   B mixes input channels, which G leaves alone.
//!
//! A residual of zero is the exact symmetry, one is none at all. A layer that learned nothing (all
//! directions alike) fits no group. [plane.md](crate::derivations::plane) gives the reasons, and
//! says what Kronecker factors cannot tell.

use std::fmt;

use nalgebra::{DMatrix, DVector};

use super::{MOST_ROTATIONS, PlaneGroup, SteerableBasis};
use crate::error::{Error, Result};

/// A residual of [`plane_symmetry`] below this is a symmetry.
pub const LARGEST_PLANE_RESIDUAL: f64 = 0.25;
/// A gradient step hardly moves along directions of U with a smaller singular value, relative to
/// the largest: at most a hundredth as far.
const SMALLEST_DIRECTION: f64 = 0.1;
/// A gap between singular values that is smaller, relative to the largest, separates nothing.
const SMALLEST_GAP: f64 = 0.1;

/// What a convolution learned. Its input channels are images, which a rotation turns, but does not
/// mix.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LearnedConv<'a> {
    /// Kronecker factors: `A (o, o)` over output channels and `C (k², k²)` over taps, row by row.
    Kronecker {
        /// A.
        channels: &'a [f64],
        /// C.
        taps: &'a [f64],
    },
    /// A full symmetry matrix `U (o · c · k², columns)`, for any number c of input channels, row by
    /// row.
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
    /// The group that holds and contains all others that hold, if there is one.
    pub group: Option<PlaneGroup>,
    /// All groups that were compared, the best first.
    pub fits: Vec<PlaneFit>,
}

impl PlaneSymmetry {
    /// The groups with a residual below [`LARGEST_PLANE_RESIDUAL`], the best first.
    pub fn holding(&self) -> impl Iterator<Item = PlaneGroup> {
        self.fits.iter().filter(|fit| holds(fit.residual)).map(|fit| fit.group)
    }

    /// The residual of a group, if it was compared.
    pub fn residual(&self, group: PlaneGroup) -> Option<f64> {
        self.fits.iter().find(|fit| fit.group == group).map(|fit| fit.residual)
    }

    /// The best group besides `right` that is no symmetry of it: one that it does not contain, or
    /// that does not hold (a subgroup that permutes the channels otherwise).
    pub fn best_wrong(&self, right: PlaneGroup) -> Option<PlaneFit> {
        let wrong =
            |fit: &&PlaneFit| fit.group != right && !(right.contains(fit.group) && holds(fit.residual));
        self.fits.iter().find(wrong).copied()
    }
}

impl fmt::Display for PlaneSymmetry {
    /// The group, or why none is claimed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = self.group {
            return write!(f, "Symmetry: {group}, order {}", group.order());
        }
        write!(f, "Symmetry: none is claimed; ")?;
        let holding: Vec<String> = self.holding().map(|g| g.to_string()).collect();
        match holding.as_slice() {
            [] => write!(f, "no group has a residual below the bound"),
            several => write!(f, "{} hold, and none contains all others", several.join(", ")),
        }
    }
}

fn holds(residual: f64) -> bool {
    residual < LARGEST_PLANE_RESIDUAL
}

/// Compares a learned convolution with `kernel × kernel` taps and `channels` output channels with
/// every C_N (N ≥ 2) and D_N whose order divides the number of channels, up to a thousand
/// rotations. Channel `field · |G| + g` belongs to element g, rotations first. Each input channel
/// is an image: G moves its pixels and does not mix it with others.
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
    let refused = |problem: String| Err(Error::Family { family: "plane symmetry", problem });
    let taps = kernel.saturating_mul(kernel);
    let square = |n: usize| n.saturating_mul(n);
    let (fits, parts): (bool, &[&[f64]]) = match learned {
        LearnedConv::Kronecker { channels: a, taps: c } => {
            (a.len() == square(channels) && c.len() == square(taps), &[a, c])
        }
        LearnedConv::Full { symmetry, columns } => {
            let one_input = channels.saturating_mul(taps).saturating_mul(columns);
            (one_input > 0 && symmetry.len().is_multiple_of(one_input), &[symmetry])
        }
    };
    if !fits || parts.iter().any(|part| part.is_empty()) {
        let expected = match learned {
            LearnedConv::Kronecker { .. } => {
                format!("A ({channels}, {channels}) and C ({kernel}², {kernel}²)")
            }
            LearnedConv::Full { columns, .. } => format!("U ({channels} · inputs · {kernel}², {columns})"),
        };
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        return refused(format!("expected {expected}, got {lengths:?} numbers"));
    }
    if !parts.iter().all(|part| part.iter().all(|x| x.is_finite())) {
        return refused("what was learned is NaN or infinite somewhere".into());
    }
    let what = match learned {
        LearnedConv::Kronecker { channels: a, taps: c } => {
            Directions::Product { channels: projector(a, channels), taps: projector(c, taps) }
        }
        LearnedConv::Full { symmetry, columns } => {
            let inputs = symmetry.len() / (channels * taps * columns);
            Directions::Filters(directions(&inputs_first(symmetry, columns, inputs, taps), columns))
        }
    };
    let mut fits = Vec::new();
    for group in candidates(channels) {
        let basis = SteerableBasis::new(group, kernel)?;
        let residual = match &what {
            Directions::Filters(q) => worst_outside(q, &basis.fixed()),
            Directions::Product { channels: q, taps: c } => {
                let on_channels = asymmetry(q, group.order(), |h| group.shift(h));
                let on_taps = match group.is_exact() {
                    // Taps that all move alike are symmetric. Channels that all move alike have
                    // learned nothing.
                    true => asymmetry(c, group.order(), |h| {
                        (0..taps).map(|tap| group.move_tap(h, kernel, tap)).collect()
                    })
                    .unwrap_or(0.0),
                    false => outside(c, &basis.taps()),
                };
                let span = basis.span();
                let (fields, seen) = (channels / group.order(), on_taps.max(out_of_reach(q, c, &span, 1)));
                let residual = on_channels.map_or(f64::NAN, |residual| residual.max(seen));
                // All fields at once show the most, and cost the most; they are only looked at
                // where a group would hold.
                if holds(residual) { residual.max(out_of_reach(q, c, &span, fields)) } else { residual }
            }
        };
        // NaN: nothing was learned.
        fits.push(PlaneFit { group, residual: if residual.is_nan() { 1.0 } else { residual } });
    }
    fits.sort_by(|a, b| a.residual.total_cmp(&b.residual));
    let found = PlaneSymmetry { group: None, fits };
    let group = found.holding().find(|g| found.holding().all(|other| g.contains(other)));
    Ok(PlaneSymmetry { group, ..found })
}

/// The rows of `U (o · inputs · taps, columns)` in the order (input, output, tap): what G does to
/// outputs and taps is the same for every input channel, so each input has fields of its own.
fn inputs_first(symmetry: &[f64], columns: usize, inputs: usize, taps: usize) -> Vec<f64> {
    let of_input = |input: usize| symmetry.chunks_exact(taps * columns).skip(input).step_by(inputs);
    (0..inputs).flat_map(of_input).flatten().copied().collect()
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

/// The projector on the left singular directions of a square matrix above the widest gap between
/// its singular values; on everything when there is no gap.
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

/// The part of the worst direction in the span of the orthonormal columns `q (o · k², r)` outside
/// the fixed filters of all fields, of which `fixed` are one field's: `√(1 − λ)`, λ the smallest
/// eigenvalue of `Qᵀ P Q`. NaN without columns.
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

/// The part of the worst steerable filter of `together` neighbouring fields outside the product of
/// the subspaces of channels and taps: `√(1 − λ)`, λ the smallest eigenvalue of
/// `⟨ψ_i, (Q ⊗ C) ψ_j⟩` over the steerable filters ψ of these fields.
fn out_of_reach(q: &DMatrix<f64>, taps: &DMatrix<f64>, steerable: &[Vec<f64>], together: usize) -> f64 {
    let (size, k, count) = (steerable.first().map_or(1, Vec::len), taps.nrows(), steerable.len());
    let channels = size / k;
    let filters: Vec<DMatrix<f64>> =
        steerable.iter().map(|f| DMatrix::from_row_slice(channels, k, f)).collect();
    let on_taps: Vec<DMatrix<f64>> = filters.iter().map(|f| f * taps).collect();
    let mut worst = 0.0f64;
    for first in (0..q.nrows() / channels).step_by(together.max(1)) {
        let mut gram = DMatrix::<f64>::zeros(together * count, together * count);
        for f in 0..together {
            for g in 0..together {
                let at = ((first + f) * channels, (first + g) * channels);
                let block = q.view(at, (channels, channels));
                for (j, filter) in on_taps.iter().enumerate() {
                    let seen = block * filter;
                    for (i, filter) in filters.iter().enumerate() {
                        gram[(f * count + i, g * count + j)] = filter.dot(&seen);
                    }
                }
            }
        }
        let smallest = smallest_eigenvalue(gram).unwrap_or(0.0);
        worst = worst.max((1.0 - smallest).max(0.0).sqrt());
    }
    worst
}

/// The smallest eigenvalue of a symmetric matrix; `None` for an empty one.
fn smallest_eigenvalue(matrix: DMatrix<f64>) -> Option<f64> {
    (matrix.nrows() > 0).then(|| matrix.symmetric_eigen().eigenvalues.min())
}

/// `‖Q − P Q‖ / ‖Q − tr(Q)/n‖`, P the average over a group; `None` for a Q that is a multiple of
/// the identity. Coordinates come in fields of as many as `to(h)` has entries, and element h sends
/// coordinate i of each field to coordinate `to(h)[i]` of it.
fn asymmetry(q: &DMatrix<f64>, order: usize, to: impl Fn(usize) -> Vec<usize>) -> Option<f64> {
    let n = q.nrows();
    let mean = q.trace() / n as f64;
    let total: f64 = (0..n * n).map(|at| (q[at] - if at % (n + 1) == 0 { mean } else { 0.0 }).powi(2)).sum();
    if total <= 1e-12 * n as f64 {
        return None;
    }
    let mut average = DMatrix::<f64>::zeros(n, n);
    for h in 0..order {
        let moved = to(h);
        let to = |at: usize| at / moved.len() * moved.len() + moved[at % moved.len()];
        for i in 0..n {
            for j in 0..n {
                average[(to(i), to(j))] += q[(i, j)] / order as f64;
            }
        }
    }
    Some(((q - average).norm_squared() / total).sqrt())
}

/// The part of a projector's subspace outside a span with this orthonormal basis,
/// `√(1 − tr(Q S) / tr(Q))`.
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
