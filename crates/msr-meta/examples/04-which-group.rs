//! 4 of 8: which group is it? Rotations and flips that a convolution learned, and what is read
//! where there is nothing to find.
//!
//! `cargo run --example 04-which-group`. The next one: `05-own-operation`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, SamplerConfig, SteerableConv, SteerableConvConfig};
use msr_episodes::{Shots, Split};
use msr_groups::PlaneGroup;
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
use msr_symmetry::Symmetry;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Convolutions whose filters come in four rotated copies: one field of the regular
    // representation of C_4.
    let group = PlaneGroup::Rotations(4);
    let problem = SteerableConv::new(SteerableConvConfig {
        fields: 1,
        size: 12,
        ..SteerableConvConfig::new(group, 0)
    })?;
    let free = problem.basis().len(); // the free weights of a field, out of 4 × 9
    let config = SamplerConfig::new(Split::new(2_000, 100), Shots { support: 1, query: 5 }, 16, 0);
    let tasks = EpisodeSampler::new(problem, config)?;

    // A full symmetry matrix over 4 channels × 9 kernel positions.
    let vars = SeededVars::new(0);
    let conv = ReparamConv2dConfig::full(Conv2dConfig::new(1, 4, 3), free);
    let layer = ReparamConv2d::new(conv, vars.builder(DType::F32, &Device::Cpu))?;
    let learner = MetaLearner::new(layer, MetaConfig::least_squares(0.1))?;
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 3e-3, ..AdamConfig::default() })?;

    let before = trainer.learner().learned()?.symmetry()?.remove(0).symmetry;
    println!("before learning: {before}");
    let _ = trainer.run(600, &tasks, &mut ())?;
    let after = trainer.learner().learned()?.symmetry()?.remove(0).symmetry;
    println!("after learning: {after}");
    let named = |symmetry: &Symmetry| match symmetry {
        Symmetry::Plane(found) => found.group,
        _ => None,
    };
    assert_eq!(named(&before), None);
    assert_eq!(named(&after), Some(group));
    Ok(())
}
