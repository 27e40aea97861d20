//! Every kernel, every gradient rule and the meta-steps against f64 on the processor, on fresh
//! random inputs. What fails is named, and the rest still runs.

mod compare;
mod forms;
mod kernels;
mod learners;
mod operation;
mod plain;
mod report;
mod rules;
mod steps;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use candle_core::{DType, Device};
use indicatif::{ProgressBar, ProgressStyle};

use crate::record::{OutputArgs, PlaceArgs};
use compare::{Difference, differences};
use operation::{DTYPES, Operation, Work};
use report::{Found, Results, Row, Verdict};

/// The shapes of the operands of an operation.
macro_rules! shapes {
    ($([$($size:expr),*]),*) => { vec![$(vec![$($size),*]),*] };
}
pub(crate) use shapes;

/// The sizes that are tried: one, and those around the widths of vectors, warps and blocks.
const SIZES: [usize; 7] = [1, 31, 32, 33, 127, 128, 257];

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to compute.
    #[command(flatten)]
    place: PlaceArgs,
    /// What the inputs are drawn from; a fresh number, which is printed, unless one is given.
    #[arg(long)]
    seed: Option<u64>,
    /// The sizes of the operands.
    #[arg(long, value_delimiter = ',', default_values_t = SIZES, value_parser = size)]
    sizes: Vec<usize>,
    /// Check only these types of numbers, of f64, f32, f16 and bf16.
    #[arg(long, value_name = "TYPES", value_delimiter = ',', value_parser = dtype)]
    dtypes: Vec<DType>,
    /// Check only operations with this in their name, such as `kernel` or `rule matmul`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Count what the device lacks as a failure.
    #[arg(long)]
    strict: bool,
    /// What becomes of the result.
    #[command(flatten)]
    output: OutputArgs,
}

/// A size that operands can have: square matrices of it must fit into memory.
fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=4096) => Ok(size),
        _ => Err("a size is a number from 1 to 4096".into()),
    }
}

/// A type of numbers that is tried.
fn dtype(text: &str) -> Result<DType, String> {
    let found = DTYPES.into_iter().find(|dtype| dtype.as_str() == text);
    found.ok_or_else(|| "a type is f64, f32, f16 or bf16".into())
}

/// The list of everything that is checked.
fn operations() -> Vec<Operation> {
    let lists = [
        kernels::kernels(),
        steps::steps(),
        forms::moments(),
        forms::forms(),
        rules::rules(),
        learners::learners(),
    ];
    lists.into_iter().flatten().collect()
}

/// Checks, prints, and records when asked to.
///
/// # Errors
/// When the device cannot be used, an operation fails, or the result cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let device = args.place.device.open()?;
    let seed = args.seed.unwrap_or_else(fresh);
    let wanted = |op: &Operation| {
        let name = format!("{} {}", op.family(), op.name);
        args.only.as_ref().is_none_or(|text| name.contains(text.as_str()))
    };
    let operations: Vec<Operation> = operations().into_iter().filter(wanted).collect();
    ensure!(!operations.is_empty(), "no operation has `{}` in its name", args.only.as_deref().unwrap_or(""));
    let style = ProgressStyle::with_template("{elapsed_precise} [{wide_bar:.cyan/blue}] {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(operations.len() as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(500));
    let start = Instant::now();
    let dtypes = if args.dtypes.is_empty() { &DTYPES[..] } else { &args.dtypes };
    let rows = without_messages_of_panics(|| {
        let row = |op: &Operation| {
            bar.set_message(op.name.clone());
            let row = check(op, &device, seed, &args.sizes, dtypes);
            bar.inc(1);
            row
        };
        operations.iter().map(row).collect()
    });
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let results = Results::new(args.place.device, seed, args.sizes.clone(), seconds, rows);
    args.output.publish("check", args.place.device, &results.to_string(), &results)?;
    let failed = results.failed + if args.strict { results.missing } else { 0 };
    ensure!(
        failed == 0,
        "{failed} of {} operations failed; --seed {seed} gives the same inputs again",
        results.operations.len()
    );
    Ok(())
}

/// A number that no other run has had.
fn fresh() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos() ^ (now.as_secs() as u32).rotate_left(16) ^ std::process::id())
}

/// An operation in the dtypes that it has of these.
fn check(op: &Operation, device: &Device, seed: u64, sizes: &[usize], dtypes: &[DType]) -> Row {
    // A meta-step has its own sizes.
    let sizes = if let Work::Learner(_) = op.work { &sizes[..sizes.len().min(1)] } else { sizes };
    let dtypes = dtypes.iter().filter(|dtype| op.dtypes.contains(dtype));
    let found = dtypes
        .map(|&dtype| Found { dtype: dtype.as_str(), verdict: in_dtype(op, device, dtype, seed, sizes) });
    Row { operation: op.name.clone(), family: op.family(), found: found.collect() }
}

/// One dtype of an operation: the worst of all sizes, or what failed first.
fn in_dtype(op: &Operation, device: &Device, dtype: DType, seed: u64, sizes: &[usize]) -> Verdict {
    let mut worst: Option<Difference> = None;
    for &size in sizes {
        let tried = catch_unwind(AssertUnwindSafe(|| differences(op, device, dtype, seed, size)));
        let found = match tried {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                let error = without_stack(&format!("{error:#}"));
                return match what_is_missing(&error) {
                    Some(reason) => Verdict::Missing { reason },
                    None => Verdict::Failed { problem: format!("size {size}: {error}") },
                };
            }
            Err(payload) => {
                let text = payload.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
                return Verdict::Failed { problem: format!("size {size}: panicked: {text}") };
            }
        };
        for difference in found {
            if !difference.is_small() {
                return Verdict::Failed { problem: difference.to_string() };
            }
            if worst.as_ref().is_none_or(|worst| difference.share() > worst.share()) {
                worst = Some(difference);
            }
        }
    }
    match worst {
        Some(worst) => Verdict::Right(worst),
        None => Verdict::Failed { problem: "nothing was compared".into() },
    }
}

/// What an error says, without the stack that candle may add to it.
fn without_stack(error: &str) -> String {
    let is_frame = |line: &&str| line.trim_start().starts_with("0: ");
    let lines: Vec<&str> = error.lines().take_while(|line| !is_frame(line)).collect();
    lines.join(" ")
}

/// What the device lacks, if that is what an error says.
fn what_is_missing(error: &str) -> Option<String> {
    const SIGNS: [&str; 7] = [
        "no cuda implementation for",
        "no metal implementation for",
        "unsupported dtype",
        "not supported on cuda",
        "does not support",
        "named symbol not found",
        "missing kernel",
    ];
    let lower = error.to_lowercase();
    SIGNS.iter().any(|sign| lower.contains(sign)).then(|| error.to_string())
}

/// Runs `f`, in which panics print nothing: they are caught and reported with the rest.
fn without_messages_of_panics<R>(f: impl FnOnce() -> R) -> R {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = f();
    std::panic::set_hook(hook);
    result
}

#[cfg(test)]
mod tests;
