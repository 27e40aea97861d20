//! What was recovered, as a table, and its check against the definition.

use std::fmt::{self, Display};

use anyhow::Result;
use msr_groups::{name_of, pattern_automorphisms};
use msr_report::picture::Panel;
use msr_report::{number, seeds};

use super::Groups;
use super::cell::{Found, Outcome};
use super::definition::method;
use crate::engine::{LayerKind, Mean, Run, shown};

/// The table of a run.
pub struct Table<'a> {
    run: &'a Run<Groups>,
    outcomes: &'a [Outcome],
    truths: Vec<Truth>,
}

/// What is true of a problem.
struct Truth {
    problem: String,
    outputs: usize,
    inputs: usize,
    free_parameters: usize,
    order: String,
    name: Option<String>,
    note: Option<String>,
}

impl<'a> Table<'a> {
    /// A table of these results.
    pub fn new(run: &'a Run<Groups>, outcomes: &'a [Outcome]) -> Result<Self> {
        let problems = run.definition.problems.iter();
        let truths: Result<Vec<Truth>> = problems
            .map(|problem| {
                let pattern = problem.pattern()?;
                let group = pattern_automorphisms(&pattern)?;
                Ok(Truth {
                    problem: problem.name.clone(),
                    outputs: pattern.outputs(),
                    inputs: pattern.inputs(),
                    free_parameters: pattern.free_parameters(),
                    order: group.order().to_string(),
                    name: name_of(&group),
                    note: problem.note.clone(),
                })
            })
            .collect();
        Ok(Self { run, outcomes, truths: truths? })
    }

    fn of(&self, problem: &str, layer: LayerKind) -> Vec<&Outcome> {
        let Some(method) = method(&self.run.definition, layer) else { return Vec::new() };
        self.outcomes.iter().filter(|r| r.problem == problem && r.method == method.name).collect()
    }

    fn mean(&self, problem: &str, layer: LayerKind) -> Option<Mean> {
        let found = self.of(problem, layer).into_iter();
        Mean::over(found.map(|r| r.error))
    }

    fn found(&self, problem: &str) -> Vec<(u64, &Found)> {
        let results = self.of(problem, LayerKind::ReparamLinear);
        results.into_iter().filter_map(|r| Some((r.seed, r.found.as_ref()?))).collect()
    }

    fn row(&self, truth: &Truth) -> Vec<String> {
        let found = self.found(&truth.problem);
        let right = found.iter().filter(|(_, f)| f.is_true_group).count();
        let mean = |layer| shown(self.mean(&truth.problem, layer));
        let errors = self.of(&truth.problem, LayerKind::ReparamLinear);
        let off = errors.iter().map(|r| r.equivariance_error).sum::<f64>() / errors.len().max(1) as f64;
        vec![
            truth.problem.clone(),
            format!("{} → {}", truth.inputs, truth.outputs),
            truth.free_parameters.to_string(),
            together(found.iter().map(|(_, f)| learned(f))),
            mean(LayerKind::Pattern),
            mean(LayerKind::ReparamLinear),
            mean(LayerKind::Linear),
            together(found.iter().map(|(_, f)| named(f))),
            format!("{right} of {}", found.len()),
            number(off),
        ]
    }

    /// How many bounds were checked, and every one that does not hold, in words. None are checked
    /// when the run is not the defined experiment.
    pub fn outside(&self) -> (usize, Vec<String>) {
        let (mut checked, mut problems) = (0, Vec::new());
        if !self.run.is_defined {
            return (checked, problems);
        }
        let bounds = &self.run.definition.bounds;
        for seed in 0..self.run.definition.training.seeds {
            let right = |truth: &&Truth| {
                self.found(&truth.problem).iter().any(|(s, f)| *s == seed && f.is_true_group)
            };
            let right = self.truths.iter().filter(right).count();
            let least = (bounds.recovered * self.truths.len() as f64).ceil() as usize;
            checked += 1;
            if right < least {
                problems.push(format!(
                    "seed {seed}: {right} of {} groups recovered, at least {least} must be ({})",
                    self.truths.len(),
                    bounds.source
                ));
            }
        }
        for truth in &self.truths {
            let oracles = self.of(&truth.problem, LayerKind::Pattern);
            for learned in self.of(&truth.problem, LayerKind::ReparamLinear) {
                let Some(oracle) = oracles.iter().find(|o| o.seed == learned.seed) else { continue };
                let most = bounds.mse_factor * oracle.error.mean + bounds.mse_offset;
                checked += 1;
                if learned.error.mean.is_nan() || learned.error.mean > most {
                    problems.push(format!(
                        "{}, seed {}: the error with a learned U is {}, at most {} is allowed ({})",
                        truth.problem,
                        learned.seed,
                        number(learned.error.mean),
                        number(most),
                        bounds.source
                    ));
                }
            }
        }
        (checked, problems)
    }

