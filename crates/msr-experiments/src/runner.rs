//! A run from its flags to its result: the folder, the training runs side by side, and what is said about them.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run_folder::{FINISHED, RunFolder};
use crate::device::{DeviceName, device};
use crate::machine;
use crate::report::record::{program, record};
use crate::report::say;

/// The flags that all experiments have.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// The run folder; without it, a new one in the folder EXPERIMENT of --runs.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where run folders are made and looked for.
    #[arg(long, value_name = "DIR", env = "MSR_RUNS", hide_env_values = true, default_value = "runs")]
    pub runs: PathBuf,
    /// Continue an interrupted run: the one in --out, or the newest that is not finished. Its settings are taken from its folder.
    #[arg(long)]
    pub resume: bool,
    /// Also write the table, the machine and the command to a dated folder of docs/results.
    #[arg(long)]
    pub record: bool,
}

/// What a run will do: the definition with the flags applied. Stored in the run folder, so that a resumed
/// run does the same.
pub trait RunPlan: Serialize + DeserializeOwned + Sync {
    /// A training run.
    type Cell: RunCell;
    /// The training runs, in the order in which they are begun.
    fn cells(&self) -> Vec<Self::Cell>;
    /// Where to compute.
    fn device(&self) -> DeviceName;
    /// Whether this is the whole defined experiment: what a recorded table must be.
    fn is_whole(&self) -> bool;
    /// The name under which the table is recorded.
    fn record_name(&self) -> String;
}

/// One training run.
pub trait RunCell: Sync {
    /// The name of its folder.
    fn name(&self) -> String;
}

/// What remains of a training run.
pub trait RunResult: Serialize + DeserializeOwned + Send {
    /// The result in a line.
    fn line(&self) -> String;
}

/// The folder of all training runs, in that of the run.
pub const CELLS: &str = "cells";
/// The stored result of a training run.
pub const RESULT: &str = "result.json";

/// What an experiment does besides what all do.
pub struct Experiment<MakePlan, Check, RunOne> {
    /// Applies the flags to the definition.
    pub plan: MakePlan,
    /// Refuses what cannot work before anything is written, or continued, and says what it read.
    pub check: Check,
    /// Trains and tests a cell.
    pub run: RunOne,
}

/// Runs an experiment, prints what `report` makes of the results, and fails when a bound of the definition does not hold.
pub fn reproduce<P: RunPlan, R: RunResult>(
    name: &str,
    args: &RunArgs,
    experiment: Experiment<
        impl FnOnce() -> Result<P>,
        impl FnOnce(&P) -> Result<()>,
        impl Fn(&P, &P::Cell, &RunFolder, &ProgressBar) -> Result<R> + Sync,
    >,
    report: impl FnOnce(&P, &[R], &RunFolder) -> Result<Report>,
) -> Result<()> {
    let (folder, plan) = open(name, args, experiment.plan, experiment.check)?;
    let _lock = folder.lock()?;
    let started = Instant::now();
    let results = run_cells(name, plan.device(), &plan.cells(), &folder, |cell, folder, bar| {
        (experiment.run)(&plan, cell, folder, bar)
    })?;
    let report = report(&plan, &results, &folder)?;
    conclude(name, args, &plan, &folder, &results, &report, started)
}

/// The folder and the plan: those of an earlier run with `--resume`, new ones otherwise.
fn open<P: RunPlan>(
    name: &str,
    args: &RunArgs,
    plan: impl FnOnce() -> Result<P>,
    check: impl FnOnce(&P) -> Result<()>,
) -> Result<(RunFolder, P)> {
    let can_record = |plan: &P| -> Result<()> {
        ensure!(
            !args.record || plan.is_whole(),
            "--record is for the whole experiment; leave out the flags that change or narrow it"
        );
        Ok(())
    };
    if args.resume {
        let (folder, plan) = RunFolder::reopen(name, args.out.as_deref(), &args.runs)?;
        can_record(&plan)?;
        let result = |cell: &P::Cell| folder.path().join(CELLS).join(cell.name()).join(RESULT);
        if plan.cells().iter().any(|cell| !result(cell).exists()) {
            check(&plan)?;
        }
        return Ok((folder, plan));
    }
    let plan = plan()?;
    device(plan.device())?;
    can_record(&plan)?;
    ensure!(!plan.cells().is_empty(), "there is nothing to run: no problem, no method or no seed");
    check(&plan)?;
    Ok((RunFolder::create(name, args.out.as_deref(), &args.runs, &plan)?, plan))
}

