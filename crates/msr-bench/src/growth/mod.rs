//! Time and memory of a meta-step against tasks, inner steps and width. Every point is a process of
//! its own, so that its peak of memory is its own.

mod fit;
mod linear;
mod plot;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use indicatif::{ProgressBar, ProgressStyle};
use msr_report::Table;
use msr_symmetry::write_atomic;
use serde::Serialize;

use self::fit::{added, exponent};
pub use self::linear::LinearStep;
use crate::record::{OutputArgs, PlaceArgs};
use crate::serve::{NumberType, Server, Work};
use crate::step::conv4::{Conv4Size, Conv4Step, all_threads};
use crate::timing::Timing;

const SUITE: &str = "growth";
/// What a turn may take, in milliseconds, before it has fewer steps than the flags say.
const TURN_MS: f64 = 4_000.0;

/// A number of something, up to the largest that is measured.
fn up_to(largest: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=largest)
}

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The most tasks.
    #[arg(long, default_value_t = 256, value_parser = up_to(65_536))]
    tasks: usize,
    /// The most inner steps.
    #[arg(long, default_value_t = 20, value_parser = up_to(1_000))]
    inner_steps: usize,
    /// The widest fully connected layer; 4096 takes 4 GB of memory.
    #[arg(long, default_value_t = 4096, value_parser = up_to(16_384))]
    width: usize,
    /// How often every point is measured, each time by a process of its own.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rounds: u64,
    /// Steps that are timed each time; fewer where they take seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    samples: u64,
    /// Threads; by default as many as there are processors.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Draw the points to PATH.svg and PATH.png.
    #[arg(long, value_name = "PATH")]
    plot: Option<PathBuf>,
    /// Where to compute.
    #[command(flatten)]
    place: PlaceArgs,
    /// What becomes of the result.
    #[command(flatten)]
    output: OutputArgs,
}

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Axis {
    Tasks,
    InnerSteps,
    Width,
}

impl Axis {
    const ALL: [Self; 3] = [Self::Tasks, Self::InnerSteps, Self::Width];

    fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::InnerSteps => "inner steps",
            Self::Width => "width",
        }
    }

    /// What is measured, in words.
    fn title(self) -> String {
        let Conv4Size { tasks, .. } = Conv4Size::default();
        match self {
            Self::Tasks => "Conv4-32, Kronecker factors, 5 ways, 1 shot, 25 queries, 1 inner step".into(),
            Self::InnerSteps => {
                format!("Conv4-32, Kronecker factors, {tasks} tasks of 5 ways, 1 shot, 25 queries")
            }
            Self::Width => {
                format!("Fully connected, width × width, Kronecker factors; {}", LinearStep::describe())
            }
        }
    }

    /// The sizes up to the largest.
    fn sizes(self, args: &Args) -> Vec<usize> {
        let doubled = |from: usize, largest: usize| {
            std::iter::successors(Some(from), |n| n.checked_mul(2)).take_while(|&n| n <= largest).collect()
        };
        match self {
            Self::Tasks => doubled(1, args.tasks),
            Self::InnerSteps => {
                [1, 2, 3, 5, 7, 10, 14, 20].into_iter().filter(|&n| n <= args.inner_steps).collect()
            }
            Self::Width => doubled(64.min(args.width), args.width),
        }
    }

    fn work(self, size: usize) -> Work {
        let usual = Conv4Step::default();
        match self {
            Self::Tasks => Work::Conv4(Conv4Step { size: Conv4Size { tasks: size, ..usual.size }, ..usual }),
            Self::InnerSteps => Work::Conv4(Conv4Step { inner_steps: size, ..usual }),
            Self::Width => Work::Linear(LinearStep { width: size }),
        }
    }
}

/// What was measured of one size.
#[derive(Clone, Debug, Serialize)]
struct Point {
    size: usize,
    #[serde(flatten)]
    time: Timing,
    /// The peak of memory of its process, in MiB; the largest over rounds.
    peak_mib: Option<f64>,
    /// The same before its first step.
    start_mib: Option<f64>,
    /// The bytes that a full symmetry matrix would take.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_bytes: Option<f64>,
}

/// The points of one axis.
#[derive(Clone, Debug, Serialize)]
struct Sweep {
    axis: Axis,
    title: String,
    points: Vec<Point>,
    /// Of time against size.
    time_exponent: Option<f64>,
    /// The same of the sizes from a quarter of the largest on, where fixed costs hide least.
    time_exponent_at_end: Option<f64>,
    /// Of the peak of memory beyond that before the first step, against size.
    memory_exponent: Option<f64>,
    /// What one more adds to the peak of memory, in MiB.
    added_mib: Option<f64>,
}

