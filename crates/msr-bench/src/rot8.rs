//! The MSR-Conv C8 meta-step.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, SamplerConfig, SteerableConv, SteerableConvConfig};
use msr_episodes::{EpisodeSource, Shots, Split};
use msr_groups::PlaneGroup;
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
use serde::Deserialize;

use crate::machine_rates::Rates;
use crate::median;
use crate::peer;
use crate::record::record;
use crate::step::{StepArgs, floor_ms, ratio, step_ms};
use msr_report::{Table, say};

const TASKS: usize = 32;
const SUPPORT: usize = 1;
const QUERY: usize = 19;
const CHANNELS: usize = 24;
const KERNEL: usize = 3;
const OUT: usize = 30;
/// How the squared error is computed, and what that is called in the table.
const WAYS: [(&str, bool); 2] = [("ours", true), ("ours, from outputs", false)];
/// The variants of the peer that compute outputs, as every implementation at hand does; of these
/// the best counts.
const BY_MOMENTS: &str = "-moments";
/// How many variants the peer has, for the progress bar.
const PEER_VARIANTS: usize = 6;

/// Steps before the clock starts to count, as the peer has them.
const WARM_UP: u64 = 2;
/// Steps that are timed in each round, unless the flags say otherwise.
const SAMPLES: u64 = 20;

/// A line that the peer prints.
#[derive(Clone, Debug, Deserialize)]
struct PeerTime {
    variant: String,
    median_ms: f64,
}

/// Measures, prints, and records when asked to.
pub fn run(args: &StepArgs) -> Result<()> {
    let samples = args.samples.unwrap_or(SAMPLES);
    let rates = Rates::measure()?;
    let mut ours = vec![Vec::new(); WAYS.len()];
    let mut theirs: Vec<(String, Vec<f64>)> = Vec::new();
    let bar = args.bar(WAYS.len() + if args.peers { PEER_VARIANTS } else { 0 })?;
    for _ in 0..args.rounds {
        for (times, (_, moments)) in ours.iter_mut().zip(WAYS) {
            times.push(ours_ms(moments, args.inner_steps, samples)?);
            bar.inc(1);
        }
        if args.peers {
            peer::run(
                &args.python,
                &args.scripts,
                "rot8_step_jax.py",
                &args.for_peer(samples),
                |time: PeerTime| {
                    bar.inc(1);
                    match theirs.iter_mut().find(|(variant, _)| *variant == time.variant) {
                        Some((_, times)) => times.push(time.median_ms),
                        None => theirs.push((time.variant, vec![time.median_ms])),
                    }
                },
            )?;
        }
    }
    bar.finish_and_clear();
    let text = report(args, samples, rates, &ours, &theirs)?;
    say(&text);
    if args.record {
        say(&format!("recorded in {}", record("bench-rot8", "cpu", &text)?.display()));
    }
    Ok(())
}

/// The time of our step.
fn ours_ms(moments: bool, inner_steps: usize, samples: u64) -> Result<f64> {
    let vb = SeededVars::new(1).builder(DType::F32, &Device::Cpu);
    let conv = Conv2dConfig::new(1, CHANNELS, KERNEL);
    let layer = ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb)?;
    let config = MetaConfig { second_moments: moments, ..MetaConfig::gradient_steps(inner_steps) };
    let learner = MetaLearner::new(Arc::new(layer), config)?;
    let mut trainer = Trainer::new(learner, AdamConfig::default())?;
    let source = Arc::new(SteerableConv::new(SteerableConvConfig::new(PlaneGroup::Rotations(8), 0))?);
    let shots = Shots { support: SUPPORT, query: QUERY };
    let sampler = EpisodeSampler::new(source, SamplerConfig::new(Split::new(8_000, 2_000), shots, TASKS, 0))?;
    step_ms(&mut trainer, &sampler.train(0)?, WARM_UP, samples)
}

/// The fewest operations and bytes of a step by moments: columns times columns (half of a symmetric
/// matrix) and targets times columns, for support and query; the batch is read once.
fn floor() -> (f64, f64) {
    let values = (TASKS * (SUPPORT + QUERY) * OUT * OUT) as f64;
    let (p, o) = ((KERNEL * KERNEL) as f64, CHANNELS as f64);
    (2.0 * values * p * (o + (p + 1.0) / 2.0), 4.0 * values * (o + 1.0))
}

fn report(
    args: &StepArgs,
    samples: u64,
    rates: Rates,
    ours: &[Vec<f64>],
    theirs: &[(String, Vec<f64>)],
) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "MSR-Conv C8 meta-step: {TASKS} tasks, {SUPPORT} support + {QUERY} query images of 32 × 32, {CHANNELS} channels,\n\
         Kronecker factors, {} inner steps, Adam; f32. Median of {} rounds of {} steps each.\n\
         This machine: {:.0} GFLOP/s in GEMM, {:.1} GB/s in copies.\n",
        args.inner_steps,
        args.rounds,
        samples,
        rates.gemm / 1e9,
        rates.copy / 1e9
    )?;
    let floor_ms = floor_ms(floor(), rates);
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
            row.push(ratio(&times, best)?);
        }
        row.push(format!("{:.0} %", 100.0 * floor_ms / median(&times)));
        rows.push(row);
    }
    text.push_str(&Table::new(head, rows).to_string());
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
