//! The training runs of a run, side by side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::ahead::{Ahead, in_words};
use super::experiment::{Cell, Experiment, Run};
use super::folder::{CELLS, Folder};
use super::training::CellFolder;
use crate::console::Console;

/// The stored result of a training run.
pub const RESULT: &str = "result.json";

/// Runs the cells that have no stored result yet, so many at once; each on one thread, so that the
/// bits do not depend on how many there are.
pub fn run_cells<E: Experiment>(
    run: &Run<E>,
    workers: usize,
    folder: &Folder,
    console: &Console,
) -> Result<Vec<E::Outcome>> {
    let cells: Vec<Cell<E>> = run.definition.cells().collect();
    let ahead = Arc::new(Ahead::new(cells.iter().map(|cell| E::work(run, cell))));
    let (bars, total, style) = bars(cells.len(), ahead.clone())?;
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<Option<Result<E::Outcome>>>> = Mutex::new(cells.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = cells.get(at).filter(|_| !failed.load(Ordering::Relaxed)) else { return };
            let bar = ProgressBar::new(1).with_style(style.clone()).with_prefix(E::cell_name(cell));
            let bar = bars.add(bar);
            ahead.begins(at, &bar);
            let started = Instant::now();
            let result = one(run, cell, folder, &bar);
            ahead.ends(at, matches!(result, Ok((_, true))));
            let seconds = started.elapsed().as_secs_f64();
            bar.finish_and_clear();
            match &result {
                Ok((outcome, true)) => console.above(&bars, &format!("{} (done before)", E::line(outcome))),
                Ok((outcome, false)) => {
                    console.above(&bars, &format!("{} ({seconds:.1} s)", E::line(outcome)));
                }
                Err(_) => failed.store(true, Ordering::Relaxed),
            }
            total.inc(1);
            if let Ok(mut results) = results.lock() {
                results[at] = Some(result.map(|(outcome, _)| outcome));
            }
        }
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

/// The bars, that of all training runs, and the look of that of one; they fit 80 columns.
fn bars(cells: usize, ahead: Arc<Ahead>) -> Result<(MultiProgress, ProgressBar, ProgressStyle)> {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let left = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        if let Some(left) = ahead.left(Instant::now()) {
            let _ = write!(out, ", {}", in_words(left));
        }
    };
    let style = "{elapsed_precise} [{wide_bar:.cyan/blue}] {pos}/{len} training runs{left}";
    let style = ProgressStyle::with_template(style)?.with_key("left", left);
    let total = bars.add(ProgressBar::new(cells as u64).with_style(style));
    total.enable_steady_tick(Duration::from_millis(500));
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    let style =
        ProgressStyle::with_template("{prefix:30} [{bar:10}] {pos:>4}/{len} {rate:>5} {eta:>4} {msg}")?;
    Ok((bars, total, style.with_key("rate", rate)))
}

/// One cell, or its stored outcome; whether it was stored.
fn one<E: Experiment>(
    run: &Run<E>,
    cell: &Cell<E>,
    folder: &Folder,
    bar: &ProgressBar,
) -> Result<(E::Outcome, bool)> {
    let name = E::cell_name(cell);
    let folder = CellFolder { files: folder.inside(CELLS)?.inside(&name)?, bar: bar.clone() };
    if let Some(outcome) = folder.files.read_json(RESULT)? {
        return Ok((outcome, true));
    }
    let outcome = E::run(run, cell, &folder).context(name)?;
    folder.files.write_json(RESULT, &outcome)?;
    Ok((outcome, false))
}
