//! The MSR-Conv C_8 meta-step.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::{DType, Device};
use msr_data::{EpisodeSampler, SamplerConfig, SteerableConv, SteerableConvConfig};
use msr_episodes::{Episode, EpisodeSource, Shots, Split};
use msr_groups::PlaneGroup;
use msr_layers::{Conv2dConfig, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use msr_meta::{AdamConfig, MetaConfig, MetaLearner, Trainer};
use serde::{Deserialize, Serialize};

use super::{Ratio, Results, StepArgs, step_ms};
use crate::machine_rates::Rates;
use crate::program::run_peer;
use crate::timing::median;
use msr_report::Table;

const SUITE: &str = "rot8";
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

/// What was measured of one variant, of ours or of the peer; the time is a median over rounds, in
/// milliseconds.
#[derive(Clone, Debug, Serialize)]
struct Row {
    variant: String,
    ms: f64,
    /// To the best variant of the peer that computes outputs, where the peer was measured.
    #[serde(flatten)]
    to_best: Option<ToBest>,
    /// The shortest time that this machine allows.
    floor_ms: f64,
}

/// A time over that of the peer's best variant.
#[derive(Clone, Debug, Serialize)]
struct ToBest {
    best: String,
    ratio: Ratio,
}

/// Measures, prints, and records when asked to.
pub fn run(args: &StepArgs) -> Result<()> {
    let samples = args.samples.unwrap_or(SAMPLES);
    let device = args.open()?;
    let rates = Rates::measure(&device)?;
    let mut ours = vec![Vec::new(); WAYS.len()];
    let mut theirs: Vec<(String, Vec<f64>)> = Vec::new();
    let bar = args.bar(WAYS.len() + if args.peers { PEER_VARIANTS } else { 0 })?;
    for _ in 0..args.rounds {
        for (times, (_, moments)) in ours.iter_mut().zip(WAYS) {
            times.push(ours_ms(moments, args.inner_steps(), &device, samples)?);
            bar.inc(1);
        }
        if args.peers {
            run_peer(args.peer_scripts(), "rot8_step_jax.py", &args.for_peer(samples), |time: PeerTime| {
                bar.inc(1);
                match theirs.iter_mut().find(|(variant, _)| *variant == time.variant) {
                    Some((_, times)) => times.push(time.median_ms),
                    None => theirs.push((time.variant, vec![time.median_ms])),
                }
            })?;
        }
    }
    bar.finish_and_clear();
    let results = results(args, samples, rates, &ours, &theirs)?;
    args.output.publish(SUITE, args.place.device, &report(&results)?, &results)
}

/// The time of our step.
fn ours_ms(moments: bool, inner_steps: usize, device: &Device, samples: u64) -> Result<f64> {
    let config = MetaConfig { second_moments: moments, ..MetaConfig::gradient_steps(inner_steps) };
    let mut trainer = Trainer::new(learner(config, 1, DType::F32, device)?, AdamConfig::default())?;
    step_ms(&mut trainer, &episode(0)?, device, WARM_UP, samples)
}

/// MSR-Conv with Kronecker factors; initial values from `seed`.
///
/// # Errors
/// What the layer and the learner report.
pub fn learner(config: MetaConfig, seed: u64, dtype: DType, device: &Device) -> Result<MetaLearner> {
    let vb = SeededVars::new(seed).builder(dtype, device);
    let conv = Conv2dConfig::new(1, CHANNELS, KERNEL);
    let layer = ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb)?;
    Ok(MetaLearner::new(Arc::new(layer), config)?)
}

/// The first episode of the C_8 problem, drawn from `seed`.
///
/// # Errors
/// What the source reports.
pub fn episode(seed: u64) -> Result<Episode> {
    let source = SteerableConv::new(SteerableConvConfig::new(PlaneGroup::Rotations(8), seed))?;
    let shots = Shots { support: SUPPORT, query: QUERY };
    let config = SamplerConfig::new(Split::new(8_000, 2_000), shots, TASKS, seed);
    Ok(EpisodeSampler::new(Arc::new(source), config)?.train(0)?)
}

/// The fewest operations and bytes of a step by moments: columns times columns (half of a symmetric
/// matrix) and targets times columns, for support and query; the batch is read once.
fn floor() -> (f64, f64) {
    let values = (TASKS * (SUPPORT + QUERY) * OUT * OUT) as f64;
    let (p, o) = ((KERNEL * KERNEL) as f64, CHANNELS as f64);
    (2.0 * values * p * (o + (p + 1.0) / 2.0), 4.0 * values * (o + 1.0))
}

