//! Table 3 as text, with reference values, and its check against the definition.

use std::fmt::{self, Display};

use msr_report::Table as Lines;

use super::Table3;
use super::budgets;
use super::cell::Outcome;
use super::features::FeatureError;
use super::symmetry::{Compared, distinguishable};
use crate::engine::{Experiment, Mean, Run, not_checked, notes, seed_by_seed, steps};

/// Blocks of the network.
const BLOCKS: usize = 4;

/// The table of a run.
pub struct Table<'a> {
    run: &'a Run<Table3>,
    outcomes: &'a [Outcome],
}

impl<'a> Table<'a> {
    /// A table of these results.
    pub fn new(run: &'a Run<Table3>, outcomes: &'a [Outcome]) -> Self {
        Self { run, outcomes }
    }

    /// The results of a cell, seed by seed.
    fn of(&self, method: &str, problem: &str) -> impl Iterator<Item = &'a Outcome> {
        let (method, problem) = (method.to_string(), problem.to_string());
        self.outcomes.iter().filter(move |o| o.method == method && o.problem == problem)
    }

    /// The mean over seeds after the number of inner steps that validation chose, which may differ
    /// from seed to seed.
    pub fn best(&self, method: &str, problem: &str) -> Option<Mean> {
        Mean::over(self.of(method, problem).filter_map(Outcome::best))
    }

    /// The mean over seeds of one of the tests.
    fn after(&self, method: &str, problem: &str, at: usize) -> Option<Mean> {
        Mean::over(self.of(method, problem).filter_map(|o| Some(o.test.get(at)?.percent)))
    }

    /// How many bounds were checked, and every value that leaves its interval, in words. None are
    /// checked when the run is not the defined experiment.
    pub fn outside(&self) -> (usize, Vec<String>) {
        let (mut checked, mut outside) = (0, Vec::new());
        let definition = &self.run.definition;
        if !self.run.is_defined || self.run.quick {
            return (checked, outside);
        }
        for e in definition.bounds.expect.iter().filter(|e| definition.training.seeds >= e.min_seeds) {
            let Some(mean) = self.best(&e.method, &e.problem) else { continue };
            checked += 1;
            outside.extend(e.outside(&format!("{} on {}", e.method, e.problem), mean));
        }
        (checked, outside)
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let definition = &self.run.definition;
        let mut rows = Vec::new();
        for problem in &definition.problems {
            for method in &definition.methods {
                let (method, problem) = (method.name.as_str(), problem.name.as_str());
                let Some(first) = self.of(method, problem).next() else { continue };
                let validation = self.of(method, problem).filter_map(Outcome::validated);
                let validation = Mean::over(validation).map_or("–".into(), |m| format!("{:.2}", m.mean));
                let best = percent(self.best(method, problem));
                let mut row = vec![problem.to_string(), method.to_string(), validation, best];
                let count = definition.tasks.test_inner_steps.len();
                row.extend((0..count).map(|at| match first.test.get(at).and_then(|a| a.inner_steps) {
                    Some(_) => percent(self.after(method, problem, at)),
                    None => "–".to_string(),
                }));
                row.push(first.outer_steps.to_string());
                let reference = definition.bounds.reference.iter();
                let mut reference = reference.filter(|r| r.method == method && r.problem == problem);
                row.push(reference.next().map_or_else(
                    || "–".to_string(),
                    |r| match r.half_width {
                        Some(half_width) => percent(Some(Mean::new(r.mean, half_width))),
                        None => format!("{:.2}", r.mean),
                    },
                ));
                rows.push(row);
            }
        }
        rows
    }

    /// What the learned C know of flips and turns, of the first seed, method by method.
    fn symmetry(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = self.outcomes.iter().filter(|o| o.seed == 0 && !o.symmetry.is_empty());
        for outcome in with {
            let chances = outcome.symmetry.iter().flat_map(|m| [m.share.p, m.closure.p]);
            let chances: Vec<f64> = chances.collect();
            let found = distinguishable(&chances);
            let cell = |c: Compared, found: bool| {
                format!("{:.2} ({:.2}; {:.4}{})", c.value, c.mean, c.p, if found { " *" } else { "" })
            };
            let rows = outcome.symmetry.iter().zip(found.chunks(2)).map(|(m, found)| {
                let (share, closure) = (cell(m.share, found[0]), cell(m.closure, found[1]));
                vec![m.layer.clone(), m.transformation.clone(), share, closure]
            });
            let head = ["layer", "of the taps", "share", "closure"].map(String::from);
            writeln!(
                f,
                "\nWhat C of {} on {} (seed 0) knows of flips and turns: share tr(P C Cᵀ) / tr(C Cᵀ), closure ‖P C Cᵀ Pᵀ − C \
                 Cᵀ‖ / ‖C Cᵀ‖;\nin brackets the mean over all permutations of the same cycle type, and the part of them that is \
                 at least as extreme.\n\n{}",
                outcome.method,
                outcome.problem,
                Lines::new(head, rows.collect::<Vec<_>>())
            )?;
            let (count, of) = (found.iter().filter(|&&found| found).count(), chances.len());
            match count {
                0 => writeln!(
                    f,
                    "Nothing is distinguishable from chance, corrected for {of} comparisons (Holm, 5 %)."
                )?,
                _ => writeln!(f, "* {count} of {of} comparisons, distinguishable from chance (Holm, 5 %).")?,
            }
        }
        Ok(())
    }

    /// How far the features of each method are from invariant and equivariant.
    fn features(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.run.definition.problems {
            let mut rows = Vec::new();
            for method in &self.run.definition.methods {
                let own: Vec<&Outcome> = self.of(&method.name, &problem.name).collect();
                let Some(first) = own.first() else { continue };
                for (at, error) in first.features.iter().enumerate() {
                    let all: Vec<_> = own.iter().filter_map(|o| o.features.get(at)).collect();
                    let mean = |of: &dyn Fn(&FeatureError) -> Option<f64>| {
                        let found: Vec<f64> = all.iter().filter_map(|e| of(e)).collect();
                        if found.is_empty() {
                            return "–".to_string();
                        }
                        format!("{:.2}", found.iter().sum::<f64>() / found.len() as f64)
                    };
                    let name = if at == 0 { method.name.clone() } else { String::new() };
                    let blocks = (0..BLOCKS).map(|block| mean(&|e| e.equivariance.get(block).copied()?));
                    let row = [name, error.transformation.clone(), mean(&|e| e.invariance)];
                    rows.push(row.into_iter().chain(blocks).collect::<Vec<_>>());
                }
            }
            if rows.is_empty() {
                continue;
            }
            let head = ["method", "transformation", "invariance"].map(String::from);
            let blocks = (1..=BLOCKS).map(|block| format!("block {block}"));
            writeln!(
                f,
                "\nErrors of the features on {} after the inner loop of the training, √(mean ‖f(T x) − T f(x)‖² / mean ‖f(x) − f(x′)‖²), x and \
                 x′ images of a test task:\nof invariance, before the head, and of equivariance, after each block.\n\n{}",
                problem.name,
                Lines::new(head.into_iter().chain(blocks), rows)
            )?;
        }
        Ok(())
    }

    /// The names of all cells, with what each seed gave.
    fn all_seeds(&self) -> Vec<([String; 3], Vec<Option<f64>>)> {
        let definition = &self.run.definition;
        let mut cells = Vec::new();
        for problem in &definition.problems {
            for method in &definition.methods {
                let of = |seed| {
                    let mut own = self.of(&method.name, &problem.name).filter(|o| o.seed == seed);
                    Some(own.next()?.best()?.mean)
                };
                if !Table3::has_cell(problem, method) {
                    continue;
                }
                let name = [problem.name.clone(), method.name.clone(), "best".to_string()];
                cells.push((name, (0..definition.training.seeds).map(of).collect()));
            }
        }
        cells
    }
}

