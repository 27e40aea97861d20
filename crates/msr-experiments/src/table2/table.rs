//! Table 2 as text, with reference values and the symmetry report, and its check against the definition.

use std::fmt::{self, Display};

use msr_groups::LARGEST_PLANE_RESIDUAL;

use super::cell::CellResult;
use super::definition::Reference;
use super::plan::Plan;
use super::symmetry::SHORTEST_WAVE;
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

    /// The results of a cell, seed by seed.
    fn seeds(&self, method: &str, problem: &str) -> Vec<&CellResult> {
        self.results.iter().filter(|r| r.method == method && r.problem == problem).collect()
    }

    fn value(&self, method: &str, problem: &str, steps: u64) -> Option<Mean> {
        let found = self.seeds(method, problem).into_iter();
        self.plan.settings.mean(found.filter_map(|r| r.after(steps)))
    }

    /// How many test tasks there were, for each problem where they differ: a file may have fewer than planned.
    fn tested_tasks(&self) -> String {
        let of = |problem: &'a String| {
            let results = self.results.iter().filter(|r| r.problem == *problem);
            Some((problem, results.flat_map(|r| &r.tested).map(|t| t.tasks).max()?))
        };
        let counts: Vec<(&String, usize)> = self.plan.problems.iter().filter_map(of).collect();
        match counts.as_slice() {
            [] => "no".into(),
            [(_, first), rest @ ..] if rest.iter().all(|(_, count)| count == first) => first.to_string(),
            _ => counts.iter().map(|(p, count)| format!("{count} ({p})")).collect::<Vec<_>>().join(", "),
        }
    }

    /// The reference values that this run can be compared with.
    fn references(&self) -> impl Iterator<Item = &Reference> {
        let plan = self.plan;
        plan.definition.reference.iter().filter(move |r| {
            r.inner_steps == plan.settings.inner_steps
                && plan.settings.methods.contains(&r.method)
                && plan.problems.contains(&r.problem)
                && plan.tests().contains(&r.outer_steps)
        })
    }

    /// How many bounds were checked, and every value that leaves its interval, in words. None are checked
    /// when the run is not the defined experiment.
    pub fn outside(&self) -> (usize, Vec<String>) {
        let (mut checked, mut problems) = (0, Vec::new());
        if !self.plan.settings.is_defined {
            return (checked, problems);
        }
        for e in &self.plan.definition.expect {
            let Some(value) = self.value(&e.method, &e.problem, e.outer_steps) else { continue };
            checked += 1;
            let what = format!("{} on {} after {} steps", e.method, e.problem, e.outer_steps);
            problems.extend(value.outside(&what, e.at_least, e.at_most, &e.source));
        }
        for r in self.results {
            let (Some(report), Some(problem)) =
                (&r.symmetry, self.plan.definition.problems.iter().find(|p| p.name == r.problem))
            else {
                continue;
            };
            checked += 1;
            let expected = problem.group().to_string();
            if report.group.as_ref() != Some(&expected) {
                problems.push(format!(
                    "{} on {}, seed {}: the group read out is {}, not {expected}",
                    r.method,
                    r.problem,
                    r.seed,
                    report.group.as_deref().unwrap_or("none")
                ));
            }
        }
        (checked, problems)
    }

    /// The names of all cells, with the mean of each seed.
    fn all_seeds(&self) -> Vec<([String; 3], Vec<Option<f64>>)> {
        let mut cells = Vec::new();
        for problem in &self.plan.problems {
            for method in &self.plan.settings.methods {
                for steps in self.plan.tests() {
                    let results = self.seeds(method, problem);
                    let of = |seed| results.iter().find(|r| r.seed == seed)?.after(steps);
                    let means = (0..self.plan.settings.seeds).map(|seed| of(seed).map(|m| m.mean)).collect();
                    cells.push(([problem.clone(), steps.to_string(), method.clone()], means));
                }
            }
        }
        cells
    }

    /// What the learned parameters and the adapted layers say about the symmetry, a row per run.
    fn symmetry(&self) -> String {
        let head = ["problem", "method", "seed", "group", "residual", "best wrong", "filters", "images"];
        let mut rows = Vec::new();
        for problem in &self.plan.problems {
            for method in &self.plan.settings.methods {
                for r in self.seeds(method, problem) {
                    let dash = || "–".to_string();
                    let s = r.symmetry.as_ref();
                    let group = match s.map(|s| &s.group) {
                        Some(Some(group)) => group.clone(),
                        Some(None) => "none".into(),
                        None => dash(),
                    };
                    let true_images =
                        r.equivariance.true_images.map_or_else(String::new, |t| format!(" ({})", short(t)));
                    rows.push(vec![
                        problem.clone(),
                        method.clone(),
                        r.seed.to_string(),
                        group,
                        s.and_then(|s| s.right).map_or_else(dash, short),
                        s.and_then(|s| s.wrong.as_ref())
                            .map_or_else(dash, |(g, x)| format!("{g} {}", short(*x))),
                        r.equivariance.filters.map_or_else(dash, short),
                        format!("{}{true_images}", r.equivariance.images.map_or_else(dash, short)),
                    ]);
                }
            }
        }
        aligned(&head.map(String::from), &rows)
    }
}

