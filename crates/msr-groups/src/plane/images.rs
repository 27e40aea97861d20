//! The equivariance of a layer on images.

use std::f64::consts::PI;

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{MOST_ROTATIONS, PlaneGroup};
use crate::error::Error;
use crate::limits::check_count;

/// Plane waves of a random image.
const WAVES: usize = 32;
/// Points at which outputs are compared.
const POINTS: usize = 16;

/// How far a layer φ is from equivariance on one random image: `√(Σ (φ(h x) − h φ(x))² / Σ φ(x)²)`,
/// summed over all elements h but the identity, over channels and over random points.
///
/// The layer is a function that gets windows of the image, `(windows, window, window)` row by row,
/// and returns its outputs at their centres, one number for each channel,
/// `(windows, fields · |G|)`. A convolution with `k × k` taps and no padding sees windows of size
/// k. The function is called once, and not at all for the trivial group, whose error is zero.
///
/// The image is a sum of random plane waves no shorter than `shortest` pixels. It can be turned,
/// and read between pixels, exactly, so the result is the error of the layer alone. Filters with k
/// × k taps cannot be turned by 45° exactly: even steerable ones have an error here, which falls as
/// `shortest` grows. Turns by 90° and flips have none. The result is NaN for a layer whose outputs
/// are all zero.
///
/// # Errors
/// When the group has no rotations or more than a thousand; when the window is even or zero, or so
/// large that all windows together have more than 2²⁶ numbers; when `shortest` is below two pixels;
/// when the outputs of the layer are not whole fields; what the layer reports.
///
/// # Example
/// ```
/// use msr_groups::{PlaneGroup, SteerableBasis, image_equivariance_error};
/// use rand::SeedableRng;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let group = PlaneGroup::RotationsAndFlips(4);
/// let filters = SteerableBasis::new(group, 3)?.expand(&[0.3, -1.0, 0.7, 0.2, 1.1, -0.4])?;
/// let layer = |windows: &[f64]| -> Result<Vec<f64>, msr_groups::Error> {
///     let dot = |f: &[f64], window: &[f64]| f.iter().zip(window).map(|(f, x)| f * x).sum();
///     Ok(windows.chunks(9).flat_map(|x| filters.chunks(9).map(move |f| dot(f, x))).collect())
/// };
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// assert!(image_equivariance_error(group, 3, 6.0, &mut rng, layer)? < 1e-12);
/// # Ok(())
/// # }
/// ```
pub fn image_equivariance_error<E: From<Error>>(
    group: PlaneGroup,
    window: usize,
    shortest: f64,
    rng: &mut impl Rng,
    layer: impl FnOnce(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<f64, E> {
    let order = group.order();
    let refused = |problem: String| E::from(Error::Family { family: "plane symmetry", problem });
    if !(1..=MOST_ROTATIONS).contains(&group.rotations()) {
        return Err(refused(format!("a group has 1 to {MOST_ROTATIONS} rotations, got {group}")));
    }
    if window.is_multiple_of(2) || shortest.is_nan() || shortest < 2.0 {
        return Err(refused(format!(
            "{group} needs windows of an odd size and waves of two pixels or more, got {window} and {shortest}"
        )));
    }
    // Two windows for each element and point.
    let numbers =
        check_count("the windows of an image", &[2 * POINTS, order, window, window]).map_err(E::from)?;
    let taps = window * window;
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
    let centre = (window as f64 - 1.0) / 2.0;
    let points: Vec<(f64, f64)> =
        (0..POINTS).map(|_| (rng.random_range(-16.0..16.0), rng.random_range(-16.0..16.0))).collect();
    let around = |(x, y): (f64, f64)| {
        let at = move |at: usize| (x + (at % window) as f64 - centre, y + centre - (at / window) as f64);
        (0..taps).map(at)
    };
    // For each element and point: of the moved image there, and of the image where the
    // point came from.
    let mut windows = Vec::with_capacity(numbers);
    for h in 1..order {
        let (angle, flip) = group.element(h);
        // The point that h brings to (x, y): turned back, then mirrored.
        let back = |x: f64, y: f64| {
            let (x, y) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
            (if flip { -x } else { x }, y)
        };
        for &point in &points {
            let from = back(point.0, point.1);
            windows.extend(around(point).map(|(x, y)| back(x, y)).map(|(x, y)| image(x, y)));
            windows.extend(around(from).map(|(x, y)| image(x, y)));
        }
    }
    if order == 1 {
        return Ok(0.0);
    }
    let count = windows.len() / taps;
    let outputs = layer(&windows)?;
    let channels = outputs.len() / count;
    if channels == 0 || !channels.is_multiple_of(order) || channels * count != outputs.len() {
        return Err(refused(format!(
            "for {count} windows the layer returned {} numbers, which are no fields of {order} channels",
            outputs.len()
        )));
    }
    let (mut difference, mut total) = (0.0, 0.0);
    for (number, pair) in outputs.chunks_exact(2 * channels).enumerate() {
        let shift = group.shift(1 + number / POINTS);
        let (moved, plain) = pair.split_at(channels);
        for (channel, value) in plain.iter().enumerate() {
            let to = channel / order * order + shift[channel % order];
            difference += (moved[to] - value).powi(2);
            total += value * value;
        }
    }
    Ok((difference / total).sqrt())
}
