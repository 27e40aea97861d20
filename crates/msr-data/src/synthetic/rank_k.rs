//! The rank-k problems: tasks with full (k = 1) or partial (k > 1) translation symmetry.
//!
//! Inputs are x ∈ R⁷⁰ ~ N(0, 1) with one channel, targets y ∈ R⁶⁸ come from a bias-free locally
//! connected layer with a kernel of three, `y[i] = Σ_j w[i, j] x[i + j]`. With rank 1 all positions
//! share one filter (a convolution). With rank r > 1, `w = C B`: the row-softmax C (68 × r) of a
//! normal matrix is fixed for the whole problem, the normal matrix B (r × 3) differs from task to
//! task.
//!
//! Source: Zhou, Knowles, Finn, "Meta-Learning Symmetries by Reparameterization" (ICLR 2021),
//! section 5.1 and the released generator.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, Result};
use crate::random::{Role, stream};
use msr_episodes::TaskSource;

const INPUTS: usize = 70;
const OUTPUTS: usize = 68;
const KERNEL: usize = INPUTS - OUTPUTS + 1;
const EXAMPLES: usize = 20;

/// A rank-k problem with no end of tasks, 20 examples each.
///
/// # Shapes
/// inputs `(1, 70)`, outputs `(1, 68)`
///
/// # Example
/// ```
/// use msr_data::RankK;
/// use msr_episodes::TaskSource;
/// # fn main() -> Result<(), msr_data::Error> {
/// let problem = RankK::new(1, 0)?;
/// let (mut x, mut y) = (vec![0f32; 70], vec![0f32; 68]);
/// problem.fill(5, &mut x, &mut y)?;
/// // Rank one: the same filter of three at every position.
/// let w = problem.filters(5);
/// assert!((y[10] - (w[0][0] * x[10] + w[0][1] * x[11] + w[0][2] * x[12])).abs() < 1e-5);
/// assert_eq!(w[0], w[67]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RankK {
    rank: usize,
    seed: u64,
    /// C, row by row; a single column of ones for rank one.
    connectivity: Vec<Vec<f64>>,
}

impl RankK {
    /// The problem of rank `rank`; `seed` fixes C and every task.
    ///
    /// # Errors
    /// When the rank is zero or larger than the number of positions.
    pub fn new(rank: usize, seed: u64) -> Result<Self> {
        if rank == 0 || rank > OUTPUTS {
            return Err(Error::Config { problem: format!("rank {rank} is not in 1..={OUTPUTS}") });
        }
        let mut rng = stream(seed, Role::Problem, rank as u64);
        let connectivity = (0..OUTPUTS)
            .map(|_| {
                let row: Vec<f64> = (0..rank).map(|_| normal(&mut rng)).collect();
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let exp: Vec<f64> = row.iter().map(|x| (x - largest).exp()).collect();
                let sum: f64 = exp.iter().sum();
                exp.into_iter().map(|e| e / sum).collect()
            })
            .collect();
        Ok(Self { rank, seed, connectivity })
    }

    /// The rank.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The filter at each of the 68 positions of task `task`: `w = C B`.
    pub fn filters(&self, task: usize) -> Vec<[f32; KERNEL]> {
        self.filters_from(&mut self.stream(task))
    }

    fn stream(&self, task: usize) -> ChaCha8Rng {
        // The rank is part of the index: problems of different rank share no task.
        stream(self.seed, Role::Task, ((self.rank as u64) << 40) | task as u64)
    }

    fn filters_from(&self, rng: &mut ChaCha8Rng) -> Vec<[f32; KERNEL]> {
        let basis: Vec<[f64; KERNEL]> =
            (0..self.rank).map(|_| std::array::from_fn(|_| normal(rng))).collect();
        self.connectivity
            .iter()
            .map(|row| {
                std::array::from_fn(|j| row.iter().zip(&basis).map(|(c, b)| c * b[j]).sum::<f64>() as f32)
            })
            .collect()
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

impl TaskSource for RankK {
    fn name(&self) -> String {
        format!("rank {} problem", self.rank)
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        EXAMPLES
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1, INPUTS]
    }

    fn output_shape(&self) -> Vec<usize> {
        vec![1, OUTPUTS]
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        self.check_buffers(x, y)?;
        let mut rng = self.stream(task);
        let filters = self.filters_from(&mut rng);
        x.fill_with(|| StandardNormal.sample(&mut rng));
        for (x, y) in x.chunks_exact(INPUTS).zip(y.chunks_exact_mut(OUTPUTS)) {
            for ((y, w), window) in y.iter_mut().zip(&filters).zip(x.windows(KERNEL)) {
                *y = w[0] * window[0] + w[1] * window[1] + w[2] * window[2];
            }
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        Ok(Some((vec![1, 1, 1, OUTPUTS, KERNEL], self.filters(task).concat())))
    }
}
