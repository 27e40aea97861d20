//! 6 of 8: how many filter parameters, which adaptation, which rate? 200 noisy tasks of the
//! dihedral group of ten points, 15 examples each.
//!
//! `cargo run --example 06-choosing-k`. What it prints is the table in the documentation of
//! msr-meta. The next one: `07-sinusoids`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, Equivariant, EquivariantConfig, SamplerConfig};
use msr_episodes::{Shots, Split};
use msr_groups::{Action, SharingPattern, dihedral};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Schedule, Trainer, evaluate};

const STEPS: u64 = 3_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let action = Action::natural(&dihedral(10)?);
    let pattern = SharingPattern::new(&action, &action)?;
    println!("{} weights in {} classes", 10 * 10, pattern.free_parameters());
    let noisy = EquivariantConfig { noise: 0.05, ..EquivariantConfig::new(15, 0) };
    let problem = Equivariant::new(pattern, noisy)?;
    let shots = Shots { support: 10, query: 5 };
    let tasks = EpisodeSampler::new(problem, SamplerConfig::new(Split::new(200, 100), shots, 16, 0))?;
    let fast =
        AdamConfig { rate: 3e-3, schedule: Schedule::Cosine { steps: STEPS }, ..AdamConfig::default() };
    let slow = AdamConfig { rate: 1e-3, ..AdamConfig::default() };
    println!("k    adaptation      rate              test error   group read out of U");
    for (k, adaptation, config, rate, adam) in [
        (3, "exact", MetaConfig::least_squares(0.1), "3e-3, cosine", fast),
        (6, "exact", MetaConfig::least_squares(0.1), "3e-3, cosine", fast),
        (20, "exact", MetaConfig::least_squares(0.1), "3e-3, cosine", fast),
        (20, "exact", MetaConfig::least_squares(0.1), "1e-3, constant", slow),
        (20, "3 steps", MetaConfig::gradient_steps(3), "3e-3, cosine", fast),
    ] {
        let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
        let layer = ReparamLinear::new(ReparamLinearConfig::new(10, 10, k), vb)?;
        let mut trainer = Trainer::new(MetaLearner::new(layer, config)?, adam)?;
        let _ = trainer.run(STEPS, &tasks, &mut ())?;
        let error = evaluate(trainer.learner(), &tasks, 100, 100)?.mean;
        let found = trainer.learner().learned()?.symmetry()?.remove(0).symmetry;
        let found = found.to_string();
        println!("{k:<4} {adaptation:<15} {rate:<17} {error:<12.4} {}", found.lines().next().unwrap_or(""));
    }
    Ok(())
}
