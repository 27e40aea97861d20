//! The symmetry that tasks are known to have, and how far what was learned is from it.

use anyhow::Result;
use msr_groups::{PlaneGroup, RecoveryConfig, SharingPattern, SymmetryMatrix, symmetry_residual};
use msr_meta::Learner;
use msr_symmetry::{Symmetry, Weights};

use super::entries::entries;

/// The symmetry of the tasks of a training run. The learner is not told.
#[derive(Clone, Debug)]
pub enum Truth {
    /// The maps have their weights tied like this.
    Pattern(SharingPattern),
    /// The maps commute with these rotations and flips.
    Plane(PlaneGroup),
}

impl Truth {
    /// How far the symmetry matrix of the learner's only layer with one is from this symmetry: zero
    /// when every filter it can express has it. `‖U − P(U)‖ / ‖U‖` of a fully connected layer, P
    /// being the projection on tied weights; of a convolution, the residual of the group. `None`
    /// for a learner without one symmetry matrix of this kind and size.
    ///
    /// # Errors
    /// When a number is NaN or infinite.
    pub fn distance(&self, learner: &dyn Learner) -> Result<Option<f64>> {
        let layers = learner.learned()?.symmetric_layers()?;
        let [layer] = &layers[..] else { return Ok(None) };
        match (self, layer.weights, &layer.matrices[..]) {
            (Self::Pattern(pattern), Weights::Linear { outputs, inputs }, [(_, u)])
                if (outputs, inputs) == (pattern.outputs(), pattern.inputs()) =>
            {
                let numbers = entries(u)?;
                let matrix = SymmetryMatrix::new(&numbers, outputs, inputs)?;
                Ok(Some(symmetry_residual(matrix, pattern)?))
            }
            (Self::Plane(group), Weights::Conv { .. }, _) => {
                match layer.symmetry(&RecoveryConfig::default())? {
                    Symmetry::Plane(found) => Ok(found.residual(*group)),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};
    use candle_core::{DType, Device, Tensor};
    use msr_groups::{Action, PlaneGroup, SharingPattern, SteerableBasis, cyclic, dihedral};
    use msr_layers::{
        Conv2dConfig, Layer, ReparamConv2d, ReparamConv2dConfig, ReparamLinear, ReparamLinearConfig,
        SeededVars,
    };
    use msr_meta::{Learner, MetaConfig, MetaLearner};

    use super::Truth;

    /// A learner of this layer that has learned this symmetry matrix.
    fn learned(layer: impl Layer + 'static, symmetry: &[f64]) -> Result<MetaLearner> {
        let learner = MetaLearner::new(layer, MetaConfig::least_squares(0.1))?;
        let parameters = learner.outer_parameters();
        let variable = parameters.iter().find(|p| p.name == "symmetry").context("no symmetry matrix")?;
        let variable = &variable.variable;
        variable.set(&Tensor::from_slice(symmetry, variable.shape(), &Device::Cpu)?)?;
        Ok(learner)
    }

    #[test]
    fn ties_of_a_group_are_its_own_and_not_those_of_a_larger_one() -> Result<()> {
        let pattern = |action: &Action| SharingPattern::new(action, action);
        let small = pattern(&Action::natural(&cyclic(6)?))?;
        let large = pattern(&Action::natural(&dihedral(6)?))?;
        let vb = SeededVars::new(0).builder(DType::F64, &Device::Cpu);
        let layer = ReparamLinear::new(ReparamLinearConfig::new(6, 6, small.free_parameters()), vb)?;
        let learner = learned(layer, &small.dense()?)?;
        let distance = |pattern: SharingPattern| Truth::Pattern(pattern).distance(&learner);
        assert!(distance(small)?.is_some_and(|error| error < 1e-12));
        assert!(distance(large)?.is_some_and(|error| error > 0.1));
        assert_eq!(distance(SharingPattern::untied(5, 6)?)?, None);
        assert_eq!(Truth::Plane(PlaneGroup::Rotations(4)).distance(&learner)?, None);
        Ok(())
    }

    #[test]
    fn steerable_filters_turn_as_their_group_and_no_other() -> Result<()> {
        let group = PlaneGroup::Rotations(4);
        let basis = SteerableBasis::new(group, 3)?;
        let rows = basis.channels() * 9;
        let filters = basis.filters();
        let symmetry: Vec<f64> =
            (0..rows).flat_map(|row| filters.iter().map(move |filter| filter[row])).collect();
        let conv = Conv2dConfig::new(1, basis.channels(), 3);
        let vb = SeededVars::new(0).builder(DType::F64, &Device::Cpu);
        let layer = ReparamConv2d::new(ReparamConv2dConfig::full(conv, basis.len()), vb)?;
        let learner = learned(layer, &symmetry)?;
        let distance = |group| Truth::Plane(group).distance(&learner);
        assert!(distance(group)?.is_some_and(|residual| residual < 1e-6));
        assert!(distance(PlaneGroup::RotationsAndFlips(2))?.is_some_and(|residual| residual > 0.1));
        // Its order does not divide the number of channels.
        assert_eq!(distance(PlaneGroup::RotationsAndFlips(4))?, None);
        assert_eq!(Truth::Pattern(SharingPattern::untied(4, 9)?).distance(&learner)?, None);
        Ok(())
    }
}
