//! The equivariance of filters on images.

use std::f64::consts::PI;

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::PlaneGroup;
use crate::error::{Error, Result};

/// Plane waves of a random image.
const WAVES: usize = 32;
/// Points at which outputs are compared.
const POINTS: usize = 16;

/// How far `x ↦ W ∗ x` is from equivariance on one random image:
/// `√(Σ (φ(h x) − h φ(x))² / Σ φ(x)²)`, summed over all elements h but the identity, over channels and over random points.
///
/// The image is a sum of random plane waves no shorter than `shortest` pixels. It is turned, and read between pixels,
/// exactly, so the result is the error of the filters alone. Filters with k × k taps cannot be turned by 45° exactly:
/// even steerable ones have an error here, which falls as `shortest` grows; turns by 90° and flips have none.
///
/// `filters` are `(fields · |G|, kernel, kernel)`, row by row. NaN for filters that are zero.
///
/// # Errors
/// When the filters are no whole fields, or `shortest` is below two pixels.
///
/// # Example
/// ```
/// use msr_groups::{PlaneGroup, SteerableBasis, image_equivariance_error};
/// use rand::SeedableRng;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let group = PlaneGroup::RotationsAndFlips(4);
/// let filters = SteerableBasis::new(group, 3)?.expand(&[0.3, -1.0, 0.7, 0.2, 1.1, -0.4])?;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// assert!(image_equivariance_error(group, &filters, 3, 6.0, &mut rng)? < 1e-12);
/// # Ok(())
/// # }
/// ```
pub fn image_equivariance_error(
    group: PlaneGroup,
    filters: &[f64],
    kernel: usize,
    shortest: f64,
    rng: &mut impl Rng,
) -> Result<f64> {
    let (taps, order) = (kernel * kernel, group.order());
    if taps * order == 0
        || filters.is_empty()
        || !filters.len().is_multiple_of(taps * order)
        || shortest.is_nan()
        || shortest < 2.0
    {
        let problem = format!(
            "{} filter taps are no fields of {order} channels with {kernel}² taps, or waves of {shortest} pixels are \
             shorter than two",
            filters.len()
        );
        return Err(Error::Family { family: "plane symmetry", problem });
    }
    let highest = 2.0 * PI / shortest;
    // (kx, ky, phase, amplitude)
    let waves: Vec<[f64; 4]> = (0..WAVES)
        .map(|_| {
            // Uniform in the disc of wave vectors.
            let (length, angle) = (highest * rng.random::<f64>().sqrt(), 2.0 * PI * rng.random::<f64>());
            let amplitude: f64 = StandardNormal.sample(rng);
            [length * angle.cos(), length * angle.sin(), 2.0 * PI * rng.random::<f64>(), amplitude]
        })
        .collect();
    let image =
        |x: f64, y: f64| -> f64 { waves.iter().map(|w| w[3] * (w[0] * x + w[1] * y + w[2]).cos()).sum() };
    let centre = (kernel as f64 - 1.0) / 2.0;
    // All channels at a point, of the image seen through `look`.
    let outputs = |x: f64, y: f64, look: &dyn Fn(f64, f64) -> (f64, f64)| -> Vec<f64> {
        let patch: Vec<f64> = (0..taps)
            .map(|tap| {
                let (right, up) = ((tap % kernel) as f64 - centre, centre - (tap / kernel) as f64);
                let (x, y) = look(x + right, y + up);
                image(x, y)
            })
            .collect();
        filters.chunks_exact(taps).map(|f| f.iter().zip(&patch).map(|(w, p)| w * p).sum()).collect()
    };
    let points: Vec<(f64, f64)> =
        (0..POINTS).map(|_| (rng.random_range(-16.0..16.0), rng.random_range(-16.0..16.0))).collect();
    let (mut difference, mut total) = (0.0, 0.0);
    for h in 1..order {
        let (angle, flip) = group.element(h);
        // The point that h brings to (x, y): turned back, then mirrored.
        let back = |x: f64, y: f64| {
            let (x, y) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
            (if flip { -x } else { x }, y)
        };
        let shift = group.shift(h);
        for &(x, y) in &points {
            let turned = outputs(x, y, &back);
            let (bx, by) = back(x, y);
            let plain = outputs(bx, by, &|x, y| (x, y));
            for (channel, value) in plain.iter().enumerate() {
                let to = channel / order * order + shift[channel % order];
                difference += (turned[to] - value).powi(2);
                total += value * value;
            }
        }
    }
    Ok(if order == 1 { 0.0 } else { (difference / total).sqrt() })
}
