//! `msr-fuzz`: runs every target on mutated input for a while.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use msr_fuzz::{Mutator, TARGETS, Target, seeds};

/// Gives mutated input to every reader: no panic, no input of more than twenty seconds, no more
/// than a gigabyte.
#[derive(Parser)]
struct Args {
    /// Only these targets
    #[arg(long, value_delimiter = ',')]
    target: Vec<String>,
    /// How long to go on, in seconds, all targets together
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The number the order of inputs depends on
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Writes the seeds of one --target into a folder, and does nothing else
    #[arg(long, value_name = "DIR")]
    write_seeds: Option<PathBuf>,
    /// Runs one input from a file, and nothing else; needs one --target
    #[arg(long)]
    input: Option<PathBuf>,
}

/// An input that takes longer has hung. The largest actions that are allowed take four seconds
/// alone, and more beside others.
const HANG: Duration = Duration::from_secs(20);
/// The most memory, in bytes.
const MEMORY: u64 = 1 << 30;

/// What a target went through.
struct Tally {
    target: Target,
    inputs: AtomicU64,
    slowest: Mutex<Duration>,
    /// What is being read, and since when.
    now: Mutex<Option<(Instant, Vec<u8>)>>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let chosen = |target: &&Target| args.target.is_empty() || args.target.iter().any(|n| n == target.name);
    let targets: Vec<Target> = TARGETS.iter().filter(chosen).copied().collect();
    let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
    ensure!(
        !targets.is_empty() && (args.target.is_empty() || targets.len() == args.target.len()),
        "there are the targets {}",
        names.join(", ")
    );
    if let Some(path) = &args.input {
        ensure!(targets.len() == 1, "an --input needs one --target");
        (targets[0].run)(&std::fs::read(path).with_context(|| path.display().to_string())?);
        return say("it came back");
    }
    if let Some(folder) = &args.write_seeds {
        ensure!(targets.len() == 1, "--write-seeds needs one --target");
        for (i, seed) in seeds(targets[0].name)?.iter().enumerate() {
            let path = folder.join(format!("seed-{i:03}"));
            std::fs::write(&path, seed).with_context(|| path.display().to_string())?;
        }
        return Ok(());
    }
    let tallies: Vec<Tally> = targets
        .into_iter()
        .map(|target| Tally {
            target,
            inputs: AtomicU64::new(0),
            slowest: Mutex::new(Duration::ZERO),
            now: Mutex::new(None),
        })
        .collect();
    let corpora = tallies.iter().map(|tally| seeds(tally.target.name)).collect::<Result<Vec<_>>>()?;
    // As many at a time as there are processors, so that times are times of work.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(tallies.len());
    let share = Duration::from_secs(args.seconds) * threads as u32 / tallies.len() as u32;
    let waiting = Mutex::new(tallies.iter().zip(corpora).collect::<Vec<_>>());
    let (failed, working) = (Mutex::new(None), AtomicU64::new(threads as u64));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((tally, corpus)) = next(&waiting) {
                    try_out(tally, corpus, args.seed, Instant::now() + share, &failed);
                }
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        scope.spawn(|| watch(&tallies, &working, &failed));
    });
    for tally in &tallies {
        let slowest = tally.slowest.lock().map_or(Duration::ZERO, |slowest| *slowest);
        say(&format!(
            "{:<12} {:>10} inputs, the slowest {:.3} s",
            tally.target.name,
            tally.inputs.load(Ordering::Relaxed),
            slowest.as_secs_f64()
        ))?;
    }
    let total: u64 = tallies.iter().map(|t| t.inputs.load(Ordering::Relaxed)).sum();
    say(&format!("{total} inputs, at most {} MB of memory", peak_memory() >> 20))?;
    match failed.into_inner() {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => anyhow::bail!(problem),
        Err(_) => anyhow::bail!("a thread panicked"),
    }
}

type Failure = Mutex<Option<String>>;

/// Takes one from a list that others take from, too.
fn next<T>(waiting: &Mutex<Vec<T>>) -> Option<T> {
    waiting.lock().ok()?.pop()
}

/// Gives a target its seeds, and what becomes of them, until the end of its time.
fn try_out(tally: &Tally, corpus: Vec<Vec<u8>>, seed: u64, end: Instant, failed: &Failure) {
    for input in &corpus {
        one(tally, input.clone(), failed);
    }
    let mut mutator = Mutator::new(seed, corpus);
    while Instant::now() < end && !is_set(failed) {
        one(tally, mutator.next_input(), failed);
    }
}

fn is_set(failed: &Failure) -> bool {
    failed.lock().map_or(true, |failed| failed.is_some())
}

fn fail(failed: &Failure, target: &str, what: &str, input: &[u8]) {
    let file = std::env::temp_dir().join(format!("msr-fuzz-{target}"));
    let kept = std::fs::write(&file, input).is_ok();
    let place = if kept { format!("; its input is {}", file.display()) } else { String::new() };
    if let Ok(mut failed) = failed.lock() {
        failed.get_or_insert(format!("{target} {what}{place}"));
    }
}

/// Gives one input to a target.
fn one(tally: &Tally, input: Vec<u8>, failed: &Failure) {
    let start = Instant::now();
    if let Ok(mut now) = tally.now.lock() {
        *now = Some((start, input.clone()));
    }
    let came_back = catch_unwind(AssertUnwindSafe(|| (tally.target.run)(&input)));
    if let Ok(mut now) = tally.now.lock() {
        *now = None;
    }
    let took = start.elapsed();
    if let Ok(mut slowest) = tally.slowest.lock() {
        *slowest = took.max(*slowest);
    }
    tally.inputs.fetch_add(1, Ordering::Relaxed);
    if came_back.is_err() {
        fail(failed, tally.target.name, "panicked", &input);
    } else if took > HANG {
        fail(failed, tally.target.name, "took longer than twenty seconds", &input);
    }
}

/// Looks after time and memory until the end; a target that hangs is not waited for.
fn watch(tallies: &[Tally], working: &AtomicU64, failed: &Failure) {
    while working.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(200));
        let memory = peak_memory();
        for tally in tallies {
            let Ok(now) = tally.now.lock() else { continue };
            let Some((start, input)) = now.as_ref() else { continue };
            if start.elapsed() > 4 * HANG {
                fail(failed, tally.target.name, "hangs", input);
                if let Ok(Some(problem)) = failed.lock().map(|failed| failed.clone()) {
                    let _ = writeln!(std::io::stderr(), "error: {problem}");
                }
                std::process::exit(1);
            }
            if memory > MEMORY {
                fail(failed, tally.target.name, "or another target took more than a gigabyte", input);
            }
        }
    }
}

/// The most memory that this process has had, in bytes; zero where nobody says.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
