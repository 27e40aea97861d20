//! Tasks whose true maps share the symmetry of a group, and nothing else.

use msr_groups::SharingPattern;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, Result};
use crate::random::{Role, stream};
use msr_episodes::TaskSource;

/// What inputs are drawn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inputs {
    /// N(0, 1)
    #[default]
    Normal,
    /// The numbers 1 to 9, each as likely, shifted and scaled to mean 0 and variance 1.
    Digits,
}

/// The examples of an [`Equivariant`] problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EquivariantConfig {
    /// The number of examples of each task.
    pub examples: usize,
    /// What inputs are drawn from.
    pub inputs: Inputs,
    /// Targets are off by a number from U(−noise, noise).
    pub noise: f64,
    /// Fixes every task.
    pub seed: u64,
}

impl EquivariantConfig {
    /// Normal inputs without noise.
    pub fn new(examples: usize, seed: u64) -> Self {
        Self { examples, inputs: Inputs::Normal, noise: 0.0, seed }
    }
}

impl Default for EquivariantConfig {
    /// 20 examples a task, normal inputs, no noise, seed 0.
    fn default() -> Self {
        Self::new(20, 0)
    }
}

/// A problem with no end of tasks `y = W x + noise`, `vec(W) = U^G v`, with `v ~ N(0, 1/n)` drawn
/// anew for each task: all that tasks have in common is the sharing pattern.
///
/// # Shapes
/// inputs `(n)`, outputs `(m)`, for an `m × n` pattern
///
/// # Example
/// ```
/// use msr_data::{Equivariant, EquivariantConfig};
/// use msr_episodes::TaskSource;
/// use msr_groups::{Action, SharingPattern, cyclic};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let action = Action::natural(&cyclic(5)?);
/// let problem = Equivariant::new(SharingPattern::new(&action, &action)?, EquivariantConfig::new(20, 0))?;
/// let (mut x, mut y) = (vec![0f32; 5], vec![0f32; 5]);
/// problem.fill(3, &mut x, &mut y)?;
/// let w = problem.weight(3)?;
/// let first: f64 = (0..5).map(|j| w[j] * f64::from(x[j])).sum();
/// assert!((f64::from(y[0]) - first).abs() < 1e-6);
/// assert_eq!(w[0], w[6]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Equivariant {
    pattern: SharingPattern,
    config: EquivariantConfig,
}

impl Equivariant {
    /// A problem with the symmetry of `pattern`.
    ///
    /// # Errors
    /// When the pattern is empty, there are no examples, more than any machine holds, or the noise
    /// is negative or not finite.
    pub fn new(pattern: SharingPattern, config: EquivariantConfig) -> Result<Self> {
        let noise = config.noise.is_finite() && config.noise >= 0.0;
        // A task must fit into memory, however few examples are asked for at once.
        let sizes = [pattern.outputs(), pattern.inputs()];
        let fits = sizes.iter().all(|size| size.checked_mul(config.examples).is_some());
        if pattern.labels().is_empty() || config.examples == 0 || !noise || !fits {
            return Err(Error::Config {
                problem: format!(
                    "tasks need outputs and inputs, examples that a machine can hold, and noise ≥ 0; got a {} × {} \
                     pattern and {config:?}",
                    pattern.outputs(),
                    pattern.inputs()
                ),
            });
        }
        Ok(Self { pattern, config })
    }

    /// The true pattern.
    pub fn pattern(&self) -> &SharingPattern {
        &self.pattern
    }

    /// The true weight of a task, `m × n`, row by row.
    ///
    /// # Errors
    /// None; a result for the sake of the pattern's checks.
    pub fn weight(&self, task: usize) -> Result<Vec<f64>> {
        self.weight_from(&mut self.stream(task))
    }

    fn stream(&self, task: usize) -> ChaCha8Rng {
        stream(self.config.seed, Role::Task, task as u64)
    }

    fn weight_from(&self, rng: &mut ChaCha8Rng) -> Result<Vec<f64>> {
        let scale = 1.0 / (self.pattern.inputs() as f64).sqrt();
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let v: Vec<f64> = (0..self.pattern.free_parameters()).map(|_| scale * normal()).collect();
        Ok(self.pattern.expand(&v)?)
    }
}

impl TaskSource for Equivariant {
    fn name(&self) -> String {
        format!("{} × {} equivariant problem", self.pattern.outputs(), self.pattern.inputs())
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        self.config.examples
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![self.pattern.inputs()]
    }

    fn output_shape(&self) -> Vec<usize> {
        vec![self.pattern.outputs()]
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        self.check_buffers(x, y)?;
        let mut rng = self.stream(task);
        let weight = self.weight_from(&mut rng)?;
        let (m, n) = (self.pattern.outputs(), self.pattern.inputs());
        for (x, y) in x.chunks_exact_mut(n).zip(y.chunks_exact_mut(m)) {
            x.fill_with(|| match self.config.inputs {
                Inputs::Normal => StandardNormal.sample(&mut rng),
                // 1 to 9 have mean 5 and variance 20/3.
                Inputs::Digits => (rng.random_range(1..10i8) as f32 - 5.0) / (20f32 / 3.0).sqrt(),
            });
            for (y, w) in y.iter_mut().zip(weight.chunks_exact(n)) {
                let exact: f64 = w.iter().zip(x.iter()).map(|(w, &x)| w * f64::from(x)).sum();
                let noise = self.config.noise * (2.0 * rng.random::<f64>() - 1.0);
                *y = (exact + noise) as f32;
            }
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        let weight = self.weight(task)?.into_iter().map(|w| w as f32).collect();
        Ok(Some((vec![self.pattern.outputs(), self.pattern.inputs()], weight)))
    }
}