/// Runs the cells that have no stored result yet, as many at once as there are cores; each on one thread, so that
/// the bits do not depend on how many cores there are.
fn run_cells<C: RunCell, R: RunResult>(
    experiment: &str,
    device: DeviceName,
    cells: &[C],
    folder: &RunFolder,
    run: impl Fn(&C, &RunFolder, &ProgressBar) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    say(&format!("{} in {}", training_runs(cells.len()), folder.path().display()));
    say(&format!(
        "stop at any time; to continue: {} reproduce {experiment} --resume --out {}",
        program(),
        folder.path().display()
    ));
    let bars = MultiProgress::new();
    let total = bars.add(ProgressBar::new(cells.len() as u64).with_style(ProgressStyle::with_template(
        "{elapsed_precise} [{wide_bar:.cyan/blue}] {pos}/{len} training runs",
    )?));
    total.enable_steady_tick(Duration::from_millis(500));
    // Fits 80 columns.
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    let style = ProgressStyle::with_template("{prefix:30} [{bar:14}] {pos:>4}/{len} {rate:>6} {msg}")?;
    let style = style.with_key("rate", rate);
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<Option<Result<R>>>> = Mutex::new(cells.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = cells.get(at).filter(|_| !failed.load(Ordering::Relaxed)) else { return };
            let bar = bars.add(ProgressBar::new(1).with_style(style.clone()).with_prefix(cell.name()));
            let started = Instant::now();
            let result = one(cell, folder, &bar, &run);
            let seconds = started.elapsed().as_secs_f64();
            bar.finish_and_clear();
            match &result {
                Ok((result, true)) => above(&bars, &format!("{} (done before)", result.line())),
                Ok((result, false)) => above(&bars, &format!("{} ({seconds:.1} s)", result.line())),
                Err(_) => failed.store(true, Ordering::Relaxed),
            }
            total.inc(1);
            if let Ok(mut results) = results.lock() {
                results[at] = Some(result.map(|(result, _)| result));
            }
        }
    };
    let workers = match device {
        DeviceName::Cpu => {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(cells.len())
        }
        DeviceName::Cuda => 1,
    };
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..workers {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
            scope.spawn(move || pool.install(work));
        }
        Ok(())
    })?;
    total.finish_and_clear();
    let results = results.into_inner().map_err(|_| anyhow::anyhow!("a worker panicked"))?;
    // The first error explains; cells that were not started because of it do not.
    results.into_iter().flatten().collect::<Result<Vec<_>>>()
}

/// One cell, or its stored result; whether it was stored.
fn one<C: RunCell, R: RunResult>(
    cell: &C,
    folder: &RunFolder,
    bar: &ProgressBar,
    run: &(impl Fn(&C, &RunFolder, &ProgressBar) -> Result<R> + Sync),
) -> Result<(R, bool)> {
    let folder = folder.inside(CELLS)?.inside(&cell.name())?;
    if let Some(result) = folder.read_json(RESULT)? {
        return Ok((result, true));
    }
    let result = run(cell, &folder, bar).with_context(|| cell.name())?;
    folder.write_json(RESULT, &result)?;
    Ok((result, false))
}

/// What came out of a run.
pub struct Report {
    /// The table as text.
    pub text: String,
    /// How many bounds, and groups that must be found, were checked.
    pub checked: usize,
    /// Those that do not hold, in words.
    pub outside: Vec<String>,
}

/// Writes and prints the table, and records it when asked to; fails, and records nothing, when a bound of the definition does not
/// hold.
fn conclude<P: RunPlan>(
    name: &str,
    args: &RunArgs,
    plan: &P,
    folder: &RunFolder,
    results: &impl Serialize,
    report: &Report,
    started: Instant,
) -> Result<()> {
    let Report { text, checked, outside } = report;
    folder.write(&format!("{name}.md"), text.as_bytes())?;
    folder.write_json(FINISHED, results)?;
    say(&format!("\n{text}"));
    let seconds = started.elapsed().as_secs_f64();
    let memory =
        machine::peak_memory().map_or_else(String::new, |mib| format!(", at most {mib} MiB of memory"));
    say(&format!("took {seconds:.1} s{memory}; pictures, metrics and learned tensors are in"));
    say(&format!("  {}", folder.path().display()));
    if *checked > 0 && outside.is_empty() {
        let checks = if *checked == 1 { "check" } else { "checks" };
        say(&format!("{checked} {checks} against data/experiments/{name}.toml, all hold"));
    }
    if !outside.is_empty() {
        bail!(
            "of {checked} checks against data/experiments/{name}.toml, {} do not hold:\n  {}",
            outside.len(),
            outside.join("\n  ")
        );
    }
    if args.record {
        let device = serde_json::to_value(plan.device())?;
        // What was done before it was stopped is not known here.
        let took = if args.resume {
            String::new()
        } else {
            format!("\nThe whole experiment took {seconds:.0} s{memory}.\n")
        };
        let path =
            record(&plan.record_name(), device.as_str().unwrap_or("unknown"), &format!("{text}{took}"))?;
        say(&format!("recorded in {}", path.display()));
    }
    Ok(())
}

fn training_runs(count: usize) -> String {
    format!("{count} training run{}", if count == 1 { "" } else { "s" })
}

/// A line above the bars; on stdout when there are no bars to see.
fn above(bars: &MultiProgress, line: &str) {
    if bars.is_hidden() {
        say(line);
    } else {
        // A terminal that went away is no reason to stop the run.
        let _ = bars.println(line);
    }
}
