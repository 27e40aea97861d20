//! What a cell learned: the group of its parameters, and how equivariant the adapted layers are.

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use msr_groups::{PlaneGroup, SteerableBasis, image_equivariance_error};
use msr_meta::Adapted;
use msr_symmetry::{Learned, Symmetry};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::sizes::Sizes;
use crate::engine::entries;

/// The shortest wave of the random images on which equivariance is measured, in pixels.
pub const SHORTEST_WAVE: f64 = 6.0;

/// The group that the learned parameters say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymmetryReport {
    /// `None` when no group holds, or when several do of which none contains all others.
    pub group: Option<String>,
    /// Every group with its residual, the best first.
    pub residuals: Vec<(String, f64)>,
    /// The residual of the true group, if it was compared.
    pub right: Option<f64>,
    /// The best other group that the true one does not contain, or that does not hold, with its
    /// residual.
    pub wrong: Option<(String, f64)>,
}

impl SymmetryReport {
    /// What was learned, compared with the true group; nothing for a model that learns no symmetry
    /// matrix.
    pub fn of(learned: &Learned, truth: PlaneGroup) -> Result<Option<Self>> {
        let Some(layer) = learned.symmetry()?.into_iter().next() else { return Ok(None) };
        let Symmetry::Plane(found) = layer.symmetry else {
            bail!("no rotations and flips can be read from what was learned")
        };
        Ok(Some(Self {
            group: found.group.map(|g| g.to_string()),
            right: found.residual(truth),
            wrong: found.best_wrong(truth).map(|fit| (fit.group.to_string(), fit.residual)),
            residuals: found.fits.iter().map(|fit| (fit.group.to_string(), fit.residual)).collect(),
        }))
    }
}

/// How far adapted layers are from equivariance under the problem's group; means over test tasks,
/// nothing where filters are zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equivariance {
    /// Of the filters: `‖W − P W‖ / ‖W‖`.
    pub filters: Option<f64>,
    /// Of the layer on random images.
    pub images: Option<f64>,
    /// The same for the true filters, which 3 × 3 taps cannot turn by 45° exactly.
    pub true_images: Option<f64>,
}

impl Equivariance {
    /// From the filters of some tasks, and the layers themselves: the adapted one, and one with the
    /// true filters.
    pub fn of(
        group: PlaneGroup,
        sizes: Sizes,
        filters: &[Vec<f64>],
        adapted: &Adapted,
        truth: Option<&Adapted>,
        seed: u64,
    ) -> Result<Self> {
        let basis = SteerableBasis::new(group, sizes.kernel)?;
        let count = filters.len();
        let mut distance = 0.0;
        for w in filters {
            distance += basis.distance(w, 1)? / count as f64;
        }
        let on_images = |layer: &Adapted| -> Result<Option<f64>> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut sum = 0.0;
            for task in 0..count {
                let look = |windows: &[f64]| look(layer, task, windows, sizes.kernel);
                sum += image_equivariance_error(group, sizes.kernel, SHORTEST_WAVE, &mut rng, look)?;
            }
            Ok(known(sum / count as f64))
        };
        let true_images = truth.map(on_images).transpose()?.flatten();
        Ok(Self { filters: known(distance), images: on_images(adapted)?, true_images })
    }
}

/// The outputs `(windows, channels)` of a task's layer for images `(windows, 1, size, size)` of
/// which it sees all at once.
fn look(adapted: &Adapted, task: usize, windows: &[f64], size: usize) -> Result<Vec<f64>> {
    let dtype = adapted.dtype().context("a layer without parameters")?;
    let shape = (1, windows.len() / (size * size), 1, size, size);
    let device = adapted.weight()?.device().clone();
    let images = Tensor::from_slice(windows, shape, &device)?.to_dtype(dtype)?;
    let outputs = adapted.task(task)?.predict(&images)?;
    ensure!(
        matches!(outputs.dims(), [1, _, _, 1, 1]),
        "a layer that sees a whole window has one output a channel, got {:?}",
        outputs.dims()
    );
    entries(&outputs)
}

/// JSON has no NaN: it would be written as null, and could not be read back as a number.
fn known(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use std::sync::Arc;

    use msr_layers::{Conv2d, Conv2dConfig, Layer, ReparamConv2d, ReparamConv2dConfig, SeededVars, Values};

    use super::*;

    /// What layers give is what their filters give; of the task that was asked for.
    #[test]
    fn layers_are_looked_through() -> Result<()> {
        let group = PlaneGroup::Rotations(4);
        let basis = SteerableBasis::new(group, 3)?;
        let coefficients =
            |from: usize| -> Vec<f64> { (0..basis.len()).map(|i| ((i + from) as f64).sin()).collect() };
        let filters = [basis.expand(&coefficients(1))?, basis.expand(&coefficients(9))?];
        let windows: Vec<f64> = (0..5 * 9).map(|i| (0.3 * i as f64).cos()).collect();
        let dot = |f: &[f64], x: &[f64]| -> f64 { f.iter().zip(x).map(|(f, x)| f * x).sum() };
        let expected: Vec<f64> =
            windows.chunks(9).flat_map(|x| filters[1].chunks(9).map(move |f| dot(f, x))).collect();
        let close = |found: &[f64]| {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"));
        };

        let conv = Conv2dConfig::new(1, 4, 3);
        let builder = || SeededVars::new(0).builder(DType::F32, &Device::Cpu);
        let tensor = |values: Vec<f64>, shape: &[usize]| Tensor::from_vec(values, shape, &Device::Cpu);
        let weight = tensor(filters.concat(), &[2, 4, 1, 3, 3])?.to_dtype(DType::F32)?;
        let plain = Conv2d::new(conv, builder())?;
        let plain = Adapted::new(Arc::new(plain), &Values::constants(&[], &[weight]))?;
        close(&look(&plain, 1, &windows, 3)?);
        assert!(look(&plain, 1, &[0.0; 25], 5).is_err(), "larger windows have several outputs");

        // Kronecker factors are the identity at the start: v is the weight.
        let layer = ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), builder())?;
        let filters_of = tensor(filters.concat(), &[2, 4, 1, 9])?.to_dtype(DType::F32)?;
        let shared = layer.parameters().broadcast(1)?.shared;
        let adapted = Values::constants(&[], &[filters_of]).adapted;
        let reparam = Adapted::new(Arc::new(layer), &Values::new(shared, adapted))?;
        close(&look(&reparam, 1, &windows, 3)?);

        // Quarter turns of steerable filters are exact.
        let both = filters.to_vec();
        let found = Equivariance::of(group, Sizes { channels: 4, kernel: 3 }, &both, &plain, None, 0)?;
        assert!(
            found.images.is_some_and(|e| e < 1e-5) && found.filters.is_some_and(|e| e < 1e-6),
            "{found:?}"
        );
        assert_eq!(found.true_images, None);
        Ok(())
    }
}
