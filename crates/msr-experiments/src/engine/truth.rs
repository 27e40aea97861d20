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
