//! Rotation and flip problems: convolutions whose filters come in turned (and mirrored) copies.
//!
//! The problem is that of Zhou, Knowles, Finn (ICLR 2021), section 5.2; the filters are those of
//! [`SteerableBasis`].

use msr_groups::{PlaneGroup, SteerableBasis};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::Result;
use crate::random::{Role, stream};
use crate::source::{TaskSource, check_buffers};

/// Tasks `y = W ∗ x` ("valid", no bias) with `fields` output fields, whose weights differ from task to task.
///
/// # Shapes
/// inputs `(1, size, size)` ~ N(0, 1), outputs `(fields · channels, size − kernel + 1, size − kernel + 1)`; channel
/// `field · |G| + g` belongs to element g
///
/// # Example
/// ```
/// use msr_data::{SteerableConv, TaskSource};
/// use msr_groups::PlaneGroup;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
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
        let group = (self.basis.group().order() << 1
            | usize::from(self.basis.group().order() != self.basis.group().rotations()))
            as u64;
        stream(self.seed, Role::Task, (group << 40) | task as u64)
    }

    fn filters_from(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f64>> {
        let mut filters = Vec::with_capacity(FIELDS * self.basis.channels() * KERNEL * KERNEL);
        for _ in 0..FIELDS {
            let mut normal = || -> f64 { StandardNormal.sample(rng) };
            let weights: Vec<f64> = self.basis.weight_stds().iter().map(|std| std * normal()).collect();
            filters.extend(self.basis.expand(&weights)?);
        }
        Ok(filters)
    }
}

impl TaskSource for SteerableConv {
    fn name(&self) -> String {
        match self.basis.group() {
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