fn results(
    args: &StepArgs,
    samples: u64,
    machine: Rates,
    ours: &[Vec<f64>],
    theirs: &[(String, Vec<f64>)],
) -> Result<Results<Row>> {
    let by_outputs = |variant: &str| !variant.ends_with(BY_MOMENTS);
    let best =
        (theirs.iter().filter(|(v, _)| by_outputs(v))).min_by(|a, b| median(&a.1).total_cmp(&median(&b.1)));
    ensure!(best.is_some() || !args.peers, "the peer measured nothing");
    let mut results = Vec::new();
    let all = (WAYS.iter().map(|(name, _)| (*name).to_string()).zip(ours))
        .chain(theirs.iter().map(|(variant, times)| (format!("JAX {variant}"), times)));
    for (variant, times) in all {
        let to_best = match best {
            Some((best, to)) => Some(ToBest { best: format!("JAX {best}"), ratio: Ratio::of(times, to)? }),
            None => None,
        };
        results.push(Row { variant, ms: median(times), to_best, floor_ms: machine.floor_ms(floor()) });
    }
    let (inner_steps, rounds) = (args.inner_steps(), args.rounds);
    let device = args.place.device.to_string();
    Ok(Results { suite: SUITE, device, inner_steps, rounds, samples, machine, results })
}

fn report(found: &Results<Row>) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "MSR-Conv C_8 meta-step: {TASKS} tasks, {SUPPORT} support + {QUERY} query images of 32 × 32, {CHANNELS} channels,\n\
         Kronecker factors, {} inner steps, Adam; f32, {}. Median of {} rounds of {} steps each.\n\
         {}\n",
        found.inner_steps, found.device, found.rounds, found.samples, found.machine
    )?;
    let best = found.results.iter().find_map(|row| row.to_best.as_ref()).map(|to| &to.best);
    let mut head: Vec<String> = ["variant", "ms"].map(String::from).to_vec();
    head.extend(best.map(|best| format!("time / {best} (min – max)")));
    head.push("floor / time".into());
    let rows = found.results.iter().map(|Row { variant, ms, to_best, floor_ms }| {
        let mut row = vec![variant.clone(), format!("{ms:.2}")];
        row.extend(to_best.iter().map(|to| to.ratio.to_string()));
        row.push(format!("{:.0} %", 100.0 * floor_ms / ms));
        row
    });
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
        "\nThe floor, {:.2} ms, is the larger of the operations of the moments at the GEMM rate and the bytes of the\n\
         batch at the copy rate. \"From outputs\" forms all predictions, as a layer inside a deeper network must.",
        found.machine.floor_ms(floor())
    )?;
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
        let ours = [vec![1.0, 2.0, 3.0], vec![4.0; 3]];
        let theirs =
            [("slow", 8.0), ("vmap", 4.0), ("vmap-moments", 2.0)].map(|(v, ms)| (v.to_string(), vec![ms; 3]));
        let found = results(&args(true), 20, machine, &ours, &theirs)?;
        let json = serde_json::to_value(&found)?;
        assert_eq!((&json["suite"], &json["samples"]), (&"rot8".into(), &20.into()));
        let variants: Vec<_> = found.results.iter().map(|row| row.variant.as_str()).collect();
        assert_eq!(variants, ["ours", "ours, from outputs", "JAX slow", "JAX vmap", "JAX vmap-moments"]);
        let row = &json["results"][0];
        assert_eq!(
            (&row["variant"], &row["ms"], &row["best"]),
            (&"ours".into(), &2.0.into(), &"JAX vmap".into())
        );
        assert_eq!(row["ratio"], serde_json::json!({ "median": 0.5, "least": 0.25, "most": 0.75 }));
        assert!(row["floor_ms"].as_f64().is_some_and(|ms| ms > 0.0));
        assert!(report(&found)?.contains("time / JAX vmap (min – max)"));

        let alone = results(&args(false), 20, machine, &ours, &[])?;
        let json = serde_json::to_value(&alone)?;
        assert!(json["results"][0].get("best").is_none() && json["results"][0].get("ratio").is_none());
        assert!(!report(&alone)?.contains("JAX"));
        assert!(results(&args(true), 20, machine, &ours, &[]).is_err());
        Ok(())
    }
}
