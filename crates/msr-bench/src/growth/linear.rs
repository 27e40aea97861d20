//! The meta-step of a fully connected layer with Kronecker factors, of any width.

use anyhow::Result;
use candle_core::{DType, Device};
use candle_nn::Init;
use msr_episodes::{Episode, Examples};
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_meta::{MetaConfig, MetaLearner};
use serde::{Deserialize, Serialize};

/// Tasks of an episode.
const TASKS: usize = 2;
/// Support examples, and query examples, of a task.
const EXAMPLES: usize = 10;

/// `y = W x` with `vec(W) = (A ⊗ B) v` for W of `width × width`: two tasks, ten support and ten
/// query examples each, one inner step, the squared error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearStep {
    /// Inputs, and outputs.
    pub width: usize,
}

impl LinearStep {
    /// The learner at its initial values.
    ///
    /// # Errors
    /// What the layer and the learner report.
    pub fn learner(&self, dtype: DType, device: &Device) -> Result<MetaLearner> {
        // A 1 × 1 convolution of a 1 × 1 image.
        let conv = Conv2dConfig::new(self.width, self.width, 1);
        let vb = SeededVars::new(1).builder(dtype, device);
        let layer = ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb)?;
        Ok(MetaLearner::new(layer, MetaConfig::gradient_steps(1))?)
    }

    /// Noise, N(0, 1) for every input and target.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn episode(&self) -> Result<Episode> {
        let draws = SeededVars::new(2).builder(DType::F32, &Device::Cpu);
        let shape = (TASKS, EXAMPLES, self.width, 1, 1);
        let normal = Init::Randn { mean: 0.0, stdev: 1.0 };
        let set = |name: &str| -> Result<Examples> {
            let vb = draws.pp(name);
            let (x, y) = (vb.get_with_hints(shape, "x", normal)?, vb.get_with_hints(shape, "y", normal)?);
            Ok(Examples::values(x, y)?)
        };
        Ok(Episode::new((0..TASKS).collect(), set("support")?, set("query")?)?)
    }

    /// The bytes of a full symmetry matrix in f32, as many columns as rows.
    pub fn full_bytes(&self) -> f64 {
        4.0 * (self.width as f64).powi(4)
    }

    /// What the steps are, in words.
    pub fn describe() -> String {
        format!("{TASKS} tasks, {EXAMPLES} support + {EXAMPLES} query examples, 1 inner step")
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use msr_meta::Learner;

    use super::LinearStep;

    #[test]
    fn a_step_of_a_narrow_layer() -> anyhow::Result<()> {
        let step = LinearStep { width: 3 };
        let found = step.learner(DType::F32, &Device::Cpu)?.gradients(&step.episode()?)?;
        assert!(found.losses.len() == 2 && found.losses.iter().all(|loss| loss.is_finite()));
        assert_eq!(step.full_bytes(), 324.0);
        Ok(())
    }
}
