//! 2 of 8: the symmetry matrix U is learned over many tasks, and makes new tasks easy.
//!
//! `cargo run --example 02-meta-learn`. The next one: `03-adapt-and-predict`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::sync::Arc;

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, RankK, SamplerConfig};
use msr_episodes::{Shots, Split};
use msr_layers::{Layer, Linear, LinearConfig, ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer, evaluate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Tasks of the paper's Table 1: each is a convolution with another filter, seen through 20
    // examples. An episode holds 32 tasks: one example each to adapt to (support), 19 to be judged
    // by (query).
    let shots = Shots { support: 1, query: 19 };
    let config = SamplerConfig::new(Split::new(8_000, 2_000), shots, 32, 0);
    let tasks = EpisodeSampler::new(RankK::new(1, 0)?, config)?;

    // MSR is MAML with reparameterized layers: the same learner, another model.
    let vars = SeededVars::new(0);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    let msr: Arc<dyn Layer> =
        Arc::new(ReparamLinear::new(ReparamLinearConfig::new(70, 68, 3), vb.pp("msr"))?);
    let maml: Arc<dyn Layer> = Arc::new(Linear::new(LinearConfig::new(70, 68), vb.pp("maml"))?);
    let mut errors = Vec::new();
    for (name, model) in [("MAML", maml), ("MSR", msr)] {
        let learner = MetaLearner::new(model, MetaConfig::gradient_steps(3))?;
        let mut trainer = Trainer::new(learner, AdamConfig::default())?;
        let _ = trainer.run(600, &tasks, &mut ())?; // () watches nothing: no progress bar, no metrics
        let test = evaluate(trainer.learner(), &tasks, 200, 50)?;
        println!("{name}: {:.4} ± {:.4} on {} new tasks", test.mean, test.half_width, test.tasks);
        errors.push(test.mean);
    }
    assert!(errors[1] < 0.2 * errors[0], "one example is enough where the symmetry is known");
    Ok(())
}
