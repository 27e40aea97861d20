//! Steerable filters, which can be turned by any angle without interpolation.
//!
//! They are sums of Gaussian rings times circular harmonics,
//! `ψ(r, θ) = exp(−(r − r_i)² / (2 σ_i²)) cos(j θ)` or `… sin(j θ)`. An output field has one
//! channel for each element of C_N (rotations) or D_N (rotations and flips): the filter turned, or
//! mirrored and turned, by it, which is a map from images to the regular representation.
//!
//! Source: Weiler, Cesa, "General E(2)-Equivariant Steerable CNNs" (NeurIPS 2019), section 2.6 and
//! appendix F. Rings, widths and the highest frequency of each ring give the span of e2cnn 0.2.3
//! for C_8 and 3 × 3 filters.

use nalgebra::DMatrix;

use super::{MOST_ROTATIONS, PlaneGroup};
use crate::error::{Error, Result};
use crate::limits::MOST_NUMBERS;

/// One basis function.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Harmonic {
    radius: f64,
    width: f64,
    frequency: usize,
    sine: bool,
}

impl Harmonic {
    /// The value at column `x` and row `−y` from the centre.
    fn at(self, x: f64, y: f64) -> f64 {
        let r = x.hypot(y);
        // At the centre there is no direction: only the constant harmonic has a value.
        if r == 0.0 && self.frequency > 0 {
            return 0.0;
        }
        let phase = self.frequency as f64 * y.atan2(x);
        let angular = if self.sine { phase.sin() } else { phase.cos() };
        (-(r - self.radius).powi(2) / (2.0 * self.width * self.width)).exp() * angular
    }
}

/// A basis of the filters of one output field.
///
/// # Shapes
/// A field has one channel for each element of the group. A filter has `kernel × kernel` taps.
///
/// # Example
/// Of eight channels, the one two steps on holds the filter turned by a quarter:
/// ```
/// use msr_groups::{PlaneGroup, SteerableBasis};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let basis = SteerableBasis::new(PlaneGroup::Rotations(8), 3)?;
/// assert_eq!((basis.len(), basis.channels()), (6, 8));
/// let field = basis.expand(&[0.3, -1.0, 0.7, 0.2, 1.1, -0.4])?;
/// let (first, turned) = (&field[..9], &field[2 * 9..3 * 9]);
/// // Counterclockwise: what was right is now above.
/// assert!((first[5] - turned[1]).abs() < 1e-12 && (first[2] - turned[0]).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SteerableBasis {
    group: PlaneGroup,
    kernel: usize,
    /// The expanded functions, `(channels, kernel, kernel)` each.
    filters: Vec<Vec<f64>>,
    /// The standard deviation of each weight under generalised He initialisation.
    std: Vec<f64>,
}

impl SteerableBasis {
    /// The basis for filters of `kernel × kernel` taps, `kernel` odd: rings of radius 0, 1, …, with
    /// frequencies up to twice the radius, normalised so that all channels of a function together
    /// have the squared norm of its representation's size.
    ///
    /// # Errors
    /// When `kernel` is even, the group has no rotations, or the filters would take more than half
    /// a gigabyte.
    pub fn new(group: PlaneGroup, kernel: usize) -> Result<Self> {
        let refused = |problem: String| Error::Family { family: "steerable filters", problem };
        if kernel.is_multiple_of(2)
            || group.rotations() == 0
            || kernel > 99
            || group.rotations() > MOST_ROTATIONS
        {
            return Err(refused(format!(
                "the kernel must be odd and have at most 99 taps a side, and there must be 1 to 1,000 rotations; \
                 got {kernel} and {group}"
            )));
        }
        let outermost = (kernel - 1) / 2;
        let mut functions = Vec::new();
        for ring in 0..=outermost {
            let width = match ring {
                0 => 0.005,
                _ if ring == outermost => 0.4,
                _ => 0.6,
            };
            for frequency in 0..=2 * ring {
                for sine in [false, true] {
                    if frequency > 0 || !sine {
                        functions.push(Harmonic { radius: ring as f64, width, frequency, sine });
                    }
                }
            }
        }
        if functions.len() * group.order() * kernel * kernel > MOST_NUMBERS {
            return Err(refused(format!(
                "{} functions of {kernel} × {kernel} taps, in {} copies each, are too many; take a smaller kernel or group",
                functions.len(),
                group.order()
            )));
        }
        let count = |label: (usize, bool)| {
            functions.iter().filter(|f| group.irreducible(f.frequency, f.sine).0 == label).count() as f64
        };
        let mut filters = Vec::with_capacity(functions.len());
        let mut std = Vec::with_capacity(functions.len());
        for &function in &functions {
            let (label, size, copies) = group.irreducible(function.frequency, function.sine);
            let mut filter: Vec<f64> = (0..group.order())
                .flat_map(|g| {
                    let (angle, flip) = group.element(g);
                    (0..kernel * kernel).map(move |tap| {
                        let x = (tap % kernel) as f64 - outermost as f64;
                        let y = outermost as f64 - (tap / kernel) as f64;
                        // The function at the point that g brings here: turned back, then mirrored.
                        let (x, y) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
                        function.at(if flip { -x } else { x }, y)
                    })
                })
                .collect();
            let norm = filter.iter().map(|f| f * f).sum::<f64>().sqrt();
            let scale = (size as f64).sqrt() / norm.max(f64::MIN_POSITIVE);
            filter.iter_mut().for_each(|f| *f *= scale);
            filters.push(filter);
            std.push((copies as f64 / count(label)).sqrt());
        }
        Ok(Self { group, kernel, filters, std })
    }

