//! The meta-steps to check: losses, and the gradient of every outer parameter.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use msr_episodes::Episode;
use msr_meta::{Learner, MetaConfig, MetaLearner};

use super::operation::{Operation, learner};
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
    ]
}

/// Losses and gradients.
fn step(learner: &MetaLearner, episode: &Episode, dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
    let found = learner.gradients(&episode.to_dtype(dtype)?.to_device(device)?)?;
    let losses = Tensor::from_vec(found.losses.clone(), found.losses.len(), &Device::Cpu)?.to_dtype(dtype)?;
    Ok([vec![losses], found.gradients].concat())
}
