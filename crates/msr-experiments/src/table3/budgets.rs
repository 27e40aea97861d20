//! Accuracy against the number of outer steps, each with a training of its own.

use std::fmt::Write;

use anyhow::Result;
use msr_report::Table as Lines;
use msr_report::picture::{Chart, Picture, Scale, Series};

use super::Table3;
use super::cell::Outcome;
use super::definition::Problem;
use super::table::{Table, percent};
use crate::engine::{Folder, Mean, Run};

/// What a method reached: outer steps and the mean over seeds, with increasing steps.
struct Reached<'a> {
    method: &'a str,
    learns_symmetry: bool,
    points: Vec<(u64, Mean)>,
}

impl Reached<'_> {
    /// The outer steps for an accuracy in percent, on straight lines over the logarithm of steps.
    fn steps_for(&self, accuracy: f64) -> Needed {
        let steps = |at: Option<&(u64, Mean)>| at.map_or(0, |(steps, _)| *steps);
        if self.points.first().is_some_and(|(_, mean)| mean.mean >= accuracy) {
            return Needed::AtMost(steps(self.points.first()));
        }
        let Some(pair) = self.points.windows(2).find(|pair| pair[1].1.mean >= accuracy) else {
            return Needed::MoreThan(steps(self.points.last()));
        };
        let [(from, low), (to, high)] = [pair[0], pair[1]];
        let share = (accuracy - low.mean) / (high.mean - low.mean);
        let (from, to) = ((from as f64).ln(), (to as f64).ln());
        Needed::About((from + share * (to - from)).exp())
    }
}

/// How many steps something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needed {
    /// The smallest budget is enough.
    AtMost(u64),
    About(f64),
    /// The largest is not.
    MoreThan(u64),
}

impl std::fmt::Display for Needed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(steps) => write!(f, "at most {steps}"),
            Self::About(steps) => write!(f, "{:.0}", 10.0 * (steps / 10.0).round()),
            Self::MoreThan(steps) => write!(f, "more than {steps}"),
        }
    }
}

/// What differs between two problems when the budget alone does.
pub fn but_for_steps(problem: &Problem) -> Problem {
    Problem { name: String::new(), outer_steps: None, ..problem.clone() }
}

/// The methods with several budgets on the same tasks; nothing, when there is but one of each.
fn reached<'a>(run: &'a Run<Table3>, outcomes: &[Outcome]) -> Vec<Reached<'a>> {
    let definition = &run.definition;
    let problems = &definition.problems;
    let alike = problems.windows(2).all(|pair| but_for_steps(&pair[0]) == but_for_steps(&pair[1]));
    if problems.len() < 2 || !alike {
        return Vec::new();
    }
    let table = Table::new(run, outcomes);
    let of = |method: &'a crate::engine::Method| {
        let mut points: Vec<(u64, Mean)> = problems
            .iter()
            .filter_map(|p| {
                let steps = p.outer_steps.unwrap_or(definition.training.outer_steps);
                Some((steps, table.best(&method.name, &p.name)?))
            })
            .collect();
        points.sort_by_key(|&(steps, _)| steps);
        points.dedup_by_key(|&mut (steps, _)| steps);
        let learns_symmetry = method.layer.has_kronecker_factors();
        Reached { method: &method.name, learns_symmetry, points }
    };
    definition.methods.iter().map(of).filter(|r| r.points.len() > 1).collect()
}

/// Draws the accuracies with their intervals by the number of steps; nothing of a single budget.
pub fn draw(run: &Run<Table3>, outcomes: &[Outcome], folder: &Folder) -> Result<()> {
    let all = reached(run, outcomes);
    if all.is_empty() {
        return Ok(());
    }
    let mut chart = Chart::new("outer steps of the training", "accuracy on test tasks (%)");
    for Reached { method, points, .. } in all {
        let line = points.iter().map(|&(steps, m)| (steps as f64, m.mean));
        let band =
            points.iter().map(|&(steps, m)| (steps as f64, m.mean - m.half_width, m.mean + m.half_width));
        chart = chart.series(Series::new(method, line).band(band).with_dots());
    }
    let chart = chart.x_scale(Scale::Log);
    folder.write_picture("budgets", &Picture::new(run.definition.title.clone()).row([chart]))
}

/// How many steps the other methods need for what those that learn a symmetry reach.
pub fn text(run: &Run<Table3>, outcomes: &[Outcome]) -> String {
    let (ours, others): (Vec<_>, Vec<_>) =
        reached(run, outcomes).into_iter().partition(|reached| reached.learns_symmetry);
    let mut text = String::new();
    if others.is_empty() {
        return text;
    }
    for own in &ours {
        let head = ["outer steps".to_string(), own.method.to_string()];
        let needed = others.iter().map(|other| format!("steps of {} for the same", other.method));
        let rows: Vec<Vec<String>> = own
            .points
            .iter()
            .map(|&(steps, mean)| {
                let needed = others.iter().map(|other| other.steps_for(mean.mean).to_string());
                [steps.to_string(), percent(Some(mean))].into_iter().chain(needed).collect()
            })
            .collect();
        let _ = writeln!(text, "\n{}", Lines::new(head.into_iter().chain(needed), rows));
    }
    if !text.is_empty() {
        text.push_str("Steps between two budgets: on a straight line over their logarithm.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Needed, Reached};
    use crate::engine::Mean;

    #[test]
    fn steps_lie_on_straight_lines_over_their_logarithm() {
        let points =
            vec![(100, Mean::new(50.0, 1.0)), (1_000, Mean::new(70.0, 1.0)), (10_000, Mean::new(80.0, 1.0))];
        let reached = Reached { method: "it", learns_symmetry: false, points };
        let near = |accuracy, steps: f64| {
            let found = reached.steps_for(accuracy);
            assert!(matches!(found, Needed::About(s) if (s / steps - 1.0).abs() < 1e-9), "{found:?}");
        };
        near(60.0, 100_000f64.sqrt());
        near(80.0, 10_000.0);
        assert_eq!(reached.steps_for(40.0), Needed::AtMost(100));
        assert_eq!(reached.steps_for(81.0), Needed::MoreThan(10_000));
        assert_eq!(reached.steps_for(60.0).to_string(), "320");
    }
}
