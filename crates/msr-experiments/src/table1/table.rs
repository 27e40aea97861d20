//! Table 1 as text, with reference values, and its check against the definition.

use std::fmt::{self, Display};

use super::cell::CellResult;
use super::definition::Reference;
use super::plan::Plan;
use crate::comparison::{Notes, not_checked, seed_by_seed, steps};
use crate::mean::{Mean, shown};
use crate::report::table::{aligned, seeds};

/// The table of a run.
pub struct Table<'a> {
    plan: &'a Plan,
    results: &'a [CellResult],
}

impl<'a> Table<'a> {
    /// A table of these results.
    pub fn new(plan: &'a Plan, results: &'a [CellResult]) -> Self {
        Self { plan, results }
    }

    fn value(&self, method: &str, rank: usize, set: &str) -> Option<Mean> {
        let found = self.results.iter().filter(|r| r.method == method && r.rank == rank && r.set == set);
        self.plan.settings.mean(found.map(|r| Mean::new(r.mean, r.half_width)))
    }

    /// The reference values that this run can be compared with: those of the same numbers of steps.
    fn references(&self) -> impl Iterator<Item = &Reference> {
        let (plan, settings) = (self.plan, &self.plan.settings);
        let comparable = settings.outer_steps == plan.definition.training.outer_steps;
        plan.definition.reference.iter().filter(move |r| {
            comparable
                && r.inner_steps == settings.inner_steps
                && settings.methods.contains(&r.method)
                && plan.ranks.contains(&r.rank)
        })
    }

    /// The means of all seeds of a cell.
    fn seeds(&self, cell: &CellResult) -> Vec<Option<f64>> {
        let of = |seed| {
            let same = |o: &&CellResult| {
                (&o.method, o.rank, &o.set, o.seed) == (&cell.method, cell.rank, &cell.set, seed)
            };
            self.results.iter().find(same).map(|o| o.mean)
        };
        (0..self.plan.settings.seeds).map(of).collect()
    }

    fn reference(&self, method: &str, rank: usize) -> Option<&Reference> {
        self.references().find(|r| r.method == method && r.rank == rank)
    }

    /// How many bounds were checked, and every value that leaves its interval, in words. None are checked
    /// when the run is not the defined experiment.
    pub fn outside(&self) -> (usize, Vec<String>) {
        let (mut checked, mut problems) = (0, Vec::new());
        if !self.plan.settings.is_defined {
            return (checked, problems);
        }
        for e in self.plan.definition.expect.iter().filter(|e| self.plan.settings.seeds >= e.min_seeds) {
            let Some(value) = self.value(&e.method, e.rank, &e.set) else { continue };
            checked += 1;
            let what = format!("{} on rank {} ({})", e.method, e.rank, e.set);
            problems.extend(value.outside(&what, e.at_least, e.at_most, &e.source));
        }
        for r in &self.plan.definition.ratio {
            for &rank in &r.ranks {
                let pair = (self.value(&r.method, rank, &r.set), self.value(&r.over, rank, &r.set));
                let (Some(above), Some(below)) = pair else { continue };
                checked += 1;
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
        (checked, problems)
    }
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, settings) = (self.plan, &self.plan.settings);
        let methods = &settings.methods;
        let head: Vec<String> =
            ["training set", "rank"].map(String::from).into_iter().chain(methods.clone()).collect();
        let mut rows = Vec::new();
        for set in &plan.sets {
            for &rank in &plan.ranks {
                let mut row = vec![set.clone(), rank.to_string()];
                row.extend(methods.iter().map(|m| shown(self.value(m, rank, set))));
                rows.push(row);
            }
        }
        // The reference was measured with 20 examples per training task.
        for &rank in &plan.ranks {
            let values: Vec<_> = methods.iter().map(|m| self.reference(m, rank)).collect();
            if values.iter().any(Option::is_some) {
                let mut row = vec!["reference (large)".to_string(), rank.to_string()];
                let mean = |r: &Reference| Mean::new(r.mean, r.half_width);
                row.extend(values.into_iter().map(|r| shown(r.map(mean))));
                rows.push(row);
            }
        }
        writeln!(f, "{}\n", plan.definition.title)?;
        f.write_str(&aligned(&head, &rows))?;
        writeln!(
            f,
            "\n{}, {}; mean ± 95 % Student-t interval over test tasks.",
            steps(settings, &plan.definition.methods),
            seeds(settings.seeds)
        )?;
        let sources = self.references().map(|r| r.source.as_str()).collect();
        write!(f, "{}", Notes { settings, methods: &plan.definition.methods, sources })?;
        let cells = self.results.iter().filter(|r| r.seed == 0);
        let cells = cells.map(|r| ([r.set.clone(), r.rank.to_string(), r.method.clone()], self.seeds(r)));
        f.write_str(&seed_by_seed(settings, ["training set", "rank", "method"], cells))?;
        f.write_str(not_checked(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::SettingsArgs;
    use crate::table1::definition::Definition;
    use crate::table1::plan::PlanArgs;

    fn results(mean: impl Fn(&str) -> f64) -> Vec<CellResult> {
        let one = |method: &str| CellResult {
            method: method.into(),
            rank: 2,
            set: "large".into(),
            seed: 0,
            mean: mean(method),
            half_width: 0.01,
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
        let plan =
            Plan::new(Definition::read("table1")?, &PlanArgs { ranks: vec![2], ..PlanArgs::default() })?;
        let outside = |mean: &dyn Fn(&str) -> f64| Table::new(&plan, &results(mean)).outside().1;
        assert_eq!(outside(&plausible), Vec::<String>::new());
        assert_eq!(Table::new(&plan, &results(plausible)).outside().0, 8, "five cells and three ratios");
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
        let settings = SettingsArgs { outer_steps: Some(5), ..SettingsArgs::default() };
        let other = PlanArgs { settings, ranks: vec![2], ..PlanArgs::default() };
        let plan = Plan::new(Definition::read("table1")?, &other)?;
        assert_eq!(Table::new(&plan, &results(worse)).outside(), (0, Vec::new()));
        Ok(())
    }

    #[test]
    fn the_table_shows_values_and_references() -> anyhow::Result<()> {
        let plan =
            Plan::new(Definition::read("table1")?, &PlanArgs { ranks: vec![2], ..PlanArgs::default() })?;
        let text = Table::new(&plan, &results(plausible)).to_string();
        for words in ["0.0600 ± 0.0100", "1.0e-6 ± 0.0100", "0.0890 ± 0.0120", "reference (large)"] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with('|')).collect();
        let width = |l: &str| l.chars().count();
        assert!(lines.iter().all(|l| width(l) == width(lines[0])), "{text}");
        Ok(())
    }
}
