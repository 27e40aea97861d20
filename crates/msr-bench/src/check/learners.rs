//! The meta-steps to check: losses, and the gradient of every outer parameter.

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use msr_episodes::Episode;
use msr_meta::{AdamConfig, Learner, MetaConfig, MetaLearner, Trainer};

use super::operation::{Operation, learner};
use crate::step::conv4::{Conv4Size, Conv4Step};
use crate::step::{fc, rot8};

/// All meta-steps.
pub fn learners() -> Vec<Operation> {
    let steps = || MetaConfig::gradient_steps(3);
    let from_outputs = move || MetaConfig { second_moments: false, ..steps() };
    vec![
        learner("fc, rank 1", move |dtype, device, seed| {
            step(&fc::learner(3, steps(), seed, dtype, device)?, &fc::episode(1, seed)?, dtype, device)
        }),
        learner("fc, rank 5", move |dtype, device, seed| {
            step(&fc::learner(30, steps(), seed, dtype, device)?, &fc::episode(5, seed)?, dtype, device)
        }),
        learner("fc, exact", move |dtype, device, seed| {
            let config = MetaConfig::least_squares(0.1);
            step(&fc::learner(6, config, seed, dtype, device)?, &fc::episode(2, seed)?, dtype, device)
        }),
        learner("rot8", move |dtype, device, seed| {
            step(&rot8::learner(steps(), seed, dtype, device)?, &rot8::episode(seed)?, dtype, device)
        }),
        learner("rot8, from outputs", move |dtype, device, seed| {
            step(&rot8::learner(from_outputs(), seed, dtype, device)?, &rot8::episode(seed)?, dtype, device)
        }),
        learner("fc, trained", move |dtype, device, seed| {
            let episodes = [fc::episode(1, seed)?, fc::episode(1, seed + 1)?];
            train(fc::learner(3, steps(), seed, dtype, device)?, &episodes, dtype, device)
        }),
        // The losses and, after a few steps, the parameters of a network whose normalisations see
        // few images: 1e-16 becomes 1e-10 on the way.
        learner("conv4, trained", move |dtype, device, _| {
            let size = Conv4Size { tasks: 2, ways: 2, queries: 2, width: 3, ..Conv4Size::default() };
            let step = Conv4Step { size, ..Conv4Step::default() };
            train(step.learner(dtype, device)?, &[step.episode()?], dtype, device)
        })
        .in_double_precision(1e-9),
    ]
}

/// The losses of outer steps on these episodes in turn, and what becomes of the outer parameters.
/// On a GPU those after the first are replayed.
fn train(learner: MetaLearner, episodes: &[Episode], dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
    // With the usual ε the first steps are signs of gradients, which rounding may turn.
    let mut trainer = Trainer::new(learner, AdamConfig { epsilon: 1e-2, ..AdamConfig::default() })?;
    let mut losses = Vec::new();
    for step in 0..5 {
        let episode = &episodes[step % episodes.len()];
        losses.extend(trainer.step(&episode.to_dtype(dtype)?.to_device(device)?)?.losses);
    }
    ensure!(trainer.replays_steps() != device.is_cpu(), "steps on a GPU are to be replayed");
    let count = losses.len();
    let losses = Tensor::from_vec(losses, count, &Device::Cpu)?.to_dtype(dtype)?;
    let parameters = trainer.learner().outer_parameters();
    let parameters = parameters.iter().map(|p| p.variable.as_detached_tensor());
    Ok(std::iter::once(losses).chain(parameters).collect())
}

/// Losses and gradients.
fn step(learner: &MetaLearner, episode: &Episode, dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
    let found = learner.gradients(&episode.to_dtype(dtype)?.to_device(device)?)?;
    let losses = Tensor::from_vec(found.losses.clone(), found.losses.len(), &Device::Cpu)?.to_dtype(dtype)?;
    Ok([vec![losses], found.gradients].concat())
}
