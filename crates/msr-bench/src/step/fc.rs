//! The MSR-FC meta-step.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, RankK, SamplerConfig};
use msr_episodes::{Episode, EpisodeSource, Shots, Split};
use msr_layers::{ReparamLinear, ReparamLinearConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
use serde::{Deserialize, Serialize};

use super::{Ratio, Results, StepArgs, step_ms};
use crate::machine_rates::Rates;
use crate::program::run_peer;
use crate::timing::median;
use msr_report::Table;

const SUITE: &str = "fc";
const TASKS: usize = 32;
const SUPPORT: usize = 1;
const QUERY: usize = 19;
const INPUTS: usize = 70;
const OUTPUTS: usize = 68;
/// (rank, filter parameters), as in data/experiments/table1.toml.
const PROBLEMS: [(usize, usize); 3] = [(1, 3), (2, 6), (5, 30)];

/// The meta-step of one of these problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FcStep {
    /// The rank of the problem, and the filter parameters of the layer.
    pub rank: usize,
    /// See `rank`.
    pub filter_parameters: usize,
    /// Inner steps.
    pub inner_steps: usize,
}

impl FcStep {
    /// The learner at its initial values.
    ///
    /// # Errors
    /// As [`learner`].
    pub fn learner(&self, dtype: DType, device: &Device) -> Result<MetaLearner> {
        learner(self.filter_parameters, MetaConfig::gradient_steps(self.inner_steps), 1, dtype, device)
    }

    /// The episode of every step.
    ///
    /// # Errors
    /// As [`episode`].
    pub fn episode(&self) -> Result<Episode> {
        episode(self.rank, 0)
    }
}

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

/// What was measured of one rank; times are medians over rounds, in milliseconds.
#[derive(Clone, Debug, Serialize)]
struct Row {
    rank: usize,
    filter_parameters: usize,
    ms: f64,
    /// Of the peer, where it was measured.
    #[serde(flatten)]
    peer: Option<Peer>,
    /// The shortest time that this machine allows.
    floor_ms: f64,
}

/// What was measured of the peer.
#[derive(Clone, Copy, Debug, Serialize)]
struct Peer {
    jax_ms: f64,
    /// Our time over its.
    ratio: Ratio,
}

