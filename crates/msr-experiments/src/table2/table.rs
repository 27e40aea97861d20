//! Table 2 as text, with reference values and the symmetry report, and its check against the
//! definition.

use std::fmt::{self, Display};

use msr_groups::{LARGEST_PLANE_RESIDUAL, PlaneGroup};

use super::Table2;
use super::cell::Outcome;
use super::definition::Reference;
use super::symmetry::SHORTEST_WAVE;
use crate::engine::{Mean, Run, Training, not_checked, notes, seed_by_seed, shown, steps};

/// The table of a run.
pub struct Table<'a> {
    run: &'a Run<Table2>,
    outcomes: &'a [Outcome],
}

impl<'a> Table<'a> {
    /// A table of these results.
    pub fn new(run: &'a Run<Table2>, outcomes: &'a [Outcome]) -> Self {
        Self { run, outcomes }
    }

    /// The results of a cell, seed by seed.
    fn of(&self, method: &str, problem: &str) -> impl Iterator<Item = &'a Outcome> {
        self.outcomes.iter().filter(move |o| o.method == method && o.problem == problem)
    }

    fn mean(&self, method: &str, problem: &str, steps: u64) -> Option<Mean> {
        self.run.mean(self.of(method, problem).filter_map(|o| o.after(steps)))
    }

    fn problems(&self) -> impl Iterator<Item = &'a String> {
        self.run.definition.problems.iter().map(|p| &p.name)
    }

    fn methods(&self) -> impl Iterator<Item = &'a String> {
        self.run.definition.methods.iter().map(|m| &m.name)
    }

    /// How many test tasks there were, for each problem where they differ: a file may have fewer
    /// than planned.
    fn tested_tasks(&self) -> String {
        let of = |problem: &'a String| {
            let outcomes = self.outcomes.iter().filter(|o| o.problem == *problem);
            Some((problem, outcomes.flat_map(|o| &o.tested).map(|t| t.tasks).max()?))
        };
        let counts: Vec<(&String, usize)> = self.problems().filter_map(of).collect();
        match counts.as_slice() {
            [] => "no".into(),
            [(_, first), rest @ ..] if rest.iter().all(|(_, count)| count == first) => first.to_string(),
            _ => counts.iter().map(|(p, count)| format!("{count} ({p})")).collect::<Vec<_>>().join(", "),
        }
    }

    /// The reference values that this run can be compared with.
    fn references(&self) -> impl Iterator<Item = &'a Reference> {
        let run = self.run;
        let Training { inner_steps, .. } = run.definition.training;
        let tests = run.definition.training.tests();
        run.definition.bounds.reference.iter().filter(move |r| {
            r.inner_steps == inner_steps
                && run.has_method(&r.method)
                && run.definition.problem(&r.problem).is_some()
                && tests.contains(&r.outer_steps)
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
        for e in &definition.bounds.expect {
            let steps = e.outer_steps.unwrap_or(definition.training.outer_steps);
            let Some(mean) = self.mean(&e.method, &e.problem, steps) else { continue };
            checked += 1;
            outside.extend(e.outside(&format!("{} on {} after {steps} steps", e.method, e.problem), mean));
        }
        for o in self.outcomes {
            let (Some(report), Some(problem)) = (&o.symmetry, definition.problem(&o.problem)) else {
                continue;
            };
            checked += 1;
            let expected = problem.group();
            // Results of earlier versions call it C8.
            let found = report.group.as_deref().and_then(|name| name.parse::<PlaneGroup>().ok());
            if found != Some(expected) {
                outside.push(format!(
                    "{} on {}, seed {}: the group read out is {}, not {expected}",
                    o.method,
                    o.problem,
                    o.seed,
                    report.group.as_deref().unwrap_or("none")
                ));
            }
        }
        (checked, outside)
    }

    /// The names of all cells, with the mean of each seed.
    fn all_seeds(&self) -> Vec<([String; 3], Vec<Option<f64>>)> {
        let training = &self.run.definition.training;
        let mut cells = Vec::new();
        for problem in self.problems() {
            for method in self.methods() {
                for steps in training.tests() {
                    let of = |seed| self.of(method, problem).find(|o| o.seed == seed)?.after(steps);
                    let means = (0..training.seeds).map(|seed| of(seed).map(|m| m.mean)).collect();
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
        for problem in self.problems() {
            for method in self.methods() {
                for r in self.of(method, problem) {
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
        msr_report::Table::new(head, rows).to_string()
    }
}

/// Three decimals.
fn short(x: f64) -> String {
    format!("{x:.3}")
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run;
        let head: Vec<String> =
            ["problem", "outer steps"].map(String::from).into_iter().chain(self.methods().cloned()).collect();
        let mut rows = Vec::new();
        for problem in self.problems() {
            for steps in run.definition.training.tests() {
                let mut row = vec![problem.clone(), steps.to_string()];
                row.extend(self.methods().map(|m| shown(self.mean(m, problem, steps))));
                rows.push(row);
                let of = |m: &String| {
                    self.references()
                        .find(|r| r.method == *m && r.problem == *problem && r.outer_steps == steps)
                };
                if self.methods().any(|m| of(m).is_some()) {
                    let mut row = vec![format!("{problem}, reference"), steps.to_string()];
                    let mean = |r: &Reference| Mean::new(r.mean, r.half_width);
                    row.extend(self.methods().map(|m| shown(of(m).map(mean))));
                    rows.push(row);
                }
            }
        }
        writeln!(f, "{}\n", run.definition.title)?;
        write!(f, "{}", msr_report::Table::new(head, rows))?;
        writeln!(
            f,
            "\n{}; mean ± 95 % Student-t interval over {} test tasks.",
            steps(run),
            self.tested_tasks()
        )?;
        f.write_str(&notes(run, self.references().map(|r| r.source.as_str()).collect()))?;
        let outer_steps = run.definition.training.outer_steps;
        writeln!(f, "\nThe symmetry that was learned, after {outer_steps} outer steps:\n")?;
        f.write_str(&self.symmetry())?;
        writeln!(
            f,
            "\ngroup: what A, B, C or U say, without the tasks. residual: that of the true group; zero is exact, and below\n\
             {LARGEST_PLANE_RESIDUAL} a group holds. best wrong: the best group that should not hold, of all C_N and D_N whose order divides the\n\
             number of channels. filters: equivariance error ‖W − P W‖ / ‖W‖ of layers adapted to test tasks. images: the\n\
             same on random images of waves of at least {SHORTEST_WAVE} pixels (in brackets, that of the true filters)."
        )?;
        let head = ["problem", "outer steps", "method"];
        f.write_str(&seed_by_seed(run, head, self.all_seeds().into_iter()))?;
        f.write_str(not_checked(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Flags, Tested};
    use crate::table2::Flags as Own;
    use crate::table2::symmetry::{Equivariance, SymmetryReport};

    fn run(problems: &[&str], flags: Flags<Own>) -> anyhow::Result<Run<Table2>> {
        let problems = problems.iter().map(ToString::to_string).collect();
        let flags = Flags { own: Own { problems, ..Own::default() }, ..flags };
        Run::new("table2", include_str!("../../definitions/table2.toml"), &flags)
    }

    fn outcomes(run: &Run<Table2>, msr: f64, group: &str) -> Vec<Outcome> {
        let one = |method: &str| Outcome {
            method: method.into(),
            problem: "C_8".into(),
            seed: 0,
            tested: [300, 500, 1000]
                .map(|outer_steps| {
                    let mean = if method == "MAML-Conv" { 0.5 } else { msr };
                    Tested { outer_steps, error: Mean::new(mean, 1e-4), tasks: 400 }
                })
                .to_vec(),
            symmetry: (method != "MAML-Conv").then(|| SymmetryReport {
                group: (!group.is_empty()).then(|| group.to_string()),
                residuals: vec![(group.to_string(), 0.03)],
                right: Some(0.03),
                wrong: Some(("C_24".into(), 0.5)),
            }),
            equivariance: Equivariance { filters: Some(0.02), images: Some(0.05), true_images: Some(0.04) },
        };
        run.definition.methods.iter().map(|m| one(&m.name)).collect()
    }

    #[test]
    fn values_and_groups_that_are_wrong_are_named() -> anyhow::Result<()> {
        let defined = run(&["C_8"], Flags::default())?;
        let outside = |msr: f64, group: &str| Table::new(&defined, &outcomes(&defined, msr, group)).outside();
        // Seven intervals and four groups.
        assert_eq!(outside(0.001, "C_8"), (11, Vec::new()));
        let (_, problems) = outside(0.02, "D_8");
        let problems = problems.join("\n");
        assert!(
            problems.contains("MSR-Conv on C_8 after 500 steps is 0.0200, allowed is 0 to 0.01"),
            "{problems}"
        );
        assert!(
            problems.contains("MSR-Conv on C_8, seed 0: the group read out is D_8, not C_8"),
            "{problems}"
        );
        assert!(outside(0.001, "").1.join("\n").contains("read out is none, not C_8"));
        let defined = run(&["C_8"], Flags { outer_steps: Some(7), ..Flags::default() })?;
        assert_eq!(Table::new(&defined, &outcomes(&defined, 0.02, "D_8")).outside(), (0, Vec::new()));
        Ok(())
    }

    #[test]
    fn seeds_stand_in_their_columns() -> anyhow::Result<()> {
        let flags = Flags { seeds: Some(2), methods: vec!["MSR-Conv-exact".into()], ..Flags::default() };
        let defined = run(&["C_8"], flags)?;
        let mut found = outcomes(&defined, 0.001, "C_8");
        found.iter_mut().for_each(|r| r.seed = 1);
        let text = Table::new(&defined, &found).to_string();
        assert!(text.contains("| C_8     | 1000        | MSR-Conv-exact | –      | 0.0010 |"), "{text}");
        assert!(text.contains("\n1000 outer steps, 2 seeds;") && !text.contains("inner and"), "{text}");
        Ok(())
    }

    #[test]
    fn test_tasks_are_counted_for_each_problem() -> anyhow::Result<()> {
        let defined = run(&[], Flags::default())?;
        let mut all = outcomes(&defined, 0.001, "C_8");
        let mut others = all.clone();
        for r in &mut others {
            r.problem = "D_8".into();
            r.tested.iter_mut().for_each(|t| t.tasks = 120);
        }
        all.extend(others);
        assert_eq!(Table::new(&defined, &all).tested_tasks(), "400 (C_8), 120 (D_8)");
        Ok(())
    }

    #[test]
    fn the_table_shows_values_references_and_groups() -> anyhow::Result<()> {
        let defined = run(&["C_8"], Flags::default())?;
        let text = Table::new(&defined, &outcomes(&defined, 0.001, "C_8")).to_string();
        assert!(text.contains("over 400 test tasks"), "{text}");
        for words in
            ["0.0066 ± 0.0006", "C_8, reference", "0.0010 ± 1.0e-4", "C_24 0.500", "0.050 (0.040)", "| 300 "]
        {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
        Ok(())
    }
}
