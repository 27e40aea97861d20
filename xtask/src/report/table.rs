//! Table 1 as text, with reference values, and its check against the definition.

use std::fmt::{self, Display};

use crate::experiments::cell::CellResult;
use crate::experiments::definition::Reference;
use crate::experiments::plan::Plan;

/// The table of a run.
pub struct Table<'a> {
    plan: &'a Plan,
    results: &'a [CellResult],
}

/// A cell: the mean over seeds.
#[derive(Clone, Copy, Debug)]
struct Value {
    mean: f64,
    half_width: f64,
}

impl<'a> Table<'a> {
    /// A table of these results.
    pub fn new(plan: &'a Plan, results: &'a [CellResult]) -> Self {
        Self { plan, results }
    }

    /// The mean over seeds. Seeds are strata: the half width is that of the mean of independent means,
    /// `√(Σ h²) / seeds`.
    fn value(&self, method: &str, rank: usize, set: &str) -> Option<Value> {
        let found: Vec<&CellResult> =
            self.results.iter().filter(|r| r.method == method && r.rank == rank && r.set == set).collect();
        let count = found.len() as f64;
        let mean = found.iter().map(|r| r.mean).sum::<f64>() / count;
        let half_width = found.iter().map(|r| r.half_width.powi(2)).sum::<f64>().sqrt() / count;
        (!found.is_empty()).then_some(Value { mean, half_width })
    }

    fn reference(&self, method: &str, rank: usize) -> Option<&Reference> {
        let steps = self.plan.inner_steps;
        let known = &self.plan.definition.reference;
        known.iter().find(|r| r.method == method && r.rank == rank && r.inner_steps == steps)
    }

    /// Every value that leaves its interval, in words; nothing when the run is not the defined experiment.
    pub fn outside(&self) -> Vec<String> {
        if !self.plan.is_the_defined_experiment() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for e in self.plan.definition.expect.iter().filter(|e| e.quick == self.plan.quick) {
            let Some(value) = self.value(&e.method, e.rank, &e.set) else { continue };
            let low = e.at_least.unwrap_or(0.0);
            if !(low..=e.at_most).contains(&value.mean) {
                problems.push(format!(
                    "{} on rank {} ({}) is {:.4}, allowed is {low} to {} ({})",
                    e.method, e.rank, e.set, value.mean, e.at_most, e.source
                ));
            }
        }
        for r in self.plan.definition.ratio.iter().filter(|_| !self.plan.quick) {
            for &rank in &r.ranks {
                let pair = (self.value(&r.method, rank, &r.set), self.value(&r.over, rank, &r.set));
                let (Some(above), Some(below)) = pair else { continue };
                let ratio = above.mean / below.mean;
                let (low, high) = (r.at_least.unwrap_or(0.0), r.at_most.unwrap_or(f64::INFINITY));
                if !(low..=high).contains(&ratio) {
                    problems.push(format!(
                        "{} over {} on rank {rank} ({}) is {ratio:.2}, allowed is {low} to {high} ({})",
                        r.method, r.over, r.set, r.source
                    ));
                }
            }
        }
        problems
    }
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan;
        let head: Vec<String> =
            ["training set", "rank"].map(String::from).into_iter().chain(plan.methods.clone()).collect();
        let mut rows = Vec::new();
        for set in &plan.sets {
            for &rank in &plan.ranks {
                let mut row = vec![set.clone(), rank.to_string()];
                row.extend(plan.methods.iter().map(|m| cell(self.value(m, rank, set))));
                rows.push(row);
            }
        }
        // The reference was measured with 20 examples per training task.
        for &rank in &plan.ranks {
            let values: Vec<_> = plan.methods.iter().map(|m| self.reference(m, rank)).collect();
            if values.iter().any(Option::is_some) {
                let mut row = vec!["reference (large)".to_string(), rank.to_string()];
                row.extend(
                    values.iter().map(|r| cell(r.map(|r| Value { mean: r.mean, half_width: r.half_width }))),
                );
                rows.push(row);
            }
        }
        writeln!(f, "{}\n", plan.definition.title)?;
        write_aligned(f, &head, &rows)?;
        writeln!(
            f,
            "\n{} inner and {} outer steps, {} seed{}; mean ± 95 % Student-t interval over test tasks.",
            plan.inner_steps,
            plan.outer_steps,
            plan.seeds,
            if plan.seeds == 1 { "" } else { "s" }
        )?;
        let mut sources: Vec<&str> = plan.definition.reference.iter().map(|r| r.source.as_str()).collect();
        sources.dedup();
        for source in sources {
            writeln!(f, "Reference: {source}.")?;
        }
        if !plan.is_the_defined_experiment() {
            writeln!(f, "Other steps or data than the definition's: its bounds were not checked.")?;
        }
        Ok(())
    }
}

fn cell(value: Option<Value>) -> String {
    value.map_or_else(|| "–".into(), |v| format!("{:.4} ± {:.4}", v.mean, v.half_width))
}

/// A Markdown table whose columns also line up on a terminal.
fn write_aligned(f: &mut fmt::Formatter<'_>, head: &[String], rows: &[Vec<String>]) -> fmt::Result {
    let width = |c: usize| {
        rows.iter().map(|r| r[c].chars().count()).chain([head[c].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |f: &mut fmt::Formatter<'_>, row: &[String]| {
        for (text, &width) in row.iter().zip(&widths) {
            write!(f, "| {text}{} ", " ".repeat(width - text.chars().count()))?;
        }
        writeln!(f, "|")
    };
    line(f, head)?;
    for width in &widths {
        write!(f, "|{}", "-".repeat(width + 2))?;
    }
    writeln!(f, "|")?;
    rows.iter().try_for_each(|row| line(f, row))
}
