//! Adam with its state in the open, so that it can be saved.

use candle_core::{DType, Device, Tensor};
use msr_kernels::{adam, is_finite};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::learner::{OuterParameter, check_names};

/// The learning rate over time, as a factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// Always one.
    #[default]
    Constant,
    /// `(1 + cos(π t / steps)) / 2` at step t: from one to nothing over so many steps. There are no
    /// steps after that.
    Cosine {
        /// The number of steps, at least one.
        steps: u64,
    },
}

impl Schedule {
    /// Refuses more steps than it is for: their rate would be zero.
    ///
    /// # Errors
    /// [`Error::Config`] with both numbers.
    pub(crate) fn check(self, steps: u64) -> Result<()> {
        match self {
            Schedule::Cosine { steps: end } if steps > end => Err(Error::config(format!(
                "the cosine schedule ends after {end} steps, and the rate is zero from there on; {steps} were asked \
                 for: give the schedule as many"
            ))),
            _ => Ok(()),
        }
    }
}

/// The constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The largest norm that all gradients together may have: longer ones are scaled down to it.
    #[serde(default)]
    pub clip_norm: Option<f64>,
}

impl Default for AdamConfig {
    /// 1e-3 at all times, 0.9, 0.999, 1e-8, no clipping.
    fn default() -> Self {
        let schedule = Schedule::Constant;
        Self { rate: 1e-3, schedule, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clip_norm: None }
    }
}

/// Adam: `m ← β₁ m + (1 − β₁) g`, `s ← β₂ s + (1 − β₂) g²`,
/// `p ← p − rate · m̂ / (√ŝ + ε)` with the bias-corrected moments m̂, ŝ, times the
/// [factor](OuterParameter::rate) of each parameter.
///
/// The moments of parameters in half precision are in `f32`.
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
        let AdamConfig { rate, beta1, beta2, epsilon, clip_norm, schedule } = config;
        let decays = (0.0..1.0).contains(&beta1) && (0.0..1.0).contains(&beta2);
        if !rate.is_finite() || rate < 0.0 || !decays || !epsilon.is_finite() || epsilon <= 0.0 {
            return Err(Error::config(format!(
                "Adam needs rate ≥ 0, 0 ≤ beta < 1 and epsilon > 0, got {config:?}"
            )));
        }
        if clip_norm.is_some_and(|norm| norm.is_nan() || norm <= 0.0) {
            return Err(Error::config(format!("clip_norm must be positive, got {config:?}")));
        }
        if schedule == (Schedule::Cosine { steps: 0 }) {
            return Err(Error::config(
                "a cosine schedule over 0 steps makes every rate zero; use at least 1",
            ));
        }
        check_names(parameters)?;
        for p in parameters {
            if !p.rate.is_finite() || p.rate < 0.0 {
                return Err(Error::config(format!(
                    "the rate factor of `{}` must be ≥ 0, got {}",
                    p.name, p.rate
                )));
            }
            check_range(config, p)?;
        }
        let zeros = || {
            let zero = |p: &OuterParameter| {
                let dtype = adam::moment_dtype(p.variable.dtype());
                Tensor::zeros(p.variable.dims(), dtype, p.variable.device())
            };
            parameters.iter().map(zero).collect::<candle_core::Result<Vec<_>>>()
        };
        Ok(Self { config, steps: 0, first: zeros()?, second: zeros()? })
    }

    /// The constants.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// The number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Copies of the moments, first and second, in the order of the parameters: they do not change
    /// with the next step.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn moments(&self) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        Ok((copies(&self.first)?, copies(&self.second)?))
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
        (self.steps, self.first, self.second) = (steps, copies(&first)?, copies(&second)?);
        Ok(())
    }

    /// One step, in place.
    ///
    /// # Errors
    /// [`Error::Config`] when a gradient does not have the shape and dtype of its parameter, or the
    /// schedule is at its end; [`Error::GradientNotFinite`]; [`Error::GradientTooLarge`] for one
    /// whose square the moments cannot hold. Nothing was changed then.
    pub fn step(&mut self, parameters: &[OuterParameter], gradients: &[Tensor]) -> Result<()> {
        let device = parameters.first().map_or(&Device::Cpu, |p| p.variable.device());
        // One number, which is finite: no GPU has memory of no size.
        self.step_with(parameters, gradients, &Tensor::zeros(1, DType::F64, device)?)?;
        Ok(())
    }

    /// One step, in place, unless a loss `(t)` is not finite. The losses as numbers: where they lie
    /// on a GPU, they come back with what the step reports.
    ///
    /// # Errors
    /// As [`Adam::step`].
    pub(crate) fn step_with(
        &mut self,
        parameters: &[OuterParameter],
        gradients: &[Tensor],
        losses: &Tensor,
    ) -> Result<Vec<f64>> {
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
        self.config.schedule.check(self.steps + 1)?;
        let rule = self.rule();
        let mut updates = updates(parameters, gradients, &mut self.first, &mut self.second);
        let taken = adam::step_all(&mut updates, &rule, self.steps + 1, losses)?;
        self.after(parameters, gradients, taken)
    }

    /// Launches a step on a GPU, and waits for nothing: `report` will say what became of it, see
    /// [`Adam::taken`], and `steps_taken` is counted up there.
    ///
    /// # Errors
    /// When the tensors do not lie there.
    pub(crate) fn launch(
        &mut self,
        parameters: &[OuterParameter],
        gradients: &[Tensor],
        losses: &Tensor,
        steps_taken: &Tensor,
        report: &Tensor,
    ) -> Result<()> {
        let rule = self.rule();
        let mut updates = updates(parameters, gradients, &mut self.first, &mut self.second);
        Ok(adam::step_on_device(&mut updates, &rule, steps_taken, losses, report)?)
    }

    /// What became of a step that was launched, on so many losses.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub(crate) fn taken(&self, report: &Tensor, losses: usize) -> Result<adam::Taken> {
        let dtype = self.first.first().map_or(DType::F32, Tensor::dtype);
        Ok(adam::Taken::of_report(report, losses, &self.rule(), dtype)?)
    }

    /// Counts a step that was taken, and says why one was not. The numbers of `losses`.
    pub(crate) fn after(
        &mut self,
        parameters: &[OuterParameter],
        gradients: &[Tensor],
        taken: adam::Taken,
    ) -> Result<Vec<f64>> {
        // What is not finite there is for the caller to tell.
        if taken.is_taken {
            self.steps += 1;
        } else if taken.are_losses_finite() {
            return Err(self.why_not(parameters, gradients, &taken)?);
        }
        Ok(taken.watched)
    }

    /// The constants, as the kernels take them.
    fn rule(&self) -> adam::Rule {
        let AdamConfig { rate, schedule, beta1, beta2, epsilon, clip_norm } = self.config;
        let cosine = match schedule {
            Schedule::Constant => None,
            Schedule::Cosine { steps } => Some(steps),
        };
        adam::Rule { rate, beta1, beta2, epsilon, cosine, longest: clip_norm }
    }

    /// Why no step was taken.
    fn why_not(
        &self,
        parameters: &[OuterParameter],
        gradients: &[Tensor],
        taken: &adam::Taken,
    ) -> Result<Error> {
        for ((p, g), square) in parameters.iter().zip(gradients).zip(&taken.squares) {
            if !square.is_finite() && !is_finite(g)? {
                return Ok(Error::GradientNotFinite { parameter: p.name.clone() });
            }
        }
        let scale = taken.scale(self.config.clip_norm);
        let fits = |p: &OuterParameter, square: f64| match adam::moment_dtype(p.variable.dtype()) {
            DType::F64 => square <= f64::MAX,
            _ => square <= f64::from(f32::MAX),
        };
        let scaled = taken.squares.iter().map(|square| square * scale * scale);
        let (p, square) = parameters
            .iter()
            .zip(scaled)
            .find(|(p, square)| !fits(p, *square))
            .ok_or_else(|| Error::config("every gradient fits"))?;
        let (parameter, dtype) = (p.name.clone(), p.variable.dtype());
        Ok(Error::GradientTooLarge { parameter, norm: square.sqrt(), dtype })
    }
}

