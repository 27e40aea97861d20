//! The story of README's library section, from a crate outside the workspace: what stands between
//! the two `// story` lines is what README shows (`cargo xtask tidy` compares them). With an
//! argument, only the last part runs, as another process would.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => {
            story()?;
            let again = std::process::Command::new(std::env::current_exe()?).arg("again").status()?;
            std::fs::remove_file("learned.safetensors")?;
            std::fs::remove_file("task.safetensors")?;
            std::fs::remove_file("predicted.txt")?;
            if again.success() { Ok(()) } else { Err("the other process predicts other numbers".into()) }
        }
        Some(_) => in_another_process(),
    }
}

// story
use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, Equivariant, EquivariantConfig, SamplerConfig};
use msr_episodes::{EpisodeSource, Shots, Split};
use msr_groups::{Action, SharingPattern, dihedral};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{AdamConfig, Adapted, MetaConfig, MetaLearner, Trainer};

fn story() -> Result<(), Box<dyn Error>> {
    let hexagon = Action::natural(&dihedral(6)?); // the tasks' symmetry, which the learner is not told
    let tasks = Equivariant::new(SharingPattern::new(&hexagon, &hexagon)?, EquivariantConfig::default())?;
    let config = SamplerConfig::new(Split::new(4_000, 100), Shots { support: 10, query: 10 }, 32, 0);
    let tasks = EpisodeSampler::new(tasks, config)?; // your own data: implement EpisodeSource

    let vars = SeededVars::new(0); // build
    let layer = ReparamLinear::new(ReparamLinearConfig::new(6, 6, 12), vars.builder(DType::F32, &Device::Cpu))?;
    let learner = MetaLearner::new(layer, MetaConfig::least_squares(0.1))?;
    let mut trainer = Trainer::new(learner, AdamConfig { rate: 3e-3, ..AdamConfig::default() })?;
    let _ = trainer.run(2_000, &tasks, &mut ())?; // meta-learn
    let learner = trainer.learner();

    let new = tasks.test(0..1)?;
    let adapted = learner.adapt(&new.support)?; // adapt to a new task
    let y = adapted.predict(&new.query.x)?; // predict
    println!("{}", adapted.weight()?.get(0)?); // look at that task's W
    println!("{}", learner.learned()?.symmetry()?[0]); // read the group
    learner.learned()?.save("learned.safetensors")?; // load_learner adapts to further tasks
    adapted.save("task.safetensors")?;
    let again = Adapted::load("task.safetensors", &Device::Cpu)?; // in any other process
    let same = again.predict(&new.query.x)?; // the same numbers
    // story
    assert_eq!(same.to_vec3::<f32>()?, y.to_vec3::<f32>()?);
    std::fs::write("predicted.txt", format!("{:?}", y.flatten_all()?.to_vec1::<f32>()?))?;
    Ok(())
}

fn in_another_process() -> Result<(), Box<dyn Error>> {
    let hexagon = Action::natural(&dihedral(6)?);
    let tasks = Equivariant::new(SharingPattern::new(&hexagon, &hexagon)?, EquivariantConfig::default())?;
    let config = SamplerConfig::new(Split::new(4_000, 100), Shots { support: 10, query: 10 }, 32, 0);
    let tasks = EpisodeSampler::new(tasks, config)?;
    let new = tasks.test(0..1)?;
    let before = std::fs::read_to_string("predicted.txt")?;
    let adapted = Adapted::load("task.safetensors", &Device::Cpu)?;
    let readapted = msr_meta::load_learner("learned.safetensors", &Device::Cpu)?.adapt(&new.support)?;
    for (what, adapted) in [("the adapted model", adapted), ("the learner", readapted)] {
        let y = format!("{:?}", adapted.predict(&new.query.x)?.flatten_all()?.to_vec1::<f32>()?);
        if y != before {
            return Err(format!("{what} predicts other numbers:\n{y}\n{before}").into());
        }
        println!("{what}, loaded in another process, predicts the same numbers, bit for bit");
    }
    Ok(())
}
