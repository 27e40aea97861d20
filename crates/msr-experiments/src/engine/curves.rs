//! The learning curves of a training run.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use msr_report::picture::{Chart, Picture, Series};

use super::folder::Folder;
use super::metrics::{METRICS, MetricsLine, RIDGE};
use super::validation::{VALIDATIONS, ValidationLine};

/// The lines of validation, none where there was none.
pub fn validations(folder: &Folder) -> Result<Vec<ValidationLine>> {
    let path = folder.path().join(VALIDATIONS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let in_file = || format!("{}", path.display());
    let text = std::fs::read_to_string(&path).with_context(in_file)?;
    text.lines().map(serde_json::from_str).collect::<Result<_, _>>().with_context(in_file)
}

/// Draws what the metrics of a training run say, by outer step: the loss, below it the
/// accuracy on validation tasks of classes, how far the
/// learned symmetry matrix is from the symmetry of the tasks, where that is known, and below that
/// the learned inner rates and the ridge. Nothing is drawn of no metrics.
pub fn draw_curves(folder: &Folder, title: &str) -> Result<()> {
    let path = folder.path().join(METRICS);
    let in_file = || format!("{}", path.display());
    let text = std::fs::read_to_string(&path).with_context(in_file)?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<MetricsLine>, _>>();
    let lines = lines.with_context(in_file)?;
    if lines.is_empty() {
        return Ok(());
    }
    let loss = Series::new("", lines.iter().map(|line| (line.step as f64, line.loss)));
    let loss = Chart::new("outer step", "mean query loss of the training tasks").series(loss);
    let mut rates: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in &lines {
        for (name, &rate) in &line.rates {
            rates.entry(name.as_str()).or_default().push((line.step as f64, rate));
        }
    }
    let mut picture = Picture::new(format!("{title}: learning curves")).row([loss]);
    let accuracies: Vec<(f64, f64)> = validations(folder)?
        .iter()
        .filter_map(|line| Some((line.step as f64, 100.0 * line.accuracy?)))
        .collect();
    if accuracies.len() > 1 {
        let chart = Chart::new("outer step", "accuracy on validation tasks (%)");
        picture = picture.row([chart.series(Series::new("", accuracies).with_dots())]);
    }
    let off = lines.iter().filter_map(|line| Some((line.step as f64, line.equivariance_error?)));
    let off: Vec<(f64, f64)> = off.collect();
    if !off.is_empty() {
        let chart = Chart::new("outer step", "equivariance error of the symmetry matrix");
        picture = picture.row([chart.series(Series::new("", off))]);
    }
    if !rates.is_empty() {
        let axis = match (rates.contains_key(RIDGE), rates.len()) {
            (false, _) => "learned inner rate",
            (true, 1) => "learned ridge",
            (true, _) => "learned inner rate and ridge",
        };
        let chart = Chart::new("outer step", axis);
        let series = rates.into_iter().map(|(name, points)| Series::new(name, points));
        picture = picture.row([series.fold(chart, Chart::series)]);
    }
    folder.write_picture("curves", &picture)
}
