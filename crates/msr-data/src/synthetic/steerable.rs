//! Rotation and flip problems: convolutions whose filters come in turned (and mirrored) copies.
//!
//! The problem is that of Zhou, Knowles, Finn (ICLR 2021), section 5.2; the filters are those of
//! [`SteerableBasis`].

use msr_groups::{PlaneGroup, SteerableBasis};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, Result};
use crate::random::{Role, stream};
use msr_episodes::TaskSource;

/// The sizes of a [`SteerableConv`] problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SteerableConvConfig {
    /// C_N or D_N, any N.
    pub group: PlaneGroup,
    /// Taps along a side of the filters, odd.
    pub kernel: usize,
    /// Fields of the regular representation: there are `fields · |G|` output channels.
    pub fields: usize,
    /// Pixels along a side of the images.
    pub size: usize,
    /// The number of examples of each task.
    pub examples: usize,
    /// Fixes every task.
    pub seed: u64,
}

impl SteerableConvConfig {
    /// Those of Table 2: three fields, 3 × 3 filters, images of 32 × 32, 20 examples a task.
    pub fn new(group: PlaneGroup, seed: u64) -> Self {
        Self { group, kernel: 3, fields: 3, size: 32, examples: 20, seed }
    }
}

/// Tasks `y = W ∗ x` ("valid", no bias) with `fields` output fields, whose weights differ from task
/// to task.
///
/// # Shapes
/// inputs `(1, size, size)` ~ N(0, 1), outputs `(fields · |G|, m, m)` with
/// `m = size − kernel + 1`; channel `field · |G| + g` belongs to element g
///
/// # Example
/// ```
/// use msr_data::{SteerableConv, SteerableConvConfig};
/// use msr_episodes::TaskSource;
/// use msr_groups::PlaneGroup;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = SteerableConvConfig::new(PlaneGroup::Rotations(8), 0);
/// let problem = SteerableConv::new(config)?;
/// assert_eq!((problem.input_shape(), problem.output_shape()), (vec![1, 32, 32], vec![24, 30, 30]));
/// let larger = SteerableConv::new(SteerableConvConfig { kernel: 5, fields: 1, ..config })?;
/// assert_eq!(larger.output_shape(), [8, 28, 28]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SteerableConv {
    basis: SteerableBasis,
    config: SteerableConvConfig,
}

impl SteerableConv {
    /// A problem of these sizes.
    ///
    /// # Errors
    /// When the images are smaller than the filters, there are no fields or examples, the sizes are
    /// too large, or as [`SteerableBasis::new`].
    pub fn new(config: SteerableConvConfig) -> Result<Self> {
        let SteerableConvConfig { group, kernel, fields, size, examples, .. } = config;
        let basis = SteerableBasis::new(group, kernel)?;
        let outputs = fields.checked_mul(group.order()).and_then(|o| o.checked_mul(size)?.checked_mul(size));
        let count = outputs.and_then(|outputs| outputs.checked_mul(examples));
        if size < kernel || count.is_none_or(|count| count == 0) {
            return Err(Error::Config {
                problem: format!(
                    "tasks need images no smaller than the filters, and one field and one example or more; got {config:?}"
                ),
            });
        }
        Ok(Self { basis, config })
    }

    /// The basis.
    pub fn basis(&self) -> &SteerableBasis {
        &self.basis
    }

    /// The sizes.
    pub fn config(&self) -> SteerableConvConfig {
        self.config
    }

    /// The filters of a task, `(fields · |G|, kernel, kernel)`, row by row.
    ///
    /// # Errors
    /// As [`SteerableBasis::expand`].
    pub fn filters(&self, task: usize) -> Result<Vec<f64>> {
        self.filters_from(&mut self.stream(task))
    }

    fn stream(&self, task: usize) -> ChaCha8Rng {
        // The group is part of the index: problems of different groups share no task.
        let group = (self.basis.group().order() << 1
            | usize::from(self.basis.group().order() != self.basis.group().rotations()))
            as u64;
        stream(self.config.seed, Role::Task, (group << 40) | task as u64)
    }

