//! Rotation and flip problems: convolutions whose filters come in turned (and mirrored) copies.
//!
//! The filters are sums of steerable basis functions, Gaussian rings times circular harmonics,
//! `ψ(r, θ) = exp(−(r − r_i)² / (2 σ_i²)) cos(j θ)` or `… sin(j θ)`, which can be turned by any angle without
//! interpolation. An output field has one channel for each element of C_N (rotations) or D_N (rotations and flips):
//! the filter turned, or mirrored and turned, by it, which is a map from images to the regular representation.
//!
//! Source: Weiler, Cesa, "General E(2)-Equivariant Steerable CNNs" (NeurIPS 2019), section 2.6 and appendix F; the
//! problem is that of Zhou, Knowles, Finn (ICLR 2021), section 5.2. Rings, widths and the highest frequency of each
//! ring give the span of e2cnn 0.2.3 for C8 and 3 × 3 filters.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, Result};
use crate::random::{Role, stream};
use crate::source::{TaskSource, check_buffers};

/// A group of rotations, or of rotations and flips, of the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaneGroup {
    /// C_N: rotations by multiples of `2π / N`.
    Rotations(usize),
    /// D_N: the same, and the flip of the vertical axis followed by them.
    RotationsAndFlips(usize),
}

impl PlaneGroup {
    /// The number of rotations, N.
    pub fn rotations(self) -> usize {
        match self {
            PlaneGroup::Rotations(n) | PlaneGroup::RotationsAndFlips(n) => n,
        }
    }

    /// The number of elements: N or 2N.
    pub fn order(self) -> usize {
        match self {
            PlaneGroup::Rotations(n) => n,
            PlaneGroup::RotationsAndFlips(n) => 2 * n,
        }
    }

    /// Element `g`: the angle of its rotation, and whether a flip comes before it. Rotations come first.
    fn element(self, g: usize) -> (f64, bool) {
        let n = self.rotations();
        (2.0 * PI * (g % n) as f64 / n as f64, g >= n)
    }

    /// The irreducible representation of a circular harmonic, by its frequency modulo N, and how many times a
    /// position of it occurs in the regular representation of this group with its size: `(index, size, copies)`.
    fn irreducible(self, frequency: usize) -> (usize, usize, usize) {
        let n = self.rotations();
        let index = (frequency % n).min(n - frequency % n);
        let size = if index == 0 || 2 * index == n { 1 } else { 2 };
        match self {
            PlaneGroup::Rotations(_) => (index, size, 1),
            PlaneGroup::RotationsAndFlips(_) => (index, size, size),
        }
    }
}

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
/// a field has one channel for each element of the group, a filter `kernel × kernel` taps
///
/// # Example
/// Turning a filter by a quarter is what the channel two steps on (of eight) holds:
/// ```
/// use msr_data::{PlaneGroup, SteerableBasis};
///
/// # fn main() -> Result<(), msr_data::Error> {
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
    /// The standard deviation of each weight: generalised He initialisation.
    std: Vec<f64>,
}

impl SteerableBasis {
    /// The basis for filters of `kernel × kernel` taps, `kernel` odd: rings of radius 0, 1, …, with frequencies up to
    /// twice the radius, normalised so that all channels of a function together have the squared norm of its
    /// representation's size.
    ///
    /// # Errors
    /// When `kernel` is even or the group has no rotations.
    pub fn new(group: PlaneGroup, kernel: usize) -> Result<Self> {
        if kernel.is_multiple_of(2) || group.rotations() == 0 || kernel > 99 || group.rotations() > 1_000 {
            return Err(Error::Config {
                problem: format!(
                    "steerable filters need an odd kernel of at most 99 taps a side and 1 to 1,000 rotations; got \
                     {kernel} and {group:?}"
                ),
            });
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
        let count = |index: usize| {
            functions.iter().filter(|f| group.irreducible(f.frequency).0 == index).count() as f64
        };
        let mut filters = Vec::with_capacity(functions.len());
        let mut std = Vec::with_capacity(functions.len());
        for &function in &functions {
            let (index, size, copies) = group.irreducible(function.frequency);
            let mut filter: Vec<f64> = (0..group.order())
                .flat_map(|g| {
                    let (angle, flip) = group.element(g);
                    (0..kernel * kernel).map(move |tap| {
                        let x = (tap % kernel) as f64 - outermost as f64;
                        let y = outermost as f64 - (tap / kernel) as f64;
                        // The function at the point that g brings here: turned back, then mirrored.
                        let (x, y) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
                        function.at(x, if flip { -y } else { y })
                    })
                })
                .collect();
            let norm = filter.iter().map(|f| f * f).sum::<f64>().sqrt();
            let scale = (size as f64).sqrt() / norm.max(f64::MIN_POSITIVE);
            filter.iter_mut().for_each(|f| *f *= scale);
            filters.push(filter);
            std.push((copies as f64 / count(index)).sqrt());
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

    /// Whether there are none; there is always one.
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
            return Err(Error::Config { problem });
        }
        let mut field = vec![0.0; self.channels() * self.kernel * self.kernel];
        for (weight, filter) in weights.iter().zip(&self.filters) {
            field.iter_mut().zip(filter).for_each(|(sum, f)| *sum += weight * f);
        }
        Ok(field)
    }
}

/// Tasks `y = W ∗ x` ("valid", no bias) with `fields` output fields, whose weights differ from task to task.
///
/// # Shapes
/// inputs `(1, size, size)` ~ N(0, 1), outputs `(fields · channels, size − kernel + 1, size − kernel + 1)`; channel
/// `field · |G| + g` belongs to element g
///
/// # Example
/// ```
/// use msr_data::{PlaneGroup, SteerableConv, TaskSource};
///
/// # fn main() -> Result<(), msr_data::Error> {
/// let problem = SteerableConv::new(PlaneGroup::Rotations(8), 0)?;
/// assert_eq!((problem.input_shape(), problem.output_shape()), (vec![1, 32, 32], vec![24, 30, 30]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SteerableConv {
    basis: SteerableBasis,
    seed: u64,
}