/// What a step changes, tensor by tensor.
fn updates<'a>(
    parameters: &'a [OuterParameter],
    gradients: &'a [Tensor],
    first: &'a mut [Tensor],
    second: &'a mut [Tensor],
) -> Vec<adam::Update<'a>> {
    let tensors = parameters.iter().zip(gradients).zip(first.iter_mut().zip(second));
    let update = |((p, gradient), (first, second)): (
        (&'a OuterParameter, &'a Tensor),
        (&'a mut Tensor, &'a mut Tensor),
    )| { adam::Update { parameter: &p.variable, gradient, first, second, factor: p.rate } };
    tensors.map(update).collect()
}

/// Refuses constants that are zero or infinite once they are rounded to the type that the steps of
/// a parameter are computed in.
fn check_range(config: AdamConfig, p: &OuterParameter) -> Result<()> {
    let dtype = adam::moment_dtype(p.variable.dtype());
    if dtype == DType::F64 {
        return Ok(());
    }
    let (epsilon, rate) = (config.epsilon as f32, (config.rate * p.rate / (1.0 - config.beta1)) as f32);
    if !epsilon.is_normal() || !rate.is_finite() {
        return Err(Error::config(format!(
            "Adam's steps of `{}` are computed in {dtype:?}, where epsilon {} is {epsilon:e} and the first rate \
             {:e} is {rate:e}; use constants that it can hold",
            p.name,
            config.epsilon,
            config.rate * p.rate / (1.0 - config.beta1)
        )));
    }
    Ok(())
}

/// Tensors of their own, contiguous whatever the originals are.
fn copies(tensors: &[Tensor]) -> Result<Vec<Tensor>> {
    tensors.iter().map(|t| Ok(t.detach().force_contiguous()?)).collect()
}
