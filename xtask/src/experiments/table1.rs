//! Table 1: five methods on three problems with two sizes of training set.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::cell::{self, CellResult};
use super::definition::Definition;
use super::plan::{Cell, Plan, PlanArgs};
use super::run_folder::RunFolder;
use crate::report::record::record;
use crate::report::say;
use crate::report::table::{Table, number};
use crate::workspace::DeviceName;

const NAME: &str = "table1";

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// The run folder; without it, a new one under runs/table1.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Continue an interrupted run: the one in --out, or the newest. Its settings are taken from its folder.
    #[arg(long)]
    resume: bool,
    /// Also write the table, the machine and the command to a dated folder of docs/results.
    #[arg(long)]
    record: bool,
}

/// Runs the experiment, prints the table, and fails when a value leaves the interval that the definition allows.
pub fn run(args: Args) -> Result<()> {
    let can_record = |plan: &Plan| -> Result<()> {
        ensure!(
            !args.record || plan.is_whole(),
            "--record is for the whole experiment; leave out the flags that change or narrow it"
        );
        Ok(())
    };
    let (folder, plan) = if args.resume {
        let (folder, plan) = RunFolder::reopen(NAME, args.out.as_deref())?;
        can_record(&plan)?;
        (folder, plan)
    } else {
        let plan = Plan::new(Definition::read(NAME)?, &args.plan)?;
        crate::workspace::device(plan.device)?;
        can_record(&plan)?;
        cell::check_data(&plan)?;
        (RunFolder::create(NAME, args.out.as_deref(), &plan)?, plan)
    };
    let _lock = folder.lock()?;
    let cells = plan.cells()?;
    say(&format!("{} in {}", training_runs(cells.len()), folder.path().display()));
    say(&format!(
        "stop at any time; to continue: cargo xtask reproduce {NAME} --resume --out {}",
        folder.path().display()
    ));
    let started = Instant::now();
    let results = run_cells(&plan, &cells, &folder)?;
    let table = Table::new(&plan, &results);
    let text = table.to_string();
    folder.write("table1.md", text.as_bytes())?;
    folder.write_json("results.json", &results)?;
    say(&format!("\n{text}"));
    let seconds = started.elapsed().as_secs_f64();
    say(&format!(
        "{} took {seconds:.1} s; pictures, metrics and learned tensors are in",
        training_runs(results.len())
    ));
    say(&format!("  {}", folder.path().display()));
    if args.record {
        let device = serde_json::to_value(plan.device)?;
        let name = if plan.seeds == 1 { NAME.to_string() } else { format!("{NAME}-{}-seeds", plan.seeds) };
        let path = record(&name, device.as_str().unwrap_or("unknown"), &text)?;
        say(&format!("recorded in {}", path.display()));
    }
    let (checked, outside) = table.outside();
    if checked > 0 && outside.is_empty() {
        say(&format!("{checked} bounds of data/experiments/{NAME}.toml checked, all hold"));
    }
    if !outside.is_empty() {
        bail!(
            "of {checked} bounds in data/experiments/{NAME}.toml, {} do not hold:\n  {}",
            outside.len(),
            outside.join("\n  ")
        );
    }
    Ok(())
}

fn training_runs(count: usize) -> String {
    format!("{count} training run{}", if count == 1 { "" } else { "s" })
}

/// Runs the cells, as many at once as there are cores; each on one thread, so that the bits do not
/// depend on how many cores there are.
fn run_cells(plan: &Plan, cells: &[Cell], folder: &RunFolder) -> Result<Vec<CellResult>> {
    let bars = MultiProgress::new();
    let total = bars.add(ProgressBar::new(cells.len() as u64).with_style(ProgressStyle::with_template(
        "{elapsed_precise} [{wide_bar:.cyan/blue}] {pos}/{len} training runs",
    )?));
    total.enable_steady_tick(std::time::Duration::from_millis(500));
    // Fits 80 columns.
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    let style = ProgressStyle::with_template("{prefix:30} [{bar:14}] {pos:>4}/{len} {rate:>6} {msg}")?;
    let style = style.with_key("rate", rate);
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<Option<Result<CellResult>>>> = Mutex::new(cells.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = cells.get(at).filter(|_| !failed.load(Ordering::Relaxed)) else { return };
            let bar = bars
                .add(ProgressBar::new(plan.outer_steps).with_style(style.clone()).with_prefix(cell.name()));
            let result = one(plan, cell, folder, &bar);
            bar.finish_and_clear();
            match &result {
                Ok((result, seconds)) => above(&bars, &line(result, *seconds)),
                Err(_) => failed.store(true, Ordering::Relaxed),
            }
            total.inc(1);
            if let Ok(mut results) = results.lock() {
                results[at] = Some(result.map(|(r, _)| r));
            }
        }
    };
    let workers = match plan.device {
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

/// One cell, or its stored result; with the seconds it took.
fn one(plan: &Plan, cell: &Cell, folder: &RunFolder, bar: &ProgressBar) -> Result<(CellResult, f64)> {
    let started = Instant::now();
    let folder = folder.inside("cells")?.inside(&cell.name())?;
    let result = match cell::finished(&folder)? {
        Some(result) => result,
        None => cell::run(plan, cell, &folder, bar).with_context(|| cell.name())?,
    };
    Ok((result, started.elapsed().as_secs_f64()))
}

fn line(r: &CellResult, seconds: f64) -> String {
    format!(
        "{:10} rank {} {:5} seed {}: {} ± {} ({seconds:.1} s)",
        r.method,
        r.rank,
        r.set,
        r.seed,
        number(r.mean),
        number(r.half_width)
    )
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
