//! Power and cost as pictures.

use std::path::Path;

use msr_report::picture::{Chart, Picture, Scale, Series};

use crate::Failure;

/// Writes NAME.svg and NAME.png.
fn write(picture: &Picture, name: &Path) -> Result<(), Failure> {
    std::fs::write(name.with_extension("svg"), picture.svg()?)?;
    Ok(std::fs::write(name.with_extension("png"), picture.png()?)?)
}

/// Lines of power, with their names.
pub(crate) type Lines = Vec<(String, Vec<(f64, f64)>)>;

/// The share of runs that found the whole group, by the number of tasks: a chart for each group
/// with a line for each number of examples, and the same of a prototype below.
pub(crate) fn power(groups: &[(&str, Lines, Lines)], runs: usize, name: &Path) -> Result<(), Failure> {
    let chart = |title: String, lines: &Lines| {
        let empty = Chart::new("tasks", "share of runs that find it").title(title).size(300, 230);
        let empty = empty.x_scale(Scale::Log).y_scale(Scale::Linear);
        lines.iter().fold(empty, |chart, (name, points)| {
            chart.series(Series::new(name.clone(), points.iter().copied()).with_dots())
        })
    };
    let picture = Picture::new("How often the whole group of generic equivariant maps is found")
        .row(groups.iter().map(|(group, lines, _)| chart(format!("{group}: msr discover"), lines)))
        .row(groups.iter().map(|(group, _, lines)| chart(format!("{group}: a prototype"), lines)))
        .note(format!(
            "Lines: examples of a task, and noise beside the signal. {runs} runs a point, of the prototype two. Half of the tasks find, half confirm."
        ));
    write(&picture, name)
}

/// Seconds and MiB by the number of weights and of tasks.
pub(crate) struct Cost {
    pub inputs: usize,
    pub outputs: usize,
    pub tasks: usize,
    pub seconds: f64,
    pub mebibytes: f64,
}

pub(crate) fn cost(found: &[Cost], name: &Path) -> Result<(), Failure> {
    let largest = found.iter().map(|cost| cost.inputs).min().unwrap_or(0);
    let chart = |x: &str, y: &str, series: Vec<Series>| {
        let empty = Chart::new(x, y).x_scale(Scale::Log).y_scale(Scale::Log).size(340, 250);
        series.into_iter().fold(empty, |chart, series| chart.series(series.with_dots()))
    };
    let by_inputs = |is_square: bool, of: &dyn Fn(&Cost) -> f64| {
        let chosen = found.iter().filter(|c| c.tasks == 160 && (c.inputs == c.outputs) == is_square);
        let chosen = chosen.filter(|c| is_square || c.outputs == 16);
        // What was run again for the number of tasks comes later.
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (x, y) in chosen.map(|c| (c.inputs as f64, of(c))) {
            if points.iter().all(|point| point.0 < x) {
                points.push((x, y));
            }
        }
        let name = if is_square { "as many outputs" } else { "16 outputs" };
        Series::new(name, points)
    };
    let both = |of: &dyn Fn(&Cost) -> f64| vec![by_inputs(true, of), by_inputs(false, of)];
    let by_tasks = found.iter().filter(|c| (c.inputs, c.outputs) == (16, 16) && largest < 16);
    let mut by_tasks: Vec<(f64, f64)> = by_tasks.map(|c| (c.tasks as f64, c.seconds)).collect();
    by_tasks.sort_by(|a, b| a.0.total_cmp(&b.0));
    by_tasks.dedup_by_key(|point| point.0.to_bits());
    let picture = Picture::new("What a verdict costs")
        .row([
            chart("inputs", "seconds, 160 tasks", both(&|c| c.seconds)),
            chart("inputs", "peak memory in MiB", both(&|c| c.mebibytes)),
            chart("tasks", "seconds, 16 inputs, 16 outputs", vec![Series::new("", by_tasks)]),
        ])
        .note("Four shared maps of a turning ring, 32 examples a task. Memory is the most of the process so far.");
    write(&picture, name)
}
