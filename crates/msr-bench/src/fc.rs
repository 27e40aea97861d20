//! The MSR-FC meta-step.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, RankK, SamplerConfig};
use msr_episodes::{EpisodeSource, Shots, Split};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
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
const INPUTS: usize = 70;
const OUTPUTS: usize = 68;
/// (rank, filter parameters), as in data/experiments/table1.toml.
const PROBLEMS: [(usize, usize); 3] = [(1, 3), (2, 6), (5, 30)];

/// Steps before the clock starts to count, as the peer has them.
const WARM_UP: u64 = 20;
/// Steps that are timed in each round, unless the flags say otherwise.
const SAMPLES: u64 = 300;

/// A line that the peer prints.
#[derive(Clone, Debug, Deserialize)]
struct PeerTime {
    rank: usize,
    median_ms: f64,
}

/// Measures, prints, and records when asked to.
pub fn run(args: &StepArgs) -> Result<()> {
    let samples = args.samples.unwrap_or(SAMPLES);
    let rates = Rates::measure()?;
    let mut ours = vec![Vec::new(); PROBLEMS.len()];
    let mut theirs = vec![Vec::new(); PROBLEMS.len()];
    let bar = args.bar(PROBLEMS.len() * if args.peers { 2 } else { 1 })?;
    for _ in 0..args.rounds {
        for (i, &(rank, k)) in PROBLEMS.iter().enumerate() {
            ours[i].push(ours_ms(rank, k, args.inner_steps, samples)?);
            bar.inc(1);
        }
        if args.peers {
            let mut found: Vec<PeerTime> = Vec::new();
            peer::run(&args.python, &args.scripts, "fc_step_jax.py", &args.for_peer(samples), |time| {
                found.push(time);
                bar.inc(1);
            })?;
            for (i, &(rank, _)) in PROBLEMS.iter().enumerate() {
                let time = found
                    .iter()
                    .find(|t| t.rank == rank)
                    .with_context(|| format!("no time for rank {rank}"))?;
                theirs[i].push(time.median_ms);
            }
        }
    }
    bar.finish_and_clear();
    let text = report(args, samples, rates, &ours, &theirs)?;
    say(&text);
    if args.record {
        say(&format!("recorded in {}", record("bench-fc", "cpu", &text)?.display()));
    }
    Ok(())
}

/// The time of our step.
fn ours_ms(rank: usize, k: usize, inner_steps: usize, samples: u64) -> Result<f64> {
    let vb = SeededVars::new(1).builder(DType::F32, &Device::Cpu);
    let layer = ReparamLinear::new(ReparamLinearConfig::new(INPUTS, OUTPUTS, k), vb)?;
    let learner = MetaLearner::new(Arc::new(layer), MetaConfig::gradient_steps(inner_steps))?;
    let mut trainer = Trainer::new(learner, AdamConfig::default())?;
    let shots = Shots { support: SUPPORT, query: QUERY };
    let config = SamplerConfig::new(Split::four_fifths(10_000), shots, TASKS, 0);
    let sampler = EpisodeSampler::new(Arc::new(RankK::new(rank, 0)?), config)?;
    step_ms(&mut trainer, &sampler.train(0)?, WARM_UP, samples)
}

/// The fewest operations and bytes of a step, whatever the program.
///
/// Multiply–adds: U contracted with the support inputs, once forward and once for its gradient; U
/// v, and the gradients for U and v; W x on the query set, and the gradient for W. The work inside
/// the inner loop is smaller by a factor of n. Bytes: the batch is read, and Adam reads parameter,
/// gradient and two moments of U and writes back three of them; everything else can stay in the
/// caches.
fn floor(k: usize) -> (f64, f64) {
    let (t, m, n, k) = (TASKS as f64, OUTPUTS as f64, INPUTS as f64, k as f64);
    let (support, query) = (SUPPORT as f64, QUERY as f64);
    let multiply_adds = t * m * n * (2.0 * support * k + 3.0 * k + 2.0 * query);
    let numbers = t * (support + query) * (m + n) + 7.0 * m * n * k;
    (2.0 * multiply_adds, 4.0 * numbers)
}

fn report(
    args: &StepArgs,
    samples: u64,
    rates: Rates,
    ours: &[Vec<f64>],
    theirs: &[Vec<f64>],
) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "MSR-FC meta-step: {TASKS} tasks, {SUPPORT} support + {QUERY} query examples, {} inner steps, Adam; f32.\n\
         Median of {} rounds of {} steps each. This machine: {:.0} GFLOP/s in GEMM, {:.1} GB/s in copies.\n",
        args.inner_steps,
        args.rounds,
        samples,
        rates.gemm / 1e9,
        rates.copy / 1e9
    )?;
    let mut head = vec!["rank", "k", "ours, ms"];
    if args.peers {
        head.extend(["JAX, ms", "ours / JAX (min – max)"]);
    }
    head.extend(["floor, ms", "floor / ours"]);
    let mut rows = Vec::new();
    for (i, &(rank, k)) in PROBLEMS.iter().enumerate() {
        let our_ms = median(&ours[i]);
        let floor_ms = floor_ms(floor(k), rates);
        let mut row = vec![rank.to_string(), k.to_string(), format!("{our_ms:.3}")];
        if args.peers {
            row.push(format!("{:.3}", median(&theirs[i])));
            row.push(ratio(&ours[i], &theirs[i])?);
        }
        row.extend([format!("{floor_ms:.3}"), format!("{:.0} %", 100.0 * floor_ms / our_ms)]);
        rows.push(row);
    }
    text.push_str(&Table::new(head, rows).to_string());
    Ok(text)
}
