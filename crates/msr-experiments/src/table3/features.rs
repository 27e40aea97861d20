//! How far features are from invariant, and the maps of each block from equivariant, under what
//! query images are augmented with.
//!
//! Of features f of images x, a transformation T, and for a map of T on the features (none for
//! invariance):
//!
//! `√( mean ‖f(T x) − T f(x)‖² / mean ‖f(x) − f(x′)‖² )`
//!
//! over the query images of test tasks, and over pairs of different ones: zero when nothing
//! changes, one when an image and its image are as far apart as two images of the task. The network
//! is that after the inner loop of the training. Its pools drop the last row and column of maps
//! with an odd number of them, and so no block after such a one is quite equivariant to flips,
//! whatever was learned.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use msr_episodes::EpisodeSource;
use msr_layers::{BatchNormConfig, Conv4, Conv4Config, Input, Layer, Sequential, Statistics};
use msr_meta::{Adapted, Learner};
use serde::{Deserialize, Serialize};

use crate::engine::entries;

/// Test tasks that are looked at.
const TASKS: usize = 50;

/// The errors of a network under one transformation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureError {
    pub transformation: String,
    /// Of the features that the head takes; nothing where all images have the same.
    pub invariance: Option<f64>,
    /// Of the maps of each block; nothing for what is random.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equivariance: Vec<Option<f64>>,
}

/// What the query images of the test tasks are, as they are and augmented.
pub struct Queries<'a> {
    /// Query images as they are.
    pub plain: &'a dyn EpisodeSource,
    /// The same images, augmented; nothing where they are not.
    pub augmented: Option<&'a dyn EpisodeSource>,
}

/// A symmetry of the square: images or maps `(…, h, w)` to others.
type Symmetry = (&'static str, fn(&Tensor) -> Result<Tensor>);

const SYMMETRIES: [Symmetry; 4] = [
    ("left–right flip", |x| flip(x, 1)),
    ("top–bottom flip", |x| flip(x, 2)),
    ("half turn", |x| flip(&flip(x, 1)?, 2)),
    ("quarter turn", |x| flip(&x.transpose(x.rank() - 2, x.rank() - 1)?, 2)),
];

/// The same with one of the last dimensions, counted from the last, in reverse.
fn flip(x: &Tensor, from_last: usize) -> Result<Tensor> {
    let dim = x.rank() - from_last;
    let size = u32::try_from(x.dims()[dim])?;
    let reverse = Tensor::from_iter((0..size).rev(), x.device())?;
    Ok(x.contiguous()?.index_select(&reverse, dim)?)
}

/// Sums of squares over all tasks: of what a transformation changes, and between images.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    changed: f64,
    apart: f64,
}

impl Sums {
    /// Features `(n, …)` of the same images, and what they should be.
    fn add(&mut self, found: &Tensor, expected: &Tensor) -> Result<()> {
        let n = expected.dims()[0];
        self.changed += square(&(found - expected)?)? / n as f64;
        // Of all pairs of different images, twice the variance.
        let off = expected.broadcast_sub(&expected.mean_keepdim(0)?)?;
        self.apart += 2.0 * square(&off)? / (n.max(2) - 1) as f64;
        Ok(())
    }

    fn error(self) -> Option<f64> {
        Some((self.changed / self.apart).sqrt()).filter(|error| error.is_finite())
    }
}

fn square(x: &Tensor) -> Result<f64> {
    Ok(entries(x)?.iter().map(|x| x * x).sum())
}

