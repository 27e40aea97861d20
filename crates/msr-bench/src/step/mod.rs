//! Meta-steps: one a file. What they share: the flags, the timing, and ratios to a peer.

pub mod conv4;
pub mod fc;
pub mod rot8;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use candle_core::Device;
use clap::builder::RangedU64ValueParser;
use indicatif::{ProgressBar, ProgressStyle};
use msr_episodes::Episode;
use msr_meta::Trainer;
use serde::Serialize;

use crate::machine_rates::Rates;
use crate::program::Scripts;
use crate::record::{OutputArgs, PlaceArgs};
use crate::timing::median;

/// Inner steps of fc and rot8, unless the flags say otherwise.
const INNER_STEPS: usize = 3;

/// The meta-steps.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Step {
    /// MSR-FC on Table 1: 32 tasks, one support and 19 query examples, Adam included.
    Fc(StepArgs),
    /// MSR-Conv on the C_8 problem of Table 2: 32 tasks, one support and 19 query images, Adam
    /// included.
    Rot8(StepArgs),
    /// MAML or MSR with a Conv4 on 28 × 28 images: 8 tasks of 5 ways, one support and 5 query
    /// images each, one inner step, Adam included, unless the flags say otherwise.
    Conv4(conv4::Conv4Args),
}

impl Step {
    /// Measures, prints, and records when asked to.
    ///
    /// # Errors
    /// When the device cannot be used, a step fails, or the result cannot be written.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Fc(args) => fc::run(args),
            Self::Rot8(args) => rot8::run(args),
            Self::Conv4(args) => conv4::run(args),
        }
    }
}

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct StepArgs {
    /// Run the same step in JAX, and conv4 in PyTorch too, in every way that their scripts know, in
    /// turn with ours, and print the ratios.
    #[arg(long)]
    pub peers: bool,
    /// The Python that has JAX and PyTorch.
    #[arg(long, env = "MSR_PYTHON", default_value = "python3")]
    pub python: PathBuf,
    /// The folder of this project's scripts.
    #[arg(long, value_name = "DIR", env = "MSR_SCRIPTS", hide_env_values = true, default_value = "scripts")]
    pub scripts: PathBuf,
    /// Inner steps; by default 3 of fc and rot8, and one of conv4.
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(..=1_000))]
    pub inner_steps: Option<usize>,
    /// How often ours and the peer take turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rounds: u64,
    /// Steps that are timed in each round; by default 300 of fc, 20 of rot8, 5 of conv4.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub samples: Option<u64>,
    /// Where to compute.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// What becomes of the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl StepArgs {
    /// The device, made ready.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(&self) -> Result<Device> {
        Ok(self.place.device.open()?)
    }

    /// The peers, on the same device.
    pub fn peer_scripts(&self) -> Scripts<'_> {
        Scripts { python: &self.python, folder: &self.scripts, place: self.place.device }
    }

    /// A bar over so many measurements in each round.
    pub fn bar(&self, measurements: usize) -> Result<ProgressBar> {
        let style =
            ProgressStyle::with_template("{elapsed_precise} [{wide_bar:.cyan/blue}] {pos}/{len} {msg}")?;
        let bar = ProgressBar::new(self.rounds * measurements as u64).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(500));
        Ok(bar)
    }

    /// The inner steps of layers that are linear in what tasks adapt.
    pub fn inner_steps(&self) -> usize {
        self.inner_steps.unwrap_or(INNER_STEPS)
    }

    /// What a peer is told: inner steps and samples.
    pub fn for_peer(&self, samples: u64) -> [String; 2] {
        [self.inner_steps().to_string(), samples.to_string()]
    }
}

/// The median time of a meta-step in milliseconds, after `warm_up` steps; making the episode and
/// bringing it to the device is outside the clock. A step ends when the device has done it all.
pub fn step_ms(
    trainer: &mut Trainer,
    episode: &Episode,
    device: &Device,
    warm_up: u64,
    samples: u64,
) -> Result<f64> {
    let mut times = Vec::new();
    let episode = &episode.to_device(device)?;
    device.synchronize()?;
    for step in 0..warm_up + samples {
        let start = Instant::now();
        trainer.step(episode)?;
        device.synchronize()?;
        if step >= warm_up {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(median(&times))
}

/// The ratio of two times over rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ratio {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Ratio {
    /// Of times of the same rounds.
    pub fn of(times: &[f64], to: &[f64]) -> Result<Self> {
        let mut ratios: Vec<f64> = times.iter().zip(to).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios.first().context("no round")?, ratios.last().context("no round")?);
        Ok(Self { median: median(&ratios), least: *least, most: *most })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2} – {:.2})", self.median, self.least, self.most)
    }
}

/// How a step was measured, and what came out; as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Results<Row> {
    /// The suite's name.
    pub suite: &'static str,
    /// Where the steps ran.
    pub device: String,
    /// Inner steps.
    pub inner_steps: usize,
    /// Rounds.
    pub rounds: u64,
    /// Steps that were timed in each round.
    pub samples: u64,
    /// What this device can do.
    pub machine: Rates,
    /// What was measured.
    pub results: Vec<Row>,
}

#[cfg(test)]
pub mod tests {
    use super::StepArgs;
    use crate::record::{OutputArgs, PlaceArgs};

    /// Three rounds.
    pub fn args(peers: bool) -> StepArgs {
        StepArgs {
            peers,
            python: "python3".into(),
            scripts: "scripts".into(),
            inner_steps: None,
            rounds: 3,
            samples: None,
            place: PlaceArgs::default(),
            output: OutputArgs::default(),
        }
    }
}
