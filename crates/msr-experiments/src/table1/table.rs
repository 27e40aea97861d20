//! Table 1 as text, with reference values, and its check against the definition.

use std::fmt::{self, Display};

use super::Table1;
use super::cell::Outcome;
use super::definition::{Problem, Reference};
use crate::engine::{Mean, Run, not_checked, notes, seed_by_seed, shown, steps};

/// The table of a run.
pub struct Table<'a> {
    run: &'a Run<Table1>,
    outcomes: &'a [Outcome],
}

impl<'a> Table<'a> {
    /// A table of these results.
    pub fn new(run: &'a Run<Table1>, outcomes: &'a [Outcome]) -> Self {
        Self { run, outcomes }
    }

    /// The results of a cell, seed by seed.
    fn of(&self, method: &str, problem: &Problem) -> impl Iterator<Item = &'a Outcome> {
        let is_cell =
            move |o: &&Outcome| o.method == method && (o.rank, &o.set) == (problem.rank, &problem.set);
        self.outcomes.iter().filter(is_cell)
    }

    fn mean(&self, method: &str, problem: &Problem) -> Option<Mean> {
        self.run.mean(self.of(method, problem).map(|o| o.error))
    }

    /// The reference values that this run can be compared with: those of the same numbers of steps.
    fn references(&self) -> impl Iterator<Item = &'a Reference> {
        let (run, training) = (self.run, &self.run.definition.training);
        run.definition.bounds.reference.iter().filter(move |r| {
            (r.outer_steps, r.inner_steps) == (training.outer_steps, training.inner_steps)
                && run.has_method(&r.method)
                && run.definition.problems.iter().any(|p| p.rank == r.rank)
        })
    }

    /// How many bounds were checked, and every value that leaves its interval, in words. None are
    /// checked when the run is not the defined experiment.
    pub fn outside(&self) -> (usize, Vec<String>) {
        let (mut checked, mut outside) = (0, Vec::new());
        if !self.run.is_defined {
            return (checked, outside);
        }
        let definition = &self.run.definition;
        for e in definition.bounds.expect.iter().filter(|e| definition.training.seeds >= e.min_seeds) {
            let Some(problem) = definition.problem(&e.problem) else { continue };
            let Some(mean) = self.mean(&e.method, problem) else { continue };
            checked += 1;
            let what = format!("{} on rank {} ({})", e.method, problem.rank, problem.set);
            outside.extend(e.outside(&what, mean));
        }
        for r in &definition.bounds.ratio {
            for problem in r.problems.iter().filter_map(|name| definition.problem(name)) {
                let pair = (self.mean(&r.method, problem), self.mean(&r.over, problem));
                let (Some(above), Some(below)) = pair else { continue };
                checked += 1;
                let ratio = above.mean / below.mean;
                let (low, high) = (r.at_least.unwrap_or(0.0), r.at_most.unwrap_or(f64::INFINITY));
                if !(low..=high).contains(&ratio) {
                    outside.push(format!(
                        "{} over {} on rank {} ({}) is {ratio:.2}, allowed is {low} to {high} ({})",
                        r.method, r.over, problem.rank, problem.set, r.source
                    ));
                }
            }
        }
        (checked, outside)
    }

    fn head(&self) -> Vec<String> {
        let methods = self.run.definition.methods.iter().map(|m| m.name.clone());
        ["training set", "rank"].map(String::from).into_iter().chain(methods).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let definition = &self.run.definition;
        let mut rows = Vec::new();
        for problem in &definition.problems {
            let mut row = vec![problem.set.clone(), problem.rank.to_string()];
            row.extend(definition.methods.iter().map(|m| shown(self.mean(&m.name, problem))));
            rows.push(row);
        }
        // The reference was measured with 20 examples per training task.
        let mut ranks: Vec<usize> = Vec::new();
        for rank in definition.problems.iter().map(|p| p.rank) {
            let new = !ranks.contains(&rank);
            ranks.extend(new.then_some(rank));
        }
        for rank in ranks {
            let of = |name: &str| self.references().find(|r| r.method == name && r.rank == rank);
            let values: Vec<_> = definition.methods.iter().map(|m| of(&m.name)).collect();
            if values.iter().any(Option::is_some) {
                let mut row = vec!["reference (large)".to_string(), rank.to_string()];
                row.extend(values.into_iter().map(|r| shown(r.map(|r| Mean::new(r.mean, r.half_width)))));
                rows.push(row);
            }
        }
        rows
    }

    /// The names of all cells, with the mean of each seed.
    fn all_seeds(&self) -> Vec<([String; 3], Vec<Option<f64>>)> {
        let definition = &self.run.definition;
        let mut cells = Vec::new();
        for problem in &definition.problems {
            for method in &definition.methods {
                let of = |seed| self.of(&method.name, problem).find(|o| o.seed == seed).map(|o| o.error.mean);
                let name = [problem.set.clone(), problem.rank.to_string(), method.name.clone()];
                cells.push((name, (0..definition.training.seeds).map(of).collect()));
            }
        }
        cells
    }
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.run.definition.title)?;
        write!(f, "{}", msr_report::Table::new(self.head(), self.rows()))?;
        writeln!(f, "\n{}; mean ± 95 % Student-t interval over test tasks.", steps(self.run))?;
        f.write_str(&notes(self.run, self.references().map(|r| r.source.as_str()).collect()))?;
        f.write_str(&seed_by_seed(
            self.run,
            ["training set", "rank", "method"],
            self.all_seeds().into_iter(),
        ))?;
        f.write_str(not_checked(self.run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Flags;
    use crate::table1::Flags as Own;

    fn run(flags: Flags<Own>) -> anyhow::Result<Run<Table1>> {
        let own = Own { ranks: vec![2], ..Own::default() };
        Run::new("table1", include_str!("../../definitions/table1.toml"), &Flags { own, ..flags })
    }

    fn outcomes(mean: impl Fn(&str) -> f64) -> Vec<Outcome> {
        let one = |method: &str| Outcome {
            method: method.into(),
            rank: 2,
            set: "large".into(),
            seed: 0,
            error: Mean::new(mean(method), 0.01),
            test_tasks: 100,
        };
        ["MAML-FC", "MAML-LC", "MAML-Conv", "MTSR-FC", "MSR-FC"].map(one).to_vec()
    }

    fn plausible(method: &str) -> f64 {
        match method {
            "MAML-FC" => 1.9,
            "MAML-LC" => 1.7,
            "MAML-Conv" => 0.44,
            "MTSR-FC" => 1e-6,
            _ => 0.06,
        }
    }

    #[test]
    fn values_outside_their_interval_are_named() -> anyhow::Result<()> {
        let defined = run(Flags::default())?;
        let outside = |mean: &dyn Fn(&str) -> f64| Table::new(&defined, &outcomes(mean)).outside().1;
        assert_eq!(outside(&plausible), Vec::<String>::new());
        assert_eq!(Table::new(&defined, &outcomes(plausible)).outside().0, 8, "five cells and three ratios");
        let worse = |m: &str| if m == "MSR-FC" { 0.4 } else { plausible(m) };
        let problems = outside(&worse).join("\n");
        assert!(
            problems.contains("MSR-FC on rank 2 (large) is 0.4000, allowed is 0.02 to 0.15"),
            "{problems}"
        );
        assert!(problems.contains("MSR-FC over MAML-Conv on rank 2 (large) is 0.91"), "{problems}");
        assert!(problems.contains("MAML-LC over MSR-FC"), "{problems}");
        assert!(!outside(&|m: &str| if m == "MTSR-FC" { f64::NAN } else { plausible(m) }).is_empty());
        // With other steps the bounds say nothing.
        let defined = run(Flags { outer_steps: Some(5), ..Flags::default() })?;
        assert_eq!(Table::new(&defined, &outcomes(worse)).outside(), (0, Vec::new()));
        Ok(())
    }

    #[test]
    fn the_table_shows_values_and_references() -> anyhow::Result<()> {
        let defined = run(Flags::default())?;
        let text = Table::new(&defined, &outcomes(plausible)).to_string();
        for words in ["0.0600 ± 0.0100", "1.0e-6 ± 0.0100", "0.0890 ± 0.0120", "reference (large)"] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with('|')).collect();
        let width = |l: &str| l.chars().count();
        assert!(lines.iter().all(|l| width(l) == width(lines[0])), "{text}");
        Ok(())
    }
}