/// The errors of a learner whose network is a Conv4 of these sizes, after the inner loop of its
/// training.
pub fn feature_errors(
    learner: &dyn Learner,
    config: Conv4Config,
    queries: &Queries<'_>,
) -> Result<Vec<FeatureError>> {
    let is_square = config.image.1 == config.image.2;
    let symmetries: Vec<Symmetry> =
        SYMMETRIES.into_iter().filter(|(name, _)| is_square || *name != "quarter turn").collect();
    let mut of_symmetries = vec![(Sums::default(), vec![Sums::default(); config.blocks]); symmetries.len()];
    let mut of_augmented = Sums::default();
    let device = device_of(learner.model().as_ref())?;
    for task in 0..TASKS.min(queries.plain.held_out()) {
        let plain = queries.plain.test(task..task + 1)?;
        let adapted = learner.adapt(&plain.support.to_device(&device)?)?;
        let parts = blocks(&adapted, config)?;
        let x = plain.query.x.squeeze(0)?.to_dtype(DType::F32)?;
        let maps = maps_of(&parts, &x)?;
        let last = maps.last().context("a network has a block")?;
        for ((_, symmetry), (invariance, equivariance)) in symmetries.iter().zip(&mut of_symmetries) {
            let of_image = maps_of(&parts, &symmetry(&x)?)?;
            invariance.add(of_image.last().context("a network has a block")?, last)?;
            for ((found, before), sums) in of_image.iter().zip(&maps).zip(equivariance) {
                sums.add(found, &symmetry(before)?)?;
            }
        }
        if let Some(source) = queries.augmented {
            let augmented = source.test(task..task + 1)?.query.x.squeeze(0)?.to_dtype(DType::F32)?;
            let found = maps_of(&parts, &augmented)?;
            of_augmented.add(found.last().context("a network has a block")?, last)?;
        }
    }
    let mut errors: Vec<FeatureError> = symmetries
        .iter()
        .zip(of_symmetries)
        .map(|((name, _), (invariance, equivariance))| FeatureError {
            transformation: (*name).into(),
            invariance: invariance.error(),
            equivariance: equivariance.into_iter().map(Sums::error).collect(),
        })
        .collect();
    if queries.augmented.is_some() {
        let invariance = of_augmented.error();
        errors.push(FeatureError {
            transformation: "augmentation".into(),
            invariance,
            equivariance: Vec::new(),
        });
    }
    Ok(errors)
}

/// The first block, the first two, and so on, of one adapted task, with its weights as they are.
fn blocks(adapted: &Adapted, config: Conv4Config) -> Result<Vec<Sequential>> {
    ensure!(adapted.tasks() == 1, "features are those of one task");
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for (layer, weight) in adapted.weights()? {
        tensors.insert(format!("{layer}.weight"), weight.squeeze(0)?);
    }
    let learned = adapted.learned()?;
    for (name, tensor) in learned.tensors().iter().filter(|(name, _)| name.contains(".norm.")) {
        let own = if tensor.rank() > 1 { tensor.squeeze(0)? } else { tensor.clone() };
        // Statistics of the task's support set: those that every image is normalised with from here
        // on.
        tensors.insert(name.replace(".norm.support_", ".norm.running_"), own);
    }
    let norm = match config.norm.statistics {
        Statistics::Support => BatchNormConfig { statistics: Statistics::Running, ..config.norm },
        _ => config.norm,
    };
    let config = Conv4Config { norm, ..config };
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &device_of(adapted.model().as_ref())?);
    let first = |blocks| Ok(Conv4::body(Conv4Config { blocks, ..config }, vb.clone())?);
    (1..=config.blocks).map(first).collect()
}

/// Where the parameters of a model are.
fn device_of(model: &dyn Layer) -> Result<Device> {
    let device = model.parameters().iter().next().map(|p| p.tensor.device().clone());
    device.context("the model has no parameters")
}