/// Measures, prints, and records when asked to.
pub fn run(args: &StepArgs) -> Result<()> {
    let samples = args.samples.unwrap_or(SAMPLES);
    let device = args.open()?;
    let rates = Rates::measure(&device)?;
    let mut ours = vec![Vec::new(); PROBLEMS.len()];
    let mut theirs = vec![Vec::new(); PROBLEMS.len()];
    let bar = args.bar(PROBLEMS.len() * if args.peers { 2 } else { 1 })?;
    for _ in 0..args.rounds {
        for (i, &(rank, k)) in PROBLEMS.iter().enumerate() {
            ours[i].push(ours_ms(rank, k, args.inner_steps(), &device, samples)?);
            bar.inc(1);
        }
        if args.peers {
            let mut found: Vec<PeerTime> = Vec::new();
            run_peer(args.peer_scripts(), "fc_step_jax.py", &args.for_peer(samples), |time| {
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
    let results = results(args, samples, rates, &ours, &theirs)?;
    args.output.publish(SUITE, args.place.device, &report(&results)?, &results)
}

/// The time of our step.
fn ours_ms(rank: usize, k: usize, inner_steps: usize, device: &Device, samples: u64) -> Result<f64> {
    let learner = learner(k, MetaConfig::gradient_steps(inner_steps), 1, DType::F32, device)?;
    let mut trainer = Trainer::new(learner, AdamConfig::default())?;
    step_ms(&mut trainer, &episode(rank, 0)?, device, WARM_UP, samples)
}

/// MSR-FC with `k` filter parameters; initial values from `seed`.
///
/// # Errors
/// What the layer and the learner report.
pub fn learner(
    k: usize,
    config: MetaConfig,
    seed: u64,
    dtype: DType,
    device: &Device,
) -> Result<MetaLearner> {
    let vb = SeededVars::new(seed).builder(dtype, device);
    let layer = ReparamLinear::new(ReparamLinearConfig::new(INPUTS, OUTPUTS, k), vb)?;
    Ok(MetaLearner::new(Arc::new(layer), config)?)
}

/// The first episode of a problem of that rank, drawn from `seed`.
///
/// # Errors
/// What the source reports.
pub fn episode(rank: usize, seed: u64) -> Result<Episode> {
    let shots = Shots { support: SUPPORT, query: QUERY };
    let config = SamplerConfig::new(Split::four_fifths(10_000), shots, TASKS, seed);
    Ok(EpisodeSampler::new(Arc::new(RankK::new(rank, seed)?), config)?.train(0)?)
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

fn results(
    args: &StepArgs,
    samples: u64,
    machine: Rates,
    ours: &[Vec<f64>],
    theirs: &[Vec<f64>],
) -> Result<Results<Row>> {
    let mut results = Vec::new();
    for ((&(rank, k), ours), theirs) in PROBLEMS.iter().zip(ours).zip(theirs) {
        let peer = match args.peers {
            true => Some(Peer { jax_ms: median(theirs), ratio: Ratio::of(ours, theirs)? }),
            false => None,
        };
        let floor_ms = machine.floor_ms(floor(k));
        results.push(Row { rank, filter_parameters: k, ms: median(ours), peer, floor_ms });
    }
    let (inner_steps, rounds) = (args.inner_steps(), args.rounds);
    let device = args.place.device.to_string();
    Ok(Results { suite: SUITE, device, inner_steps, rounds, samples, machine, results })
}

fn report(found: &Results<Row>) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "MSR-FC meta-step: {TASKS} tasks, {SUPPORT} support + {QUERY} query examples, {} inner steps, Adam; f32, {}.\n\
         Median of {} rounds of {} steps each. {}\n",
        found.inner_steps, found.device, found.rounds, found.samples, found.machine
    )?;
    let mut head = vec!["rank", "k", "ours, ms"];
    if found.results.iter().any(|row| row.peer.is_some()) {
        head.extend(["JAX, ms", "ours / JAX (min – max)"]);
    }
    head.extend(["floor, ms", "floor / ours"]);
    let rows = found.results.iter().map(|found| {
        let Row { rank, filter_parameters, ms, peer, floor_ms } = found;
        let mut row = vec![rank.to_string(), filter_parameters.to_string(), format!("{ms:.3}")];
        row.extend(peer.iter().flat_map(|peer| [format!("{:.3}", peer.jax_ms), peer.ratio.to_string()]));
        row.extend([format!("{floor_ms:.3}"), format!("{:.0} %", 100.0 * floor_ms / ms)]);
        row
    });
    text.push_str(&Table::new(head, rows).to_string());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::{Rates, report, results};
    use crate::step::tests::args;

    #[test]
    fn results_as_json_and_as_text() -> Result<()> {
        let machine = Rates { gemm: 1e12, copy: 1e10 };
        let (ours, theirs) = (vec![vec![1.0, 2.0, 3.0]; 3], vec![vec![2.0, 2.0, 2.0]; 3]);
        let found = results(&args(true), 300, machine, &ours, &theirs)?;
        let json = serde_json::to_value(&found)?;
        assert_eq!(json["suite"], "fc");
        assert_eq!(
            (&json["inner_steps"], &json["rounds"], &json["samples"]),
            (&3.into(), &3.into(), &300.into())
        );
        assert_eq!(json["machine"]["gemm_flops_per_second"], 1e12);
        assert_eq!(json["machine"]["copy_bytes_per_second"], 1e10);
        assert_eq!(json["results"].as_array().map(Vec::len), Some(3));
        let row = &json["results"][2];
        assert_eq!((&row["rank"], &row["filter_parameters"]), (&5.into(), &30.into()));
        assert_eq!((&row["ms"], &row["jax_ms"]), (&2.0.into(), &2.0.into()));
        assert_eq!(row["ratio"], serde_json::json!({ "median": 1.0, "least": 0.5, "most": 1.5 }));
        assert!(row["floor_ms"].as_f64().is_some_and(|ms| ms > 0.0));
        assert!(report(&found)?.contains("1.00 (0.50 – 1.50)"));

        let alone = results(&args(false), 300, machine, &ours, &[vec![], vec![], vec![]])?;
        let json = serde_json::to_value(&alone)?;
        assert!(json["results"][0].get("jax_ms").is_none() && json["results"][0].get("ratio").is_none());
        assert!(!report(&alone)?.contains("JAX"));
        Ok(())
    }
}
