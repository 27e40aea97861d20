//! 3 of 8: the whole story. Learn, adapt to a new task, predict, look at W, read the group, save,
//! load.
//!
//! `cargo run --example 03-adapt-and-predict`. The next one: `04-which-group`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, Equivariant, EquivariantConfig, SamplerConfig};
use msr_episodes::{EpisodeSource, Shots, Split};
use msr_groups::{Action, SharingPattern, dihedral};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{AdamConfig, Adapted, MetaConfig, MetaLearner, Trainer, load_learner};
use msr_symmetry::{Learned, Symmetry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Tasks that commute with the symmetries of a hexagon; nobody tells the learner.
    let hexagon = Action::natural(&dihedral(6)?);
    let pattern = SharingPattern::new(&hexagon, &hexagon)?;
    let config = SamplerConfig::new(Split::new(4_000, 100), Shots { support: 10, query: 10 }, 32, 0);
    let tasks = EpisodeSampler::new(Equivariant::new(pattern, EquivariantConfig::default())?, config)?;

    // Build, and learn: 6 inputs, 6 outputs, more free parameters than the four that the truth has.
    let vars = SeededVars::new(0);
    let layer =
        ReparamLinear::new(ReparamLinearConfig::new(6, 6, 12), vars.builder(DType::F32, &Device::Cpu))?;
    let learner = MetaLearner::new(layer, MetaConfig::least_squares(0.1))?;
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 3e-3, ..AdamConfig::default() })?;
    let _ = trainer.run(2_000, &tasks, &mut ())?;

    // Adapt to a new task, predict on new inputs, look at its weight.
    let task = tasks.test(0..1)?;
    let adapted = trainer.learner().adapt(&task.support)?;
    let predicted = adapted.predict(&task.query.x)?;
    let error = (&predicted - task.query.y.tensor())?.sqr()?.mean_all()?.to_scalar::<f32>()?;
    println!("mean squared error on the new task: {error:.2e}");
    println!("its weight W: {}", adapted.weight()?.get(0)?);
    assert!(error < 1e-3);

    // Read the group.
    let learned = trainer.learner().learned()?;
    let symmetry = &learned.symmetry()?[0].symmetry;
    println!("{symmetry}");
    assert!(matches!(symmetry, Symmetry::Permutations(found) if found.name() == Some("D_6")));

    // Save what was learned and what was adapted; in another process, load both.
    let folder = std::env::temp_dir().join(format!("msr-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    learned.save(folder.join("learned.safetensors"))?;
    adapted.save(folder.join("adapted.safetensors"))?;
    let again = Adapted::load(folder.join("adapted.safetensors"), &Device::Cpu)?;
    assert_eq!(again.predict(&task.query.x)?.to_vec3::<f32>()?, predicted.to_vec3::<f32>()?);
    let learner = load_learner(folder.join("learned.safetensors"), &Device::Cpu)?;
    let readapted = learner.adapt(&task.support)?.predict(&task.query.x)?;
    assert_eq!(readapted.to_vec3::<f32>()?, predicted.to_vec3::<f32>()?);
    assert_eq!(Learned::load(folder.join("learned.safetensors"), &Device::Cpu)?.model(), learned.model());
    println!("loaded again, both predict the same numbers");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