    /// The group.
    pub fn group(&self) -> PlaneGroup {
        self.group
    }

    /// The number of taps along a side.
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// The number of basis functions: the free weights of a field.
    pub fn len(&self) -> usize {
        self.filters.len()
    }

    /// Whether there are no basis functions. There is always at least one.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The number of channels of a field: the order of the group.
    pub fn channels(&self) -> usize {
        self.group.order()
    }

    /// The expanded basis functions, `(channels, kernel, kernel)` each, row by row.
    pub fn filters(&self) -> &[Vec<f64>] {
        &self.filters
    }

    /// The filters of a field, `Σ_i weights[i] ψ_i`: `(channels, kernel, kernel)`, row by row.
    ///
    /// # Errors
    /// When there are not as many weights as basis functions.
    pub fn expand(&self, weights: &[f64]) -> Result<Vec<f64>> {
        if weights.len() != self.len() {
            let problem = format!("{} weights for {} basis functions", weights.len(), self.len());
            return Err(Error::Family { family: "steerable filters", problem });
        }
        let mut field = vec![0.0; self.channels() * self.kernel * self.kernel];
        for (weight, filter) in weights.iter().zip(&self.filters) {
            field.iter_mut().zip(filter).for_each(|(sum, f)| *sum += weight * f);
        }
        Ok(field)
    }

    /// The standard deviation of each function's weight under generalised He initialisation: the
    /// irreducible representation of a function fills the regular one as often as its functions
    /// together do.
    pub fn weight_stds(&self) -> &[f64] {
        &self.std
    }

    /// The equivariance error of a layer with these filters, `‖W − P W‖ / ‖W‖`. `filters` holds
    /// fields one after the other, `(channels, kernel, kernel)` each, with `columns` numbers for
    /// each tap, which are measured together. P is the projection on the filters that the group
    /// fixes, acting on channels and taps at once. Quarter turns and flips permute the taps, and P
    /// is the Reynolds projection: any filter in its moved copies has an error of zero. Other
    /// rotations do not map taps to taps; there P projects on the span of this basis. The result is
    /// NaN for filters that are zero.
    ///
    /// # Errors
    /// When the filters are not whole fields.
    pub fn distance(&self, filters: &[f64], columns: usize) -> Result<f64> {
        let size = self.channels() * self.kernel * self.kernel;
        let whole = size.checked_mul(columns).filter(|&whole| whole > 0);
        if filters.is_empty() || !whole.is_some_and(|whole| filters.len().is_multiple_of(whole)) {
            let problem =
                format!("{} numbers are no fields of {size} filter taps × {columns}", filters.len());
            return Err(Error::Family { family: "steerable filters", problem });
        }
        let span = self.fixed();
        let (mut inside, mut total) = (0.0, 0.0);
        for field in filters.chunks_exact(size * columns) {
            total += field.iter().map(|x| x * x).sum::<f64>();
            for direction in &span {
                let mut along = vec![0.0; columns];
                for (row, weight) in field.chunks_exact(columns).zip(direction) {
                    along.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
                }
                inside += along.iter().map(|x| x * x).sum::<f64>();
            }
        }
        Ok(((total - inside).max(0.0) / total).sqrt())
    }

    /// The filters of one field that the group fixes: an orthonormal basis, `channels · kernel²`
    /// numbers each.
    pub(super) fn fixed(&self) -> Vec<Vec<f64>> {
        if !self.group.is_exact() {
            return self.span();
        }
        let (order, taps) = (self.channels(), self.kernel * self.kernel);
        let value = 1.0 / (order as f64).sqrt();
        let copies = |tap: usize| {
            let mut field = vec![0.0; order * taps];
            (0..order).for_each(|g| field[g * taps + self.group.move_tap(g, self.kernel, tap)] = value);
            field
        };
        (0..taps).map(copies).collect()
    }

    /// The span of the basis: an orthonormal one, `channels · kernel²` numbers each.
    pub(super) fn span(&self) -> Vec<Vec<f64>> {
        orthonormal(&self.filters)
    }

    /// The span of the filters of one channel: an orthonormal basis, `kernel²` numbers each.
    pub(super) fn taps(&self) -> Vec<Vec<f64>> {
        let taps = self.kernel * self.kernel;
        let first: Vec<Vec<f64>> = self.filters.iter().map(|f| f[..taps].to_vec()).collect();
        orthonormal(&first)
    }
}

/// An orthonormal basis of the span of some vectors of equal length.
fn orthonormal(vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let length = vectors.first().map_or(0, Vec::len);
    let matrix = DMatrix::from_fn(vectors.len(), length, |i, j| vectors[i][j]);
    let svd = matrix.svd(false, true);
    let largest = svd.singular_values.iter().fold(0.0, |m: f64, &s| m.max(s));
    let Some(rows) = svd.v_t else { return Vec::new() };
    let kept = (0..rows.nrows()).filter(|&i| svd.singular_values[i] > 1e-9 * largest);
    kept.map(|i| rows.row(i).iter().copied().collect()).collect()
}