/// The maps of each block, `(n, c, h, w)`; images and maps are on the processor.
fn maps_of(blocks: &[Sequential], x: &Tensor) -> Result<Vec<Tensor>> {
    let (_, _, mut h, mut w) = x.dims4()?;
    let mut maps = Vec::new();
    for block in blocks {
        let input = Input::constant(&x.unsqueeze(0)?.to_device(&device_of(block)?)?);
        let flat = block.forward_tasks(&block.parameters().broadcast(1)?, &input)?;
        (h, w) = (h / 2, w / 2);
        let flat = flat.value().to_device(&Device::Cpu)?;
        let (_, n, features) = flat.dims3()?;
        maps.push(flat.reshape((n, features / (h * w).max(1), h, w))?);
    }
    Ok(maps)
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use candle_core::{DType, Device, Tensor};
    use candle_nn::Init;
    use msr_episodes::Examples;
    use msr_layers::{Affine, SeededVars};
    use msr_meta::{Learner, Loss, MetaConfig, MetaLearner};

    use super::{SYMMETRIES, Statistics, Sums, blocks, maps_of};
    use crate::engine::{LayerKind, Model, Norm, Shape, conv4};

    #[test]
    fn symmetries_of_the_square() -> Result<()> {
        let x = Tensor::new(&[[[1f32, 2.], [3., 4.]]], &Device::Cpu)?;
        let images = [[2., 1., 4., 3.], [3., 4., 1., 2.], [4., 3., 2., 1.], [2., 4., 1., 3.]];
        for ((name, symmetry), expected) in SYMMETRIES.iter().zip(images) {
            assert_eq!(symmetry(&x)?.flatten_all()?.to_vec1::<f32>()?, expected, "{name}");
        }
        Ok(())
    }

    fn normal(name: &str, shape: &[usize]) -> Result<Tensor> {
        let vb = SeededVars::new(3).builder(DType::F32, &Device::Cpu);
        Ok(vb.get_with_hints(shape, name, Init::Randn { mean: 0.0, stdev: 1.0 })?.detach())
    }

    /// One where an image becomes any other one, zero where nothing changes, nothing where all are
    /// alike.
    #[test]
    fn errors_are_shares_of_what_images_differ_by() -> Result<()> {
        let x = normal("x", &[400, 3])?;
        let error = |found: &Tensor, expected: &Tensor| -> Result<Option<f64>> {
            let mut sums = Sums::default();
            sums.add(found, expected)?;
            Ok(sums.error())
        };
        assert_eq!(error(&x, &x)?, Some(0.0));
        assert!(error(&normal("other", &[400, 3])?, &x)?.is_some_and(|error| (error - 1.0).abs() < 0.1));
        assert_eq!(error(&x.zeros_like()?, &x.zeros_like()?)?, None);
        assert_eq!(error(&(&x * f64::NAN)?, &x)?, None);
        Ok(())
    }

    /// The blocks that are looked at, and the head, are the network that predicts.
    #[test]
    fn features_are_those_of_the_adapted_network() -> Result<()> {
        let labels = Tensor::new(&[[0u32, 1, 2]], &Device::Cpu)?;
        let support = Examples::labels(normal("support", &[1, 3, 1, 16, 16])?, labels)?;
        let x = normal("query", &[6, 1, 16, 16])?;
        let own = Norm { statistics: Statistics::Support, affine: Affine::Shared };
        for (layer, norm) in [
            (LayerKind::Conv4, Norm::PLAIN),
            (LayerKind::Conv4Kronecker, Norm::PLAIN),
            (LayerKind::Conv4Kronecker, Norm { affine: Affine::None, ..Norm::PLAIN }),
            (LayerKind::Conv4Kronecker, own),
            (LayerKind::Conv4, Norm { statistics: Statistics::Support, ..Norm::PLAIN }),
            (LayerKind::Conv4Head, Norm::PLAIN),
        ] {
            let config = conv4((1, 16, 16), 4, 3, norm);
            let shape = Shape::Classes { image: config.image, channels: 4, ways: 3, norm };
            let model = Model::new(layer, &shape, 0, 1, &Device::Cpu)?;
            let steps = MetaConfig { loss: Loss::CrossEntropy, ..MetaConfig::gradient_steps(2) };
            let adapted = MetaLearner::new(model.layer(), steps)?.adapt(&support)?;
            let maps = maps_of(&blocks(&adapted, config)?, &x)?;
            let sizes: Vec<&[usize]> = maps.iter().map(|map| map.dims()).collect();
            assert_eq!(sizes, [[6, 4, 8, 8], [6, 4, 4, 4], [6, 4, 2, 2], [6, 4, 1, 1]], "{layer:?}");
            let learned = adapted.learned()?;
            let weight = learned.tensor("head.weight")?.squeeze(0)?;
            let bias = learned.tensor("head.bias")?.squeeze(0)?;
            let found = maps[3].flatten_from(1)?.matmul(&weight.t()?)?.broadcast_add(&bias)?;
            let expected = adapted.predict(&x.unsqueeze(0)?)?.squeeze(0)?;
            let apart = (found - expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(apart < 1e-4, "{layer:?}: {apart}");
        }
        Ok(())
    }
}
