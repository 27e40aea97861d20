//! Adam with its state in the open, so that it can be saved.

use candle_core::Tensor;
use msr_kernels::adam;

use crate::error::{Error, Result};
use crate::learner::{OuterParameter, check_names};

/// The learning rate over time, as a factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// Always one.
    #[default]
    Constant,
    /// `(1 + cos(π t / steps)) / 2` at step t, then zero: from one to nothing over so many steps.
    Cosine {
        /// The number of steps.
        steps: u64,
    },
}

impl Schedule {
    /// The factor of step `t`, counted from zero.
    fn factor(self, t: u64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine { steps } => {
                if t >= steps {
                    return 0.0;
                }
                0.5 * (1.0 + (std::f64::consts::PI * t as f64 / steps as f64).cos())
            }
        }
    }
}

/// The constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// The learning rate.
    pub rate: f64,
    /// How the rate changes over time.
    pub schedule: Schedule,
    /// The decay of the first moment.
    pub beta1: f64,
    /// The decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    /// 1e-3 at all times, 0.9, 0.999, 1e-8.
    fn default() -> Self {
        Self { rate: 1e-3, schedule: Schedule::Constant, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// Adam: `m ← β₁ m + (1 − β₁) g`, `s ← β₂ s + (1 − β₂) g²`,
/// `p ← p − rate · m̂ / (√ŝ + ε)` with the bias-corrected moments m̂, ŝ, times the
/// [factor](OuterParameter::rate) of each parameter.
///
/// Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization" (ICLR 2015), algorithm 1.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: u64,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
}

impl Adam {
    /// The state before the first step, for these parameters.
    ///
    /// # Errors
    /// [`Error::Config`] for constants or rate factors outside their range, or two parameters of
    /// the same name.
    pub fn new(config: AdamConfig, parameters: &[OuterParameter]) -> Result<Self> {
        let AdamConfig { rate, beta1, beta2, epsilon, .. } = config;
        let decays = (0.0..1.0).contains(&beta1) && (0.0..1.0).contains(&beta2);
        if !rate.is_finite() || rate < 0.0 || !decays || !epsilon.is_finite() || epsilon <= 0.0 {
            return Err(Error::config(format!(
                "Adam needs rate ≥ 0, 0 ≤ beta < 1 and epsilon > 0, got {config:?}"
            )));
        }
        check_names(parameters)?;
        if let Some(p) = parameters.iter().find(|p| !p.rate.is_finite() || p.rate < 0.0) {
            return Err(Error::config(format!(
                "the rate factor of `{}` must be ≥ 0, got {}",
                p.name, p.rate
            )));
        }
        let zeros = || {
            let zero = |p: &OuterParameter| p.variable.as_tensor().detach().zeros_like();
            parameters.iter().map(zero).collect::<candle_core::Result<Vec<_>>>()
        };
        Ok(Self { config, steps: 0, first: zeros()?, second: zeros()? })
    }

    /// The number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments, first and second, in the order of the parameters.
    pub fn moments(&self) -> (&[Tensor], &[Tensor]) {
        (&self.first, &self.second)
    }

    /// Puts back a saved state.
    ///
    /// # Errors
    /// [`Error::Config`] when the tensors do not have the shapes of the present ones.
    pub fn restore(&mut self, steps: u64, first: Vec<Tensor>, second: Vec<Tensor>) -> Result<()> {
        let fits = |new: &[Tensor], old: &[Tensor]| {
            new.len() == old.len()
                && new.iter().zip(old).all(|(n, o)| n.dims() == o.dims() && n.dtype() == o.dtype())
        };
        if !fits(&first, &self.first) || !fits(&second, &self.second) {
            return Err(Error::config("the saved moments of Adam do not fit these parameters"));
        }
        // Copies: a tensor that was read from a file may share its storage with others.
        let copy =
            |tensors: Vec<Tensor>| tensors.iter().map(Tensor::copy).collect::<candle_core::Result<_>>();
        (self.steps, self.first, self.second) = (steps, copy(first)?, copy(second)?);
        Ok(())
    }

    /// One step, in place.
    ///
    /// # Errors
    /// When a gradient does not have the shape and dtype of its parameter; nothing was changed
    /// then.
    pub fn step(&mut self, parameters: &[OuterParameter], gradients: &[Tensor]) -> Result<()> {
        if parameters.len() != self.first.len() || gradients.len() != self.first.len() {
            return Err(Error::config(format!(
                "Adam was built for {} parameters, got {} and {} gradients",
                self.first.len(),
                parameters.len(),
                gradients.len()
            )));
        }
        for (p, g) in parameters.iter().zip(gradients) {
            if p.variable.dims() != g.dims() || p.variable.dtype() != g.dtype() {
                return Err(Error::config(format!(
                    "the gradient of `{}` is {:?} of {:?}, the parameter {:?} of {:?}",
                    p.name,
                    g.dims(),
                    g.dtype(),
                    p.variable.dims(),
                    p.variable.dtype()
                )));
            }
        }
        self.steps += 1;
        for (i, (p, g)) in parameters.iter().zip(gradients).enumerate() {
            let step = self.constants(p.rate);
            adam::step(&p.variable, g, &mut self.first[i], &mut self.second[i], step)?;
        }
        Ok(())
    }

    /// The constants of the present step for a parameter with this factor on its rate.
    fn constants(&self, factor: f64) -> adam::Step {
        let AdamConfig { rate, schedule, beta1, beta2, epsilon } = self.config;
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        adam::Step {
            beta1,
            beta2,
            first_scale: factor * rate * schedule.factor(self.steps - 1) / correction(beta1),
            second_scale: 1.0 / correction(beta2),
            epsilon,
        }
    }
}
