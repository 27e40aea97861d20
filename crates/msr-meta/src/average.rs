//! Averages of the outer parameters over the steps of a run.

use candle_core::Tensor;
use msr_kernels::adam::moment_dtype;

use crate::error::{Error, Result};
use crate::learner::OuterParameter;

/// Exponential averages of the outer parameters p after each step t = 1, 2, …:
/// `m_t = β m_{t−1} + (1 − β) p_t` from `m_0 = 0`, of which `m_t / (1 − β^t)` is a mean with
/// weights that add up to one. Those of parameters in half precision are in `f32`.
#[derive(Debug)]
pub(crate) struct Average {
    decay: f64,
    sums: Vec<Tensor>,
}

impl Average {
    /// Before the first step.
    pub(crate) fn new(decay: f64, parameters: &[OuterParameter]) -> Result<Self> {
        if !(0.0..1.0).contains(&decay) {
            return Err(Error::config(format!("the decay of an average must be in [0, 1), got {decay}")));
        }
        let zero = |p: &OuterParameter| {
            Tensor::zeros(p.variable.dims(), moment_dtype(p.variable.dtype()), p.variable.device())
        };
        Ok(Self { decay, sums: parameters.iter().map(zero).collect::<candle_core::Result<_>>()? })
    }

    /// β.
    pub(crate) fn decay(&self) -> f64 {
        self.decay
    }

    /// The sums `m_t`, in the order of the parameters.
    pub(crate) fn sums(&self) -> &[Tensor] {
        &self.sums
    }

    /// Puts back saved sums, of the shapes of the present ones.
    pub(crate) fn restore(&mut self, sums: Vec<Tensor>) {
        self.sums = sums;
    }

    /// Takes in the parameters after a step.
    pub(crate) fn add(&mut self, parameters: &[OuterParameter]) -> Result<()> {
        for (sum, p) in self.sums.iter_mut().zip(parameters) {
            let new = p.variable.as_detached_tensor().to_dtype(sum.dtype())?;
            *sum = (sum.affine(self.decay, 0.0)? + new.affine(1.0 - self.decay, 0.0)?)?;
        }
        Ok(())
    }

    /// The averages after `steps` steps, at least one, in the types of the parameters.
    pub(crate) fn values(&self, steps: u64, parameters: &[OuterParameter]) -> Result<Vec<Tensor>> {
        let weight = 1.0 - self.decay.powf(steps as f64);
        let value = |(sum, p): (&Tensor, &OuterParameter)| {
            Ok(sum.affine(1.0 / weight, 0.0)?.to_dtype(p.variable.dtype())?)
        };
        self.sums.iter().zip(parameters).map(value).collect()
    }
}

/// Copies of the values of these parameters.
pub(crate) fn copies(parameters: &[OuterParameter]) -> Result<Vec<Tensor>> {
    parameters.iter().map(|p| Ok(p.variable.as_detached_tensor().force_contiguous()?)).collect()
}

/// Gives these parameters other values.
pub(crate) fn put(parameters: &[OuterParameter], values: &[Tensor]) -> Result<()> {
    for (p, value) in parameters.iter().zip(values) {
        p.variable.set(value)?;
    }
    Ok(())
}
