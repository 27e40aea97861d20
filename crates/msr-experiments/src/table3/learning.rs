//! A picture of what the methods reach in the course of the training.

use std::collections::BTreeMap;

use anyhow::Result;
use msr_report::picture::{Chart, Picture, Series};

use super::Table3;
use crate::engine::{CELLS, Experiment, Folder, Run, validations};

/// The accuracy on validation tasks by outer step, of each method the mean over seeds, for each
/// problem.
pub fn draw(run: &Run<Table3>, folder: &Folder) -> Result<()> {
    let definition = &run.definition;
    for problem in &definition.problems {
        let mut chart = Chart::new("outer step", "accuracy on validation tasks (%)");
        let mut is_empty = true;
        for method in &definition.methods {
            let mut all: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            let own = |cell: &crate::engine::Cell<Table3>| {
                cell.problem.name == problem.name && cell.method.name == method.name
            };
            for cell in definition.cells().filter(own) {
                let lines = validations(&folder.inside(CELLS)?.inside(&Table3::cell_name(&cell))?)?;
                for line in lines {
                    all.entry(line.step).or_default().extend(line.accuracy);
                }
            }
            // Where a seed ended earlier than others, the mean would be of others.
            let seeds = all.values().map(Vec::len).max().unwrap_or(0);
            let whole = all.into_iter().filter(|(_, found)| found.len() == seeds && seeds > 0);
            let points: Vec<(f64, f64)> = whole
                .map(|(step, found)| (step as f64, 100.0 * found.iter().sum::<f64>() / seeds as f64))
                .collect();
            if points.len() > 1 {
                is_empty = false;
                chart = chart.series(Series::new(method.name.as_str(), points).with_dots());
            }
        }
        if !is_empty {
            let what = definition.title.split(':').next().unwrap_or_default();
            let title = format!("{what}, {}: accuracy on new classes by outer step", problem.name);
            folder.write_picture(&format!("accuracy-{}", problem.name), &Picture::new(title).row([chart]))?;
        }
    }
    Ok(())
}