    fn filters_from(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f64>> {
        let mut filters = Vec::new();
        for _ in 0..self.config.fields {
            let mut normal = || -> f64 { StandardNormal.sample(rng) };
            let weights: Vec<f64> = self.basis.weight_stds().iter().map(|std| std * normal()).collect();
            filters.extend(self.basis.expand(&weights)?);
        }
        Ok(filters)
    }

    fn channels(&self) -> usize {
        self.config.fields * self.basis.channels()
    }

    /// Pixels along a side of the outputs.
    fn side(&self) -> usize {
        self.config.size - self.config.kernel + 1
    }
}

impl TaskSource for SteerableConv {
    fn name(&self) -> String {
        let group = self.basis.group();
        match group {
            PlaneGroup::Rotations(_) => format!("{group} rotation problem"),
            PlaneGroup::RotationsAndFlips(_) => format!("{group} rotation and flip problem"),
        }
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        self.config.examples
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1, self.config.size, self.config.size]
    }

    fn output_shape(&self) -> Vec<usize> {
        vec![self.channels(), self.side(), self.side()]
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        self.check_buffers(x, y)?;
        let mut rng = self.stream(task);
        let filters: Vec<f32> = self.filters_from(&mut rng)?.into_iter().map(|f| f as f32).collect();
        x.fill_with(|| StandardNormal.sample(&mut rng));
        let SteerableConvConfig { kernel, size, .. } = self.config;
        let (taps, side) = (kernel * kernel, self.side());
        let positions = side * side;
        let mut columns = vec![0f32; taps * positions];
        for (image, outputs) in
            x.chunks_exact(size * size).zip(y.chunks_exact_mut(self.channels() * positions))
        {
            for (tap, column) in columns.chunks_exact_mut(positions).enumerate() {
                let lines = image.chunks_exact(size).skip(tap / kernel);
                for (run, line) in column.chunks_exact_mut(side).zip(lines) {
                    run.copy_from_slice(&line[tap % kernel..][..side]);
                }
            }
            pulp::Arch::new().dispatch(Combine { taps, filters: &filters, columns: &columns, outputs });
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        let filters: Vec<f32> = self.filters(task)?.into_iter().map(|f| f as f32).collect();
        let kernel = self.config.kernel;
        Ok(Some((vec![self.channels(), 1, kernel, kernel], filters)))
    }
}

/// `outputs[o, p] = Σ_s filters[o, s] columns[s, p]`, compiled for the widest vectors of this
/// processor; the order of the sums, and so every bit, is the same without.
struct Combine<'a> {
    taps: usize,
    filters: &'a [f32],
    columns: &'a [f32],
    outputs: &'a mut [f32],
}

impl pulp::WithSimd for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        /// Vectors of sums that stay in registers.
        const BLOCK: usize = 4;
        let Self { taps, filters, columns, outputs } = self;
        let positions = columns.len() / taps;
        for (weights, out) in filters.chunks_exact(taps).zip(outputs.chunks_exact_mut(positions)) {
            let (whole, rest) = S::as_mut_simd_f32s(out);
            let start = positions - rest.len();
            let (blocks, single) = whole.as_chunks_mut::<BLOCK>();
            for (number, block) in blocks.iter_mut().enumerate() {
                *block = sums(simd, weights, columns, positions, number * BLOCK);
            }
            for (number, out) in single.iter_mut().enumerate() {
                [*out] = sums(simd, weights, columns, positions, blocks.len() * BLOCK + number);
            }
            let mut last = simd.splat_f32s(0.0);
            for (column, &weight) in columns.chunks_exact(positions).zip(weights) {
                let column = simd.partial_load_f32s(&column[start..]);
                last = simd.add_f32s(last, simd.mul_f32s(simd.splat_f32s(weight), column));
            }
            simd.partial_store_f32s(rest, last);
        }
    }
}

/// `Σ_s weights[s] columns[s, p]` for N vectors of positions, from vector `at` on.
#[inline(always)]
fn sums<S: pulp::Simd, const N: usize>(
    simd: S,
    weights: &[f32],
    columns: &[f32],
    positions: usize,
    at: usize,
) -> [S::f32s; N] {
    let mut sums = [simd.splat_f32s(0.0); N];
    for (column, &weight) in columns.chunks_exact(positions).zip(weights) {
        let column = &S::as_simd_f32s(column).0[at..][..N];
        let weight = simd.splat_f32s(weight);
        for i in 0..N {
            sums[i] = simd.add_f32s(sums[i], simd.mul_f32s(weight, column[i]));
        }
    }
    sums
}
