//! The Conv4 meta-step, beside PyTorch and JAX.

mod agreement;
mod peers;
mod size;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Device};
use clap::ValueEnum;
use msr_meta::Learner;
use msr_report::Table;
use serde::Serialize;

use self::agreement::{LOSS_TOLERANCE, Outcome, TOLERANCE, losses_agree};
use self::peers::Peer;
pub use self::size::{Conv4Size, Conv4Step};
use super::{Ratio, Results, StepArgs};
use crate::machine_rates::Rates;
use crate::serve::{NumberType, Server, Turn, Work, write};
use crate::timing::{Timing, median};

const SUITE: &str = "conv4";
/// Inner steps, unless the flags say otherwise.
const INNER_STEPS: usize = 1;
/// Steps that are timed in each turn, unless the flags say otherwise.
const SAMPLES: u64 = 5;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Conv4Args {
    /// The sizes.
    #[command(flatten)]
    pub size: Conv4Size,
    /// Threads of ours and of every peer; by default as many as there are processors.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// The peers to run, instead of all: `--only torch,jax-scan`.
    #[arg(long, value_enum, value_delimiter = ',', requires = "peers")]
    only: Vec<Peer>,
    /// What all meta-steps have.
    #[command(flatten)]
    pub step: StepArgs,
}

/// What was measured of one variant, of ours or of a peer.
#[derive(Clone, Debug, Serialize)]
struct Row {
    variant: String,
    #[serde(flatten)]
    time: Timing,
    /// The peak of memory of its process, in MiB.
    peak_mib: Option<f64>,
    /// The same before its first step: the framework and the data.
    start_mib: Option<f64>,
    /// Of a peer.
    #[serde(flatten)]
    peer: Option<OfPeer>,
    /// The shortest time that this machine allows.
    floor_ms: f64,
}

/// What is said of a peer.
#[derive(Clone, Copy, Debug, Serialize)]
struct OfPeer {
    /// Our time over its.
    ratio: Ratio,
    /// The largest difference after one step, of losses and parameters, as a fraction of the
    /// largest entry.
    difference: f64,
}

/// The times of one variant, turn by turn.
struct Measured {
    variant: String,
    start_mib: Option<f64>,
    turns: Vec<Turn>,
    difference: f64,
}

/// What was measured, and of what.
#[derive(Clone, Debug, Serialize)]
struct Conv4Results {
    #[serde(flatten)]
    size: Conv4Size,
    threads: NonZeroUsize,
    #[serde(flatten)]
    common: Results<Row>,
}

impl Conv4Args {
    fn work(&self) -> Conv4Step {
        Conv4Step { size: self.size, inner_steps: self.step.inner_steps.unwrap_or(INNER_STEPS) }
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(all_threads)
    }
}

