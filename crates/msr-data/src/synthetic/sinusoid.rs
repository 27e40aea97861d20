//! Sinusoids: the classic regression problem of MAML.
//!
//! A task is a curve `y = a sin(x − φ)` with amplitude a ~ U(0.1, 5) and phase φ ~ U(0, π), seen at
//! inputs x ~ U(−5, 5). No single curve is near all of them: the phases are spread over half a
//! period.
//!
//! Source: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep
//! Networks" (ICML 2017), section 5.1.

use std::f64::consts::PI;

use msr_episodes::TaskSource;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::random::{Role, stream};

/// The sinusoids that there are, and how many points of each are seen.
#[derive(Clone, Debug, PartialEq)]
pub struct SinusoidConfig {
    /// The smallest and the largest amplitude.
    pub amplitude: (f64, f64),
    /// The smallest and the largest phase.
    pub phase: (f64, f64),
    /// The smallest and the largest input.
    pub inputs: (f64, f64),
    /// The number of points of each task.
    pub examples: usize,
    /// Fixes every task.
    pub seed: u64,
}

impl Default for SinusoidConfig {
    /// Those of the paper: amplitudes from 0.1 to 5, phases from 0 to π, inputs from −5 to 5; 100
    /// points of each task, seed 0.
    fn default() -> Self {
        Self { amplitude: (0.1, 5.0), phase: (0.0, PI), inputs: (-5.0, 5.0), examples: 100, seed: 0 }
    }
}

/// Curves `y = a sin(x − φ)` with no end of tasks, each with an amplitude a and a phase φ of its
/// own, drawn uniformly, at inputs that are drawn uniformly.
///
/// # Shapes
/// inputs `(1)`, outputs `(1)`; true weights `(2)`: a and φ
///
/// # Example
/// ```
/// use msr_data::{Sinusoid, SinusoidConfig};
/// use msr_episodes::TaskSource;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let curves = Sinusoid::new(SinusoidConfig::default())?;
/// let (mut x, mut y) = ([0f32; 10], [0f32; 10]);
/// curves.fill(3, &mut x, &mut y)?;
/// let (amplitude, phase) = curves.curve(3);
/// assert!((f64::from(y[7]) - amplitude * (f64::from(x[7]) - phase).sin()).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sinusoid {
    config: SinusoidConfig,
}

impl Sinusoid {
    /// The problem.
    ///
    /// # Errors
    /// [`Error::Config`] for a range whose ends are not finite or not in order, and for tasks
    /// without examples.
    pub fn new(config: SinusoidConfig) -> Result<Self> {
        let SinusoidConfig { amplitude, phase, inputs, examples, .. } = config;
        for (what, (least, most)) in [("amplitudes", amplitude), ("phases", phase), ("inputs", inputs)] {
            // The width too must be a number.
            if !(least <= most && (most - least).is_finite()) {
                let problem =
                    format!("{what} from {least} to {most}: both must be finite, and in this order");
                return Err(Error::Config { problem });
            }
        }
        if examples == 0 {
            return Err(Error::Config { problem: "a sinusoid needs at least one example, got 0".into() });
        }
        Ok(Self { config })
    }

    /// What it was made of.
    pub fn config(&self) -> &SinusoidConfig {
        &self.config
    }

    /// Amplitude and phase of task `task`.
    pub fn curve(&self, task: usize) -> (f64, f64) {
        self.curve_from(&mut self.stream(task))
    }

    fn stream(&self, task: usize) -> ChaCha8Rng {
        stream(self.config.seed, Role::Task, task as u64)
    }

    fn curve_from(&self, rng: &mut ChaCha8Rng) -> (f64, f64) {
        (uniform(rng, self.config.amplitude), uniform(rng, self.config.phase))
    }
}

fn uniform(rng: &mut ChaCha8Rng, (least, most): (f64, f64)) -> f64 {
    least + (most - least) * rng.random::<f64>()
}

impl TaskSource for Sinusoid {
    fn name(&self) -> String {
        "sinusoids".into()
    }

    fn tasks(&self) -> Option<usize> {
        None
    }

    fn examples(&self) -> usize {
        self.config.examples
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn output_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn fill(&self, task: usize, x: &mut [f32], y: &mut [f32]) -> msr_episodes::Result<()> {
        self.check_buffers(x, y)?;
        let mut rng = self.stream(task);
        let (amplitude, phase) = self.curve_from(&mut rng);
        for (x, y) in x.iter_mut().zip(y) {
            *x = uniform(&mut rng, self.config.inputs) as f32;
            *y = (amplitude * (f64::from(*x) - phase).sin()) as f32;
        }
        Ok(())
    }

    fn true_weights(&self, task: usize) -> msr_episodes::Result<Option<(Vec<usize>, Vec<f32>)>> {
        let (amplitude, phase) = self.curve(task);
        Ok(Some((vec![2], vec![amplitude as f32, phase as f32])))
    }
}