    /// For each problem the pattern that the first seed recovered, with its name: for the picture
    /// of all of them.
    pub fn first_recovered(&self) -> Result<Vec<Panel>> {
        let mut panels = Vec::new();
        for truth in &self.truths {
            if let Some((_, found)) = self.found(&truth.problem).into_iter().find(|(seed, _)| *seed == 0) {
                panels.push(Panel::pattern(named(found), &found.labels, truth.outputs, truth.inputs)?);
            }
        }
        Ok(panels)
    }
}

/// How many distinct rows were found, when any were taken to be equal.
fn learned(found: &Found) -> String {
    if found.reason.is_some() { "–".into() } else { found.free_parameters.to_string() }
}

/// What was recovered, with its order.
fn named(found: &Found) -> String {
    if found.reason.is_some() { "none".into() } else { with_order(found.name.as_ref(), &found.order) }
}

/// A name with the order, or the order of a group without a name.
fn with_order(name: Option<&String>, order: &str) -> String {
    name.map_or_else(|| format!("order {order}"), |name| format!("{name} ({order})"))
}

/// The values of the seeds: one when they agree.
fn together(values: impl Iterator<Item = String>) -> String {
    let mut values: Vec<String> = values.collect();
    values.dedup();
    if values.is_empty() { "–".into() } else { values.join(", ") }
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (run, training) = (self.run, &self.run.definition.training);
        let head = [
            "problem",
            "size",
            "free",
            "learned",
            "oracle",
            "MSR",
            "MAML-FC",
            "recovered group (order)",
            "right",
            "equiv. error",
        ];
        let rows: Vec<Vec<String>> = self.truths.iter().map(|truth| self.row(truth)).collect();
        writeln!(f, "{}\n", run.definition.title)?;
        write!(f, "{}", msr_report::Table::new(head, rows))?;
        writeln!(
            f,
            "\n{} inner and {} outer steps, {}. free, learned: free parameters of the true maps, and distinct \
             rows of the\nlearned U. oracle, MSR, MAML-FC: mean squared error on held-out tasks after {} examples, \
             ± 95 % interval over\ntasks. right: the seeds on which just the true weights are tied, and the group of \
             all permutations of outputs and\ninputs that keep them is recovered. equiv. error: ‖W − P(W)‖ / ‖W‖ of \
             adapted weights.",
            training.inner_steps,
            training.outer_steps,
            seeds(training.seeds),
            run.definition.tasks.support,
        )?;
        let chance = run.definition.bounds.largest_chance;
        writeln!(
            f,
            "A symmetry is claimed when chance would tie weights as closely with a probability of at most {chance:e}."
        )?;
        for truth in &self.truths {
            for (seed, found) in self.found(&truth.problem).iter().filter(|(_, f)| !f.is_true_group) {
                let reason = found.reason.as_deref().unwrap_or("another group");
                writeln!(
                    f,
                    "{}, seed {seed}: {reason}; {} weights away from the true ties; true is {}.",
                    truth.problem,
                    found.partition_distance,
                    with_order(truth.name.as_ref(), &truth.order)
                )?;
            }
            if let Some(note) = &truth.note {
                writeln!(f, "{}: {note}.", truth.problem)?;
            }
        }
        if !run.is_defined {
            writeln!(f, "Other steps than the definition's: its bounds were not checked.")?;
        }
        Ok(())
    }
}