/// As many threads as there are processors.
pub fn all_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Measures, prints, and records when asked to.
///
/// # Errors
/// When the device or a peer cannot be used, or a peer takes another step than we do: then nothing
/// was timed.
pub fn run(args: &Conv4Args) -> Result<()> {
    let StepArgs { place, output, rounds, .. } = &args.step;
    let device = args.step.open()?;
    let wanted = if args.only.is_empty() { Peer::value_variants() } else { &args.only };
    let peers = if args.step.peers { Peer::present(wanted, &args.step.python)? } else { Vec::new() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads().get()).build()?;
    let machine = pool.install(|| Rates::measure(&device))?;

    let folder = tempfile::tempdir().context("no folder for the problem")?;
    let mut servers = start(args, &peers, folder.path())?;
    let samples = args.step.samples.unwrap_or(SAMPLES);
    let bar = args.step.bar(servers.len())?;
    let mut measured: Vec<Measured> = servers
        .iter()
        .map(|Started { name, server, difference }| Measured {
            variant: (*name).to_string(),
            start_mib: server.started.start_mib,
            turns: Vec::new(),
            difference: *difference,
        })
        .collect();
    for _ in 0..*rounds {
        for (Started { server, .. }, found) in servers.iter_mut().zip(&mut measured) {
            found.turns.push(server.turn(samples)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    drop(servers);
    let machine = machine.faster(pool.install(|| Rates::measure(&device))?);
    let results = results(args, machine, samples, &measured)?;
    output.publish(SUITE, place.device, &report(&results)?, &results)
}

/// A variant that is ready to be timed.
struct Started {
    name: &'static str,
    server: Server,
    /// From ours after one step in f64, as a fraction of the largest entry.
    difference: f64,
}

/// Ours and the peers, all of which take the same step: in f64, each in a process that ends then,
/// losses and parameters are compared, in f32 losses.
fn start(args: &Conv4Args, peers: &[Peer], folder: &Path) -> Result<Vec<Started>> {
    let (work, threads, place) = (args.work(), args.threads(), args.step.place.device);
    let ours = |precision, updated| Server::ours(&Work::Conv4(work), precision, threads, place, updated);
    let server = ours(NumberType::F32, None)?;
    let losses = server.started.losses.clone();
    let mut all = vec![Started { name: "ours", server, difference: 0.0 }];
    if peers.is_empty() {
        return Ok(all);
    }
    let file = |name: &str| folder.join(format!("{name}.npz"));
    let (problem, updated) = (file("problem"), file("ours"));
    write_problem(&work, &problem)?;
    let outcome = Outcome::new(&ours(NumberType::F64, Some(&updated))?.started.losses, &updated)?;
    for peer in peers {
        // One each: a peer that writes nothing is not to be taken for another.
        let updated = file(&peer.key());
        let start =
            |precision| peer.start(&args.step, work.inner_steps, precision, threads, [&problem, &updated]);
        let untimed = || format!("{}: nothing was timed", peer.name());
        let theirs = Outcome::new(&start(NumberType::F64)?.started.losses, &updated)?;
        let difference = theirs.agrees_with(&outcome).with_context(untimed)?;
        let server = start(NumberType::F32)?;
        losses_agree(&server.started.losses, &losses).with_context(untimed)?;
        all.push(Started { name: peer.name(), server, difference });
    }
    Ok(all)
}

/// The episode and the initial outer parameters, for the peers.
fn write_problem(work: &Conv4Step, path: &Path) -> Result<()> {
    let (learner, episode) = Work::Conv4(*work).problem(DType::F64, &Device::Cpu)?;
    let (support, query) = (&episode.support, &episode.query);
    let data = [
        ("support_x", &support.x),
        ("support_y", support.y.tensor()),
        ("query_x", &query.x),
        ("query_y", query.y.tensor()),
    ];
    write(path, learner.outer_parameters(), &data)
}

fn results(args: &Conv4Args, machine: Rates, samples: u64, all: &[Measured]) -> Result<Conv4Results> {
    let work = args.work();
    let floor_ms = machine.floor_ms(work.floor()?);
    let by_round = |one: &Measured| -> Vec<f64> { one.turns.iter().map(|turn| median(&turn.ms)).collect() };
    let ours = all.first().map(by_round).unwrap_or_default();
    let row = |(number, one): (usize, &Measured)| -> Result<Row> {
        let times: Vec<f64> = one.turns.iter().flat_map(|turn| turn.ms.iter().copied()).collect();
        let peer = match number {
            0 => None,
            _ => Some(OfPeer { ratio: Ratio::of(&ours, &by_round(one))?, difference: one.difference }),
        };
        Ok(Row {
            variant: one.variant.clone(),
            time: Timing::among(&times),
            peak_mib: one.turns.last().and_then(|turn| turn.peak_mib),
            start_mib: one.start_mib,
            peer,
            floor_ms,
        })
    };
    let rows = all.iter().enumerate().map(row).collect::<Result<_>>()?;
    let StepArgs { rounds, place, .. } = &args.step;
    let common = Results {
        suite: SUITE,
        device: place.device.to_string(),
        inner_steps: work.inner_steps,
        rounds: *rounds,
        samples,
        machine,
        results: rows,
    };
    Ok(Conv4Results { size: work.size, threads: args.threads(), common })
}

fn report(found: &Conv4Results) -> Result<String> {
    let Conv4Results { size, threads, common } = found;
    let Conv4Size { tasks, ways, shots, queries, width, kind, .. } = size;
    let mut text = String::new();
    let steps = common.inner_steps;
    writeln!(
        text,
        "Conv4-{width} meta-step, {kind}: {tasks} tasks of {ways} ways, {shots} shot{}, {queries} queries; {steps} inner step{},\n\
         Adam; f32, {}, {threads} threads. {} rounds of {} steps each, turn by turn; medians, and how far the quartiles are from\n\
         them. {}\n",
        if *shots == 1 { "" } else { "s" },
        if steps == 1 { "" } else { "s" },
        common.device,
        common.rounds,
        common.samples,
        common.machine
    )?;
    let rows = &common.results;
    let peers = rows.iter().any(|row| row.peer.is_some());
    let mut head = vec!["variant", "ms"];
    head.extend(peers.then_some("ours / it (min – max)"));
    head.extend(["peak, MiB", "before steps, MiB", "floor / time"]);
    let mib = |mib: Option<f64>| mib.map_or_else(|| "–".to_string(), |mib| format!("{mib:.0}"));
    let cells = rows.iter().map(|row| {
        let mut cells = vec![row.variant.clone(), row.time.to_string()];
        cells.extend(peers.then(|| row.peer.map_or_else(|| "1".to_string(), |peer| peer.ratio.to_string())));
        let distance = format!("{:.0} %", 100.0 * row.floor_ms / row.time.ms);
        cells.extend([mib(row.peak_mib), mib(row.start_mib), distance]);
        cells
    });
    text.push_str(&Table::new(head, cells).to_string());
    if peers {
        let worst = rows.iter().filter_map(|row| row.peer).fold(0.0f64, |most, p| most.max(p.difference));
        writeln!(
            text,
            "\nBefore anything was timed, all took one step in f64 from the same initial values: losses and every outer parameter\n\
             differ from ours by at most {worst:.0e} of the largest entry ({TOLERANCE:.0e} is allowed). In f32 the losses agree to {LOSS_TOLERANCE:.0e}."
        )?;
    }
    if let Some(row) = rows.first() {
        writeln!(
            text,
            "\nThe floor, {:.2} ms, is the larger of the operations of direct convolutions and their derivatives at the GEMM rate,\n\
             and the bytes of images and Adam at the copy rate. Memory is the host's, the peak of each process; before its first step there\n\
             are the program or framework, and the data.",
            row.floor_ms
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::{Conv4Args, Conv4Size, Measured, Rates, Turn, report, results};
    use crate::step::tests::args;

    fn measured(variant: &str, ms: f64) -> Measured {
        let turn = |ms: f64| Turn { ms: vec![ms, ms, 9.0 * ms], peak_mib: Some(50.0) };
        let turns = vec![turn(ms), turn(2.0 * ms)];
        Measured { variant: variant.into(), start_mib: None, turns, difference: 2e-7 }
    }

    #[test]
    fn results_as_json_and_as_text() -> Result<()> {
        let (size, only) = (Conv4Size::default(), Vec::new());
        let args = Conv4Args { size, threads: None, only, step: args(true) };
        let machine = Rates { gemm: 1e12, copy: 1e10 };
        let found = results(&args, machine, 5, &[measured("ours", 1.0), measured("JAX scan", 4.0)])?;
        let json = serde_json::to_value(&found)?;
        assert_eq!(
            (&json["suite"], &json["tasks"], &json["kind"]),
            (&"conv4".into(), &8.into(), &"kronecker".into())
        );
        assert_eq!((&json["inner_steps"], &json["samples"]), (&1.into(), &5.into()));
        let row = &json["results"][1];
        assert_eq!((&row["ms"], &row["peak_mib"]), (&8.0.into(), &50.0.into()));
        assert_eq!(row["ratio"], serde_json::json!({ "median": 0.25, "least": 0.25, "most": 0.25 }));
        assert!(json["results"][0].get("ratio").is_none() && json["results"][0]["ms"] == 2.0);
        let text = report(&found)?;
        assert!(
            text.contains(
                "Conv4-32 meta-step, Kronecker factors: 8 tasks of 5 ways, 1 shot, 25 queries; 1 inner step,"
            ),
            "{text}"
        );
        assert!(text.contains("0.25 (0.25 – 0.25)    | 50") && text.contains("at most 2e-7"), "{text}");

        let alone = report(&results(&args, machine, 5, &[measured("ours", 1.0)])?)?;
        assert!(!alone.contains("ours / it") && !alone.contains("Before anything"), "{alone}");
        Ok(())
    }
}