/// A mean in percent, to two digits.
pub fn percent(mean: Option<Mean>) -> String {
    mean.map_or_else(|| "–".to_string(), |m| format!("{:.2} ± {:.2}", m.mean, m.half_width))
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let definition = &self.run.definition;
        let tasks = definition.tasks.test_tasks;
        let own = definition.problems.iter().filter_map(|p| Some((p.test_tasks?, &p.name)));
        let own: String = own.map(|(tasks, problem)| format!(", {tasks} of {problem}")).collect();
        writeln!(f, "{}\n({tasks} test tasks{own}; {})\n", definition.title, steps(self.run))?;
        let after = definition.tasks.test_inner_steps.iter().map(|steps| match steps {
            1 => "1 step".to_string(),
            _ => format!("{steps} steps"),
        });
        let head = ["problem", "method", "validation", "best"].map(String::from).into_iter().chain(after);
        let head: Vec<String> = head.chain(["outer steps", "reference"].map(String::from)).collect();
        writeln!(f, "{}", Lines::new(head, self.rows()))?;
        writeln!(
            f,
            "validation: on validation tasks, after the number of inner steps that is best there. best: on test tasks, after \
             the same number.\n±: 95 % over test tasks, which are the same for all methods of a seed."
        )?;
        let shown = definition.bounds.reference.iter().filter(|r| self.best(&r.method, &r.problem).is_some());
        write!(f, "{}", notes(self.run, shown.map(|r| r.source.as_str()).collect()))?;
        let seeds = self.all_seeds();
        write!(f, "{}", seed_by_seed(self.run, ["problem", "method", "test"], seeds.into_iter()))?;
        write!(f, "{}", budgets::text(self.run, self.outcomes))?;
        self.features(f)?;
        self.symmetry(f)?;
        write!(f, "{}", not_checked(self.run))
    }
}
