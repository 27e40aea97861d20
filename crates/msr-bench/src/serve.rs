//! Meta-steps in a process of their own, which takes them when it is asked to. So several can take
//! turns in one run, each with a peak of memory that is its own.
//!
//! The protocol is that of `scripts/peers/server.py`: a step from the initial values and a line
//! [`Started`]; then, for each line `N` that is read, a step that is not timed and N that are, and
//! a line [`Turn`].

use std::io::BufRead;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use msr_episodes::Episode;
use msr_kernels::Place;
use msr_meta::{AdamConfig, MetaLearner, OuterParameter, Trainer};
use msr_report::{peak_memory, say_json};
use serde::{Deserialize, Serialize};

use crate::growth::LinearStep;
use crate::program::Program;
use crate::record::PlaceArgs;
use crate::step::conv4::Conv4Step;
use crate::step::fc::FcStep;

/// The flags of the process.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The meta-step, as JSON.
    #[arg(long, value_parser = Work::parse)]
    work: Work,
    /// Where to write what the first step made of the outer parameters, as npz.
    #[arg(long)]
    updated: Option<PathBuf>,
    /// The number type to compute in.
    #[arg(long, value_enum, default_value_t = NumberType::F32)]
    dtype: NumberType,
    /// Where to compute.
    #[command(flatten)]
    place: PlaceArgs,
}

/// The number type of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum NumberType {
    /// What is timed.
    F32,
    /// What is compared: rounding does not decide which of two pixels is the larger.
    F64,
}

impl NumberType {
    /// Adam's ε. The first step of Adam is `rate · g / (|g| + ε)`: with the usual one it is the
    /// sign of the gradient, and says nothing of its size. Where steps are compared, ε is as large
    /// as gradients are.
    fn epsilon(self) -> f64 {
        match self {
            Self::F32 => AdamConfig::default().epsilon,
            Self::F64 => 1e-2,
        }
    }

    /// Of a tensor.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }

    /// The flag by which a process is told.
    pub fn flag(self) -> String {
        format!("--dtype={}", self.dtype().as_str())
    }
}

/// A meta-step that a process of its own can take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A Conv4.
    Conv4(Conv4Step),
    /// MSR-FC.
    Fc(FcStep),
    /// A fully connected layer with Kronecker factors.
    Linear(LinearStep),
}

impl Work {
    fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The learner at its initial values, and the episode of every step.
    ///
    /// # Errors
    /// What the layers and the learner report.
    pub fn problem(&self, dtype: DType, device: &Device) -> Result<(MetaLearner, Episode)> {
        let (learner, episode) = match self {
            Self::Conv4(step) => (step.learner(dtype, device)?, step.episode()?),
            Self::Fc(step) => (step.learner(dtype, device)?, step.episode()?),
            Self::Linear(step) => (step.learner(dtype, device)?, step.episode()?),
        };
        Ok((learner, episode.to_dtype(dtype)?.to_device(device)?))
    }
}

/// What a process says after its first step, which starts from the initial values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Started {
    /// The query loss of each task.
    pub losses: Vec<f64>,
    /// The peak of memory before that step, in MiB, where the system says it.
    pub start_mib: Option<f64>,
}

/// What a process says after a turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn {
    /// The time of each step, in milliseconds.
    pub ms: Vec<f64>,
    /// The peak of memory so far, in MiB, where the system says it.
    pub peak_mib: Option<f64>,
}

/// Takes steps until there is nothing more to read.
///
/// # Errors
/// When a step fails, or what is read is no number.
pub fn run(args: &Args) -> Result<()> {
    let device = args.place.device.open()?;
    let (learner, episode) = args.work.problem(args.dtype.dtype(), &device)?;
    let mut trainer =
        Trainer::new(learner, AdamConfig { epsilon: args.dtype.epsilon(), ..AdamConfig::default() })?;
    let start_mib = peak_mib();
    let losses = trainer.step(&episode)?.losses;
    if let Some(path) = &args.updated {
        write(path, trainer.learner().outer_parameters(), &[])?;
    }
    say_json(&serde_json::to_string(&Started { losses, start_mib })?);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let samples: usize =
            line.trim().parse().with_context(|| format!("{line:?} is no number of steps"))?;
        let mut ms = Vec::new();
        for step in 0..=samples {
            device.synchronize()?;
            let start = Instant::now();
            trainer.step(&episode)?;
            device.synchronize()?;
            if step > 0 {
                ms.push(1e3 * start.elapsed().as_secs_f64());
            }
        }
        say_json(&serde_json::to_string(&Turn { ms, peak_mib: peak_mib() })?);
    }
    Ok(())
}

fn peak_mib() -> Option<f64> {
    peak_memory().map(|mib| mib as f64)
}

/// Writes outer parameters by their names, and other tensors, as npz.
///
/// # Errors
/// When the file cannot be written; the message names it.
pub fn write(path: &Path, parameters: &[OuterParameter], others: &[(&str, &Tensor)]) -> Result<()> {
    let outer = parameters.iter().map(|p| (p.name.as_str(), p.variable.as_tensor()));
    let all: Vec<(&str, &Tensor)> = outer.chain(others.iter().copied()).collect();
    Tensor::write_npz(&all, path).with_context(|| format!("{} cannot be written", path.display()))
}

/// A process that takes steps, from outside: ours or a peer's.
pub struct Server {
    program: Program,
    /// What it said first.
    pub started: Started,
}

impl Server {
    /// This program in a process of its own, with so many threads.
    ///
    /// # Errors
    /// When it cannot be started, or its first step fails.
    pub fn ours(
        work: &Work,
        precision: NumberType,
        threads: NonZeroUsize,
        place: Place,
        updated: Option<&Path>,
    ) -> Result<Self> {
        let this = std::env::current_exe().context("where this program is")?;
        let mut command = Command::new(this);
        command.arg("serve").arg(precision.flag());
        command.args(["--work", &serde_json::to_string(work)?, "--device", &place.to_string()]);
        command.env("RAYON_NUM_THREADS", threads.to_string());
        if let Some(path) = updated {
            command.arg("--updated").arg(path);
        }
        Self::start("ours", &mut command)
    }

    /// The process of any such command.
    ///
    /// # Errors
    /// When it cannot be started, or its first step fails.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut program =
            Program::start(name, command).with_context(|| format!("{name} cannot be started"))?;
        let started = program.answer()?;
        Ok(Self { program, started })
    }

    /// The times of so many steps, after one that is not timed.
    ///
    /// # Errors
    /// When the process fails.
    pub fn turn(&mut self, samples: u64) -> Result<Turn> {
        self.program.ask(&samples.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Conv4Step, Work};

    #[test]
    fn work_comes_back_from_its_flag() -> serde_json::Result<()> {
        let work = Work::Conv4(Conv4Step::default());
        assert_eq!(Work::parse(&serde_json::to_string(&work)?)?, work);
        assert!(Work::parse("{}").is_err());
        Ok(())
    }
}