/// Three decimals.
fn short(x: f64) -> String {
    format!("{x:.3}")
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, settings) = (self.plan, &self.plan.settings);
        let methods = &settings.methods;
        let head: Vec<String> =
            ["problem", "outer steps"].map(String::from).into_iter().chain(methods.clone()).collect();
        let mut rows = Vec::new();
        for problem in &plan.problems {
            for steps in plan.tests() {
                let mut row = vec![problem.clone(), steps.to_string()];
                row.extend(methods.iter().map(|m| shown(self.value(m, problem, steps))));
                rows.push(row);
                let of = |m: &String| {
                    self.references()
                        .find(|r| r.method == *m && r.problem == *problem && r.outer_steps == steps)
                };
                if methods.iter().any(|m| of(m).is_some()) {
                    let mut row = vec![format!("{problem}, reference"), steps.to_string()];
                    let mean = |r: &Reference| Mean::new(r.mean, r.half_width);
                    row.extend(methods.iter().map(|m| shown(of(m).map(mean))));
                    rows.push(row);
                }
            }
        }
        writeln!(f, "{}\n", plan.definition.title)?;
        f.write_str(&aligned(&head, &rows))?;
        writeln!(
            f,
            "\n{}, {}; mean ± 95 % Student-t interval over {} test tasks.",
            steps(settings, &plan.definition.methods),
            seeds(settings.seeds),
            self.tested_tasks()
        )?;
        let sources = self.references().map(|r| r.source.as_str()).collect();
        write!(f, "{}", Notes { settings, methods: &plan.definition.methods, sources })?;
        writeln!(f, "\nThe symmetry that was learned, after {} outer steps:\n", settings.outer_steps)?;
        f.write_str(&self.symmetry())?;
        writeln!(
            f,
            "\ngroup: what A, B, C or U say, without the tasks. residual: that of the true group; zero is exact, and below\n\
             {LARGEST_PLANE_RESIDUAL} a group holds. best wrong: the best group that should not hold, of all C_N and D_N whose order divides the\n\
             number of channels. filters: equivariance error ‖W − P W‖ / ‖W‖ of layers adapted to test tasks. images: the\n\
             same on random images of waves of at least {SHORTEST_WAVE} pixels (in brackets, that of the true filters)."
        )?;
        let head = ["problem", "outer steps", "method"];
        f.write_str(&seed_by_seed(settings, head, self.all_seeds().into_iter()))?;
        f.write_str(not_checked(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::SettingsArgs;
    use crate::table2::definition::Definition;
    use crate::table2::plan::PlanArgs;
    use crate::table2::symmetry::{Equivariance, SymmetryReport};
    use crate::training::Tested;

    fn results(plan: &Plan, msr: f64, group: &str) -> Vec<CellResult> {
        let one = |method: &String| CellResult {
            method: method.clone(),
            problem: "C8".into(),
            seed: 0,
            tested: [300, 500, 1000]
                .map(|outer_steps| {
                    let mean = if method == "MAML-Conv" { 0.5 } else { msr };
                    Tested { outer_steps, mean, half_width: 1e-4, tasks: 400 }
                })
                .to_vec(),
            symmetry: (method != "MAML-Conv").then(|| SymmetryReport {
                group: (!group.is_empty()).then(|| group.to_string()),
                residuals: vec![(group.to_string(), 0.03)],
                right: Some(0.03),
                wrong: Some(("C24".into(), 0.5)),
            }),
            equivariance: Equivariance { filters: Some(0.02), images: Some(0.05), true_images: Some(0.04) },
        };
        plan.settings.methods.iter().map(one).collect()
    }

    #[test]
    fn values_and_groups_that_are_wrong_are_named() -> anyhow::Result<()> {
        let args = PlanArgs { problems: vec!["C8".into()], ..PlanArgs::default() };
        let plan = Plan::new(Definition::read("table2")?, &args)?;
        let outside = |msr: f64, group: &str| Table::new(&plan, &results(&plan, msr, group)).outside();
        // Seven intervals and four groups.
        assert_eq!(outside(0.001, "C8"), (11, Vec::new()));
        let (_, problems) = outside(0.02, "D8");
        let problems = problems.join("\n");
        assert!(
            problems.contains("MSR-Conv on C8 after 500 steps is 0.0200, allowed is 0 to 0.01"),
            "{problems}"
        );
        assert!(problems.contains("MSR-Conv on C8, seed 0: the group read out is D8, not C8"), "{problems}");
        assert!(outside(0.001, "").1.join("\n").contains("read out is none, not C8"));
        let settings = SettingsArgs { outer_steps: Some(7), ..SettingsArgs::default() };
        let other = PlanArgs { settings, ..args };
        let plan = Plan::new(Definition::read("table2")?, &other)?;
        assert_eq!(Table::new(&plan, &results(&plan, 0.02, "D8")).outside(), (0, Vec::new()));
        Ok(())
    }

    #[test]
    fn seeds_stand_in_their_columns() -> anyhow::Result<()> {
        let settings = SettingsArgs {
            seeds: Some(2),
            methods: vec!["MSR-Conv-exact".into()],
            ..SettingsArgs::default()
        };
        let plan =
            Plan::new(Definition::read("table2")?, &PlanArgs { settings, problems: vec!["C8".into()] })?;
        let mut found = results(&plan, 0.001, "C8");
        found.iter_mut().for_each(|r| r.seed = 1);
        let text = Table::new(&plan, &found).to_string();
        assert!(text.contains("| C8      | 1000        | MSR-Conv-exact | –      | 0.0010 |"), "{text}");
        assert!(text.contains("\n1000 outer steps, 2 seeds;") && !text.contains("inner and"), "{text}");
        Ok(())
    }

    #[test]
    fn test_tasks_are_counted_for_each_problem() -> anyhow::Result<()> {
        let plan = Plan::new(Definition::read("table2")?, &PlanArgs::default())?;
        let mut all = results(&plan, 0.001, "C8");
        let mut others = all.clone();
        for r in &mut others {
            r.problem = "D8".into();
            r.tested.iter_mut().for_each(|t| t.tasks = 120);
        }
        all.extend(others);
        assert_eq!(Table::new(&plan, &all).tested_tasks(), "400 (C8), 120 (D8)");
        Ok(())
    }

    #[test]
    fn the_table_shows_values_references_and_groups() -> anyhow::Result<()> {
        let args = PlanArgs { problems: vec!["C8".into()], ..PlanArgs::default() };
        let plan = Plan::new(Definition::read("table2")?, &args)?;
        let text = Table::new(&plan, &results(&plan, 0.001, "C8")).to_string();
        assert!(text.contains("over 400 test tasks"), "{text}");
        for words in
            ["0.0066 ± 0.0006", "C8, reference", "0.0010 ± 1.0e-4", "C24 0.500", "0.050 (0.040)", "| 300 "]
        {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
        Ok(())
    }
}
