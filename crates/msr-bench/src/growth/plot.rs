//! The plot of growth: time above, memory below, a column for each of what grows.

use std::num::NonZeroUsize;

use msr_report::picture::{Chart, Picture, Scale, Series};

use super::Sweep;

/// The picture of these sweeps.
pub fn picture(sweeps: &[Sweep], threads: NonZeroUsize) -> Picture {
    let time = sweeps.iter().map(|sweep| {
        let points: Vec<_> = sweep.points.iter().map(|p| (p.size as f64, p.time.ms)).collect();
        let band = sweep.points.iter().map(|p| (p.size as f64, p.time.lower_ms, p.time.upper_ms));
        let series = Series::new("meta-step", points.clone()).band(band).with_dots();
        chart(sweep, "time in ms", points, [series])
    });
    let memory = sweeps.iter().map(|sweep| {
        let of = |mib: fn(&super::Point) -> Option<f64>| -> Vec<(f64, f64)> {
            sweep.points.iter().filter_map(|p| Some((p.size as f64, mib(p)?))).collect()
        };
        let peak = of(|p| p.peak_mib);
        let start = Series::new("before the first step", of(|p| p.start_mib)).with_dots();
        chart(sweep, "peak memory in MiB", peak.clone(), [Series::new("peak", peak).with_dots(), start])
    });
    let (time, memory): (Vec<_>, Vec<_>) = (time.collect(), memory.collect());
    let titles: Vec<String> =
        sweeps.iter().map(|sweep| format!("{}: {}.", sweep.axis.name(), sweep.title)).collect();
    Picture::new(format!("Time and memory of a meta-step, {threads} threads"))
        .row(time)
        .row(memory)
        .note(titles.join(" "))
        .note("Shaded: between the quartiles. Each point is a process of its own.")
}

/// A chart of these lines, with a guide of slope 1 through the last of `points`.
fn chart(
    sweep: &Sweep,
    quantity: &str,
    points: Vec<(f64, f64)>,
    series: impl IntoIterator<Item = Series>,
) -> Chart {
    let empty =
        Chart::new(sweep.axis.name(), quantity).x_scale(Scale::Log).y_scale(Scale::Log).size(330, 250);
    let chart = series.into_iter().fold(empty, Chart::series);
    match (points.first(), points.last()) {
        (Some(first), Some(last)) if first.0 < last.0 => {
            // As far as the points reach down.
            let least = points.iter().fold(f64::INFINITY, |least, p| least.min(p.1));
            let from = first.0.max(last.0 * least / last.1);
            chart.guide("slope 1", [(from, last.1 * from / last.0), *last])
        }
        _ => chart,
    }
}