/// What was measured, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
struct Results {
    suite: &'static str,
    device: String,
    threads: NonZeroUsize,
    rounds: u64,
    samples: u64,
    sweeps: Vec<Sweep>,
}

/// The times and peaks of one size, as they come.
#[derive(Default)]
struct Found {
    ms: Vec<f64>,
    peak_mib: Option<f64>,
    start_mib: Option<f64>,
}

/// Measures, prints, draws and records when asked to.
///
/// # Errors
/// When the device cannot be used, a step fails, or a result cannot be written.
pub fn run(args: &Args) -> Result<()> {
    args.place.device.open()?;
    let threads = args.threads.unwrap_or_else(all_threads);
    let sizes = Axis::ALL.map(|axis| axis.sizes(args));
    let mut found = sizes.each_ref().map(|sizes| sizes.iter().map(|_| Found::default()).collect::<Vec<_>>());
    let points: usize = sizes.iter().map(Vec::len).sum();
    let style = ProgressStyle::with_template("{elapsed_precise} [{wide_bar:.cyan/blue}] {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(args.rounds * points as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(500));
    for _ in 0..args.rounds {
        for ((axis, sizes), found) in Axis::ALL.into_iter().zip(&sizes).zip(&mut found) {
            for (&size, found) in sizes.iter().zip(found) {
                bar.set_message(format!("{} {size}", axis.name()));
                measure(args, &axis.work(size), threads, found)?;
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    let sweeps = Axis::ALL.into_iter().zip(&sizes).zip(&found).map(|((axis, sizes), found)| {
        let points = sizes.iter().zip(found).map(|(&size, found)| point(axis, size, found));
        sweep(axis, points.collect())
    });
    let results = Results {
        suite: SUITE,
        device: args.place.device.to_string(),
        threads,
        rounds: args.rounds,
        samples: args.samples,
        sweeps: sweeps.collect(),
    };
    if let Some(path) = &args.plot {
        draw(path, &results)?;
    }
    args.output.publish(SUITE, args.place.device, &report(&results)?, &results)
}

/// Another process for this work, and its times.
fn measure(args: &Args, work: &Work, threads: NonZeroUsize, found: &mut Found) -> Result<()> {
    let mut server = Server::ours(work, NumberType::F32, threads, args.place.device, None)?;
    let mut turn = server.turn(1)?;
    let each = turn.ms.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let more = (args.samples - 1).min((TURN_MS / each) as u64);
    found.ms.extend(&turn.ms);
    if more > 0 {
        turn = server.turn(more)?;
        found.ms.extend(&turn.ms);
    }
    let larger = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
    found.peak_mib = larger(found.peak_mib, turn.peak_mib);
    found.start_mib = larger(found.start_mib, server.started.start_mib);
    Ok(())
}

fn point(axis: Axis, size: usize, found: &Found) -> Point {
    let full_bytes = match axis.work(size) {
        Work::Linear(step) => Some(step.full_bytes()),
        Work::Conv4(_) | Work::Fc(_) => None,
    };
    let Found { ms, peak_mib, start_mib } = found;
    Point { size, time: Timing::among(ms), peak_mib: *peak_mib, start_mib: *start_mib, full_bytes }
}

fn sweep(axis: Axis, points: Vec<Point>) -> Sweep {
    let times: Vec<_> = points.iter().map(|point| (point.size as f64, point.time.ms)).collect();
    let beyond = |point: &Point| Some((point.size as f64, point.peak_mib? - point.start_mib?));
    let memory: Vec<_> = points.iter().filter_map(beyond).collect();
    let largest = times.last().map_or(0.0, |(size, _)| *size);
    let end: Vec<_> = times.iter().copied().filter(|(size, _)| 4.0 * size >= largest).collect();
    let (time_exponent, time_exponent_at_end) = (exponent(&times), exponent(&end));
    let (memory_exponent, added_mib, title) = (exponent(&memory), added(&memory), axis.title());
    Sweep { axis, title, points, time_exponent, time_exponent_at_end, memory_exponent, added_mib }
}

fn draw(path: &Path, results: &Results) -> Result<()> {
    let picture = plot::picture(&results.sweeps, results.threads);
    // Not `with_extension`, which would take away what stands after a dot.
    let with = |extension: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    write_atomic(&with(".svg"), picture.svg()?.as_bytes())?;
    Ok(write_atomic(&with(".png"), &picture.png()?)?)
}

/// Bytes with the unit that leaves a few digits.
fn bytes(count: f64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let (mut count, mut unit) = (count, 0);
    while count >= 1000.0 && unit + 1 < units.len() {
        (count, unit) = (count / 1000.0, unit + 1);
    }
    let digits = if count >= 10.0 || unit == 0 { 0 } else { 1 };
    format!("{count:.digits$} {}", units[unit])
}

fn report(found: &Results) -> Result<String> {
    let mut text = String::new();
    let Results { device, threads, rounds, samples, .. } = found;
    writeln!(
        text,
        "Time and memory of meta-steps with Adam, f32, {device}, {threads} threads. Every point is a process of its own, {rounds}\n\
         times, with up to {samples} steps each; medians, how far the quartiles are from them, and peaks of memory."
    )?;
    for found in &found.sweeps {
        let Sweep { axis, title, points, time_exponent, time_exponent_at_end, memory_exponent, added_mib } =
            found;
        let full = points.iter().any(|point| point.full_bytes.is_some());
        let each = format!("ms / {}", axis.name().trim_end_matches('s'));
        let mut head = vec![axis.name(), "ms", &each, "peak, MiB", "before steps, MiB"];
        head.extend(full.then_some("a full U would take"));
        let mib = |mib: Option<f64>| mib.map_or_else(|| "–".to_string(), |mib| format!("{mib:.0}"));
        let rows = points.iter().map(|point| {
            let Point { size, time, peak_mib, start_mib, full_bytes } = point;
            let each = format!("{:.2}", time.ms / *size as f64);
            let mut row = vec![size.to_string(), time.to_string(), each, mib(*peak_mib), mib(*start_mib)];
            row.extend(full_bytes.map(bytes));
            row
        });
        writeln!(text, "\n{title}:\n\n{}", Table::new(head, rows))?;
        let power = |p: &Option<f64>| p.map_or_else(|| "–".to_string(), |p| format!("{p:.2}"));
        let name = axis.name();
        write!(text, "Time grows as {name} to the power {} ", power(time_exponent))?;
        write!(text, "({} from a quarter of the largest on),\nmemory ", power(time_exponent_at_end))?;
        write!(text, "beyond that before steps to the power {}", power(memory_exponent))?;
        match (axis, added_mib) {
            (Axis::Width, _) | (_, None) => writeln!(text, ".")?,
            (_, Some(mib)) => writeln!(text, ": {mib:.2} MiB for each.")?,
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Args, Axis, Found, NonZeroUsize, Results, bytes, plot, point, report, sweep};
    use crate::record::{OutputArgs, PlaceArgs};

    fn args() -> Args {
        let (threads, plot) = (None, None);
        let (place, output) = (PlaceArgs::default(), OutputArgs::default());
        Args { tasks: 256, inner_steps: 20, width: 4096, rounds: 1, samples: 3, threads, plot, place, output }
    }

    #[test]
    fn sizes_end_at_the_largest() {
        assert_eq!(Axis::Tasks.sizes(&args()), [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert_eq!(Axis::InnerSteps.sizes(&Args { inner_steps: 5, ..args() }), [1, 2, 3, 5]);
        assert_eq!(Axis::Width.sizes(&args()), [64, 128, 256, 512, 1024, 2048, 4096]);
        assert_eq!(Axis::Width.sizes(&Args { width: 8, ..args() }), [8]);
    }

    #[test]
    fn units_leave_a_few_digits() {
        assert_eq!([64.0, 4096.0f64.powi(4) * 4.0, 1.5e6].map(bytes), ["64 B", "1126 TB", "1.5 MB"]);
    }

    #[test]
    fn results_as_json_as_text_and_as_a_picture() -> anyhow::Result<()> {
        let sweeps = Axis::ALL.map(|axis| {
            let points = axis.sizes(&args()).into_iter().map(|size| {
                let peak_mib = Some(40.0 + 0.5 * size as f64);
                point(axis, size, &Found { ms: vec![2.0 * size as f64], peak_mib, start_mib: Some(9.0) })
            });
            sweep(axis, points.collect())
        });
        let threads = NonZeroUsize::MIN;
        let found = Results {
            suite: "growth",
            device: "cpu".into(),
            threads,
            rounds: 1,
            samples: 3,
            sweeps: sweeps.into(),
        };
        let json = serde_json::to_value(&found)?;
        let tasks = &json["sweeps"][0];
        assert_eq!((&tasks["axis"], &tasks["points"][8]["ms"]), (&"tasks".into(), &512.0.into()));
        assert!(tasks["time_exponent"].as_f64().is_some_and(|p| (p - 1.0).abs() < 1e-9));
        assert_eq!(tasks["added_mib"], 0.5);
        assert!(tasks["points"][0].get("full_bytes").is_none());
        let text = report(&found)?;
        assert!(
            text.contains("to the power 1.00 (1.00 from") && text.contains("before steps to the power 0.2"),
            "{text}"
        );
        assert!(text.contains("| 1126 TB") && text.contains("0.50 MiB for each"), "{text}");
        let svg = plot::picture(&found.sweeps, threads).svg()?;
        assert!(svg.contains("inner steps") && svg.contains("slope 1"), "{svg}");
        Ok(())
    }
}