const FIELDS: usize = 3;
const SIZE: usize = 32;
const KERNEL: usize = 3;
const EXAMPLES: usize = 20;

impl SteerableConv {
    /// The problem of Table 2: three fields, 3 × 3 filters, images of 32 × 32, 20 examples a task.
    ///
    /// # Errors
    /// As [`SteerableBasis::new`].
    pub fn new(group: PlaneGroup, seed: u64) -> Result<Self> {
        Ok(Self { basis: SteerableBasis::new(group, KERNEL)?, seed })
    }

    /// The basis.
    pub fn basis(&self) -> &SteerableBasis {
        &self.basis
    }

    /// The filters of a task, `(fields · channels, kernel, kernel)`, row by row.
    ///
    /// # Errors
    /// None; a result for the sake of the basis' checks.
    pub fn filters(&self, task: usize) -> Result<Vec<f64>> {
        self.filters_from(&mut self.stream(task))
    }

    fn stream(&self, task: usize) -> ChaCha8Rng {
        // The group is part of the index: problems of different groups share no task.
        let group = (self.basis.group.order() << 1
            | usize::from(self.basis.group.order() != self.basis.group.rotations()))
            as u64;
        stream(self.seed, Role::Task, (group << 40) | task as u64)
    }

    fn filters_from(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f64>> {
        let mut filters = Vec::with_capacity(FIELDS * self.basis.channels() * KERNEL * KERNEL);
        for _ in 0..FIELDS {
            let mut normal = || -> f64 { StandardNormal.sample(rng) };
            let weights: Vec<f64> = self.basis.std.iter().map(|std| std * normal()).collect();
            filters.extend(self.basis.expand(&weights)?);
        }
        Ok(filters)
    }
}

impl TaskSource for SteerableConv {
    fn name(&self) -> String {
        match self.basis.group {
            PlaneGroup::Rotations(n) => format!("C{n} rotation problem"),
            PlaneGroup::RotationsAndFlips(n) => format!("D{n} rotation and flip problem"),
        }
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        EXAMPLES
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1, SIZE, SIZE]
    }

    fn output_shape(&self) -> Vec<usize> {
        let side = SIZE - KERNEL + 1;
        vec![FIELDS * self.basis.channels(), side, side]
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> Result<()> {
        check_buffers(self, x, y)?;
        let mut rng = self.stream(task);
        let filters: Vec<f32> = self.filters_from(&mut rng)?.into_iter().map(|f| f as f32).collect();
        x.fill_with(|| StandardNormal.sample(&mut rng));
        let side = SIZE - KERNEL + 1;
        let channels = filters.len() / (KERNEL * KERNEL);
        for (image, outputs) in x.chunks_exact(SIZE * SIZE).zip(y.chunks_exact_mut(channels * side * side)) {
            for (filter, out) in
                filters.chunks_exact(KERNEL * KERNEL).zip(outputs.chunks_exact_mut(side * side))
            {
                correlate(image, filter, out);
            }
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> Result<Option<(Vec<usize>, Vec<f32>)>> {
        let filters: Vec<f32> = self.filters(task)?.into_iter().map(|f| f as f32).collect();
        Ok(Some((vec![FIELDS * self.basis.channels(), 1, KERNEL, KERNEL], filters)))
    }
}

/// `out[r, c] = Σ_{i,j} filter[i, j] image[r + i, c + j]`.
fn correlate(image: &[f32], filter: &[f32], out: &mut [f32]) {
    let side = SIZE - KERNEL + 1;
    for (r, row) in out.chunks_exact_mut(side).enumerate() {
        row.fill(0.0);
        for (tap, &weight) in filter.iter().enumerate() {
            let start = (r + tap / KERNEL) * SIZE + tap % KERNEL;
            let line = &image[start..start + side];
            row.iter_mut().zip(line).for_each(|(sum, pixel)| *sum += weight * pixel);
        }
    }
}
