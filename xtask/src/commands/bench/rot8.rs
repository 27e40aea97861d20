//! The MSR-Conv C8 meta-step.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, Shots, Split, SteerableConv};
use msr_groups::PlaneGroup;
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
use serde::Deserialize;

use super::machine_rates::Rates;
use super::median;
use super::peer;
use crate::experiments::training::batch;
use crate::report::record::record;
use crate::report::say;
use crate::report::table::aligned;

const TASKS: usize = 32;
const SUPPORT: usize = 1;
const QUERY: usize = 19;
const CHANNELS: usize = 24;
const KERNEL: usize = 3;
const OUT: usize = 30;
/// How the squared error is computed, and what that is called in the table.
const WAYS: [(&str, bool); 2] = [("ours", true), ("ours, from outputs", false)];
/// The variants of the peer that compute outputs, as every implementation at hand does; of these the best counts.
const BY_MOMENTS: &str = "-moments";

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Run the same step in JAX, six ways, in turn with ours, and print the ratios.
    #[arg(long)]
    peers: bool,
    /// The Python that has JAX.
    #[arg(long, env = "MSR_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// Inner steps.
    #[arg(long, default_value_t = 3)]
    inner_steps: usize,
    /// How often ours and the peer take turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Steps that are timed in each round.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
    /// Also write the result, the machine and the command to a dated folder of docs/results.
    #[arg(long)]
    record: bool,
}

/// A line that the peer prints.
#[derive(Clone, Debug, Deserialize)]
struct PeerTime {
    variant: String,
    median_ms: f64,
}

/// Measures, prints, and records when asked to.
pub fn run(args: Args) -> Result<()> {
    let rates = Rates::measure()?;
    let mut ours = vec![Vec::new(); WAYS.len()];
    let mut theirs: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..args.rounds {
        for (times, (_, moments)) in ours.iter_mut().zip(WAYS) {
            times.push(step_ms(moments, &args)?);
        }
        if args.peers {
            let asked = [args.inner_steps.to_string(), args.samples.to_string()];
            for time in peer::run::<PeerTime>(&args.python, "rot8_step_jax.py", &asked)? {
                match theirs.iter_mut().find(|(variant, _)| *variant == time.variant) {
                    Some((_, times)) => times.push(time.median_ms),
                    None => theirs.push((time.variant, vec![time.median_ms])),
                }
            }
        }
    }
    let text = report(&args, rates, &ours, &theirs)?;
    say(&text);
    if args.record {
        say(&format!("recorded in {}", record("bench-rot8", "cpu", &text)?.display()));
    }
    Ok(())
}

/// The median time of a step over the samples, warm; data generation is outside the clock.
fn step_ms(moments: bool, args: &Args) -> Result<f64> {
    let vb = SeededVars::new(1).builder(DType::F32, &Device::Cpu);
    let conv = Conv2dConfig::new(1, CHANNELS, KERNEL);
    let layer = ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb)?;
    let config = MetaConfig { inner_steps: args.inner_steps, moments, ..MetaConfig::default() };
    let learner = MetaLearner::new(Arc::new(layer), config)?;
    let mut trainer = Trainer::new(Box::new(learner), AdamConfig::default())?;
    let source = Arc::new(SteerableConv::new(PlaneGroup::Rotations(8), 0)?);
    let sampler = EpisodeSampler::new(source, Split::new(8_000, 2_000), 0)?;
    let batch = batch(&sampler.train(0, TASKS, Shots { support: SUPPORT, query: QUERY })?);
    let mut times = Vec::new();
    for i in 0..args.samples + 3 {
        let start = Instant::now();
        trainer.step(&batch)?;
        if i >= 3 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(median(&times))
}

/// The fewest operations and bytes of a step by moments: columns times columns (half of a symmetric matrix) and targets
/// times columns, for support and query; the batch is read once.
fn floor() -> (f64, f64) {
    let values = (TASKS * (SUPPORT + QUERY) * OUT * OUT) as f64;
    let (p, o) = ((KERNEL * KERNEL) as f64, CHANNELS as f64);
    (2.0 * values * p * (o + (p + 1.0) / 2.0), 4.0 * values * (o + 1.0))
}

fn report(args: &Args, rates: Rates, ours: &[Vec<f64>], theirs: &[(String, Vec<f64>)]) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "MSR-Conv C8 meta-step: {TASKS} tasks, {SUPPORT} support + {QUERY} query images of 32 × 32, {CHANNELS} channels,\n\
         Kronecker factors, {} inner steps, Adam; f32. Median of {} rounds of {} steps each.\n\
         This machine: {:.0} GFLOP/s in GEMM, {:.1} GB/s in copies.\n",
        args.inner_steps,
        args.rounds,
        args.samples,
        rates.gemm / 1e9,
        rates.copy / 1e9
    )?;
    let (operations, bytes) = floor();
    let floor_ms = 1e3 * (operations / rates.gemm).max(bytes / rates.copy);
    let by_outputs = |variant: &str| !variant.ends_with(BY_MOMENTS);
    let best =
        (theirs.iter().filter(|(v, _)| by_outputs(v))).min_by(|a, b| median(&a.1).total_cmp(&median(&b.1)));
    ensure!(best.is_some() || !args.peers, "the peer measured nothing");
    let mut head: Vec<String> = ["variant", "ms"].map(String::from).to_vec();
    head.extend(best.map(|(variant, _)| format!("time / JAX {variant} (min – max)")));
    head.push("floor / time".into());
    let mut rows = Vec::new();
    let all = (WAYS.iter().map(|(name, _)| (*name).to_string()).zip(ours.to_vec()))
        .chain(theirs.iter().map(|(variant, times)| (format!("JAX {variant}"), times.clone())));
    for (name, times) in all {
        let mut row = vec![name, format!("{:.2}", median(&times))];
        if let Some((_, best)) = best {
            let mut ratios: Vec<f64> = times.iter().zip(best).map(|(a, b)| a / b).collect();
            ratios.sort_by(f64::total_cmp);
            let (low, high) = (ratios.first().context("no round")?, ratios.last().context("no round")?);
            row.push(format!("{:.2} ({low:.2} – {high:.2})", median(&ratios)));
        }
        row.push(format!("{:.0} %", 100.0 * floor_ms / median(&times)));
        rows.push(row);
    }
    text.push_str(&aligned(&head, &rows));
    if best.is_some() {
        writeln!(
            text,
            "\nThe ratio is to the best JAX variant that forms the outputs, as implementations at hand do; the moments variants\n\
             are ours, written in JAX."
        )?;
    }
    writeln!(
        text,
        "\nThe floor, {floor_ms:.2} ms, is the larger of the operations of the moments at the GEMM rate and the bytes of the\n\
         batch at the copy rate. \"From outputs\" forms all predictions, as a layer inside a deeper network must."
    )?;
    Ok(text)
}
